"""The whole chain on a simulated survey, or on one's own images, once `lse up` answers."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any

from lse.cli.session import progress_display, wait_for
from lse.client import connect
from lse.client.pipeline_file import PRETRAINED, Pipeline, load_pipeline
from lse.embedded.folder import NET_OF_PHOTOGRAPHS, check_images, key_of_catalogue, recipe_of_photographs
from lse.errors import InvalidArgumentError, LseError, NotFoundError

__all__ = ["Quickstart", "own_images"]

_DEMO_PIPELINE = Path(__file__).parents[1] / "demo" / "pipeline.yaml"
_OWN_METHOD = "simclr"


def own_images(folder: Path) -> Pipeline:
    """Pipeline for a folder of images that nothing else is known of.

    The recipe is suggested from the images; the one CSV file beside them, if there is one, is their catalogue.
    Photographs go through a network that was trained on photographs, where the package with its weights is installed;
    all other images are learnt from.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    InvalidArgumentError
        If there are fewer than two images or several CSV files in it.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}: give the folder of your images.", reason="SOURCE_NOT_FOUND")
    tables = sorted(folder.glob("*.csv"))
    if len(tables) > 1:
        raise InvalidArgumentError(
            f"{folder} has {len(tables)} CSV files, such as {tables[0].name} and {tables[1].name}: leave the one that "
            "is the catalogue, or declare a pipeline and use `lse pipeline run`.",
            reason="CATALOGUE_AMBIGUOUS",
        )
    check_images(folder)
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:40] or "images"
    recipe = recipe_of_photographs(folder)
    encoder: dict[str, Any] = {"name": f"{name}-{_OWN_METHOD}", "method": _OWN_METHOD}
    if recipe is not None:
        encoder = {"name": f"{name}-pretrained", "method": PRETRAINED, "parameters": {"backbone": NET_OF_PHOTOGRAPHS}}
    content: dict[str, Any] = {
        "dataset": {
            "name": name,
            "sources": [str(folder)],
            "recipe": recipe,
            "catalogue": str(tables[0]) if tables else None,
            "catalogue_key": key_of_catalogue(folder, tables[0]) if tables else None,
        },
        "encoder": encoder,
        "experiment": {"name": name},
        "projections": [
            {"name": "pca", "method": "pca"},
            {"name": "umap-3d", "method": "umap", "components": 3, "optional": True},
            # The explorer opens at the newest.
            {"name": "umap", "method": "umap", "optional": True},
        ],
        "clusterings": [
            {"name": "hdbscan", "method": "hdbscan", "optional": True},
            {"name": "kmeans", "method": "kmeans", "optional": True},
        ],
    }
    return Pipeline.model_validate(content)


class Quickstart:
    """The chain.

    Parameters
    ----------
    images
        Folder of the user's images, None for the simulated survey.
    home
        Folder that the survey is simulated in.

    Attributes
    ----------
    failed
        Whether it failed.

    Raises
    ------
    NotFoundError, InvalidArgumentError
        If the images cannot be taken, see `own_images`.
    """

    def __init__(self, images: Path | None, home: Path) -> None:
        self._own = None if images is None else own_images(images)
        self._survey = home / "demo-survey"
        self.failed = False

    def run(self, address: str, explorer: str) -> None:
        """Run the chain and open the explorer; a failure ends the program.

        Parameters
        ----------
        address
            Of the services.
        explorer
            URL of the explorer; empty where there is none.
        """
        try:
            self._run(address, explorer)
        except LseError as error:
            _say(error.message)
            self.failed = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _run(self, address: str, explorer: str) -> None:
        from lse.cli.groups.pipeline import print_report
        from lse.client.pipeline import run_pipeline

        pipeline = self._own or self._demo()
        with connect(address) as client:
            print_report(run_pipeline(client, pipeline, watch=wait_for))
            project = client.project
        if not explorer:
            return
        url = f"{explorer}/?project={project}&experiment={pipeline.experiment.name}"
        _say(f"The explorer is open at {url} (Ctrl-C ends it; the same command comes back to it).")
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin":
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    def _demo(self) -> Pipeline:
        from lse.demo.survey import simulate_survey

        _say("Simulating a survey of 2,000 cutouts …")
        with progress_display() as display:
            summary = simulate_survey(self._survey, progress=display.show)
        if summary.reused:
            _say("The simulated survey is there already.")
        return load_pipeline(_DEMO_PIPELINE, data=self._survey)


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # what a person reads in the terminal
