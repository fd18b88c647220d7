"""``make run``: the whole chain on a simulated survey, or on one's own images, and the explorer open on it."""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any

from lse.client.pipeline_file import Pipeline, load_pipeline
from lse.embedded.up import UpSettings, run
from lse.platform.errors import InvalidArgumentError, LseError, NotFoundError

__all__ = ["main", "own_images"]

_DEMO_PIPELINE = Path(__file__).parents[1] / "demo" / "pipeline.yaml"
_OWN_METHOD = "simclr"


def main() -> int:
    """Start everything, run the chain, leave the explorer open until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("lse-home"), help="folder in which everything is kept")
    parser.add_argument("--data", type=Path, help="folder of images; a simulated survey when not given")
    parser.add_argument("--host", default="127.0.0.1", help="interface to listen on")
    parser.add_argument("--grpc-port", type=int, default=50051, help="port of the services")
    parser.add_argument("--dashboard-port", type=int, default=5006, help="port of the explorer")
    arguments = parser.parse_args()
    settings = UpSettings(
        home=arguments.home,
        host=arguments.host,
        grpc_port=arguments.grpc_port,
        dashboard_port=arguments.dashboard_port,
    )
    quickstart = _Quickstart(settings, arguments.data)
    try:
        quickstart.check()
        _say("Starting services, workers and explorer …")
        run(settings, on_ready=quickstart.go)
    except LseError as error:
        _say(error.message)
        return 1
    return 1 if quickstart.failed else 0


def own_images(folder: Path) -> Pipeline:
    """Pipeline for a folder of images that nothing else is known of.

    The recipe is suggested from the images; the one CSV file beside them, if there is one, is their catalogue.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    InvalidArgumentError
        If there are several CSV files in it.
    """
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}: give the folder of your images.", reason="SOURCE_NOT_FOUND")
    tables = sorted(folder.glob("*.csv"))
    if len(tables) > 1:
        raise InvalidArgumentError(
            f"{folder} has {len(tables)} CSV files, such as {tables[0].name} and {tables[1].name}: leave the one that "
            "is the catalogue, or declare a pipeline and use `lse pipeline run`.",
            reason="SEVERAL_CATALOGUES",
        )
    name = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:40] or "images"
    content: dict[str, Any] = {
        "dataset": {
            "name": name,
            "sources": [str(folder)],
            "catalogue": str(tables[0]) if tables else None,
        },
        "encoder": {"name": f"{name}-{_OWN_METHOD}", "method": _OWN_METHOD},
        "experiment": {"name": name},
        "projections": [
            {"name": "pca", "method": "pca"},
            {"name": "umap-3d", "method": "umap", "components": 3},
            # The explorer opens at the newest.
            {"name": "umap", "method": "umap"},
        ],
        "clusterings": [{"name": "hdbscan", "method": "hdbscan"}, {"name": "kmeans", "method": "kmeans"}],
    }
    return Pipeline.model_validate(content)


class _Quickstart:
    """The chain, once everything answers.

    Parameters
    ----------
    settings
        What was started.
    data
        Folder of the user's images, None for the demo.
    """

    def __init__(self, settings: UpSettings, data: Path | None) -> None:
        self._settings = settings
        self._data = data
        self.failed = False

    def check(self) -> None:
        """Find out what is wrong with the images before anything is started."""
        if self._data is not None:
            own_images(self._data)

    def go(self) -> None:
        """Run the chain and open the explorer; a failure ends the program."""
        try:
            self._go()
        except LseError as error:
            _say(error.message)
            self.failed = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _go(self) -> None:
        from lse.cli.pipeline import print_report
        from lse.client import connect
        from lse.client.pipeline import run_pipeline

        pipeline = self._demo() if self._data is None else own_images(self._data)
        with connect(f"{self._settings.host}:{self._settings.grpc_port}") as client:
            report = run_pipeline(client, pipeline, watch=_watch)
            project = client.project
        print_report(report)
        url = (
            f"http://{self._settings.host}:{self._settings.dashboard_port}/"
            f"?project={project}&experiment={pipeline.experiment.name}"
        )
        _say(f"The explorer is open at {url} (Ctrl-C ends it; `make run` comes back to it).")
        if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin":
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    def _demo(self) -> Pipeline:
        from lse.demo.survey import simulate_survey

        folder = self._settings.home.expanduser().absolute() / "demo-survey"
        _say("Simulating a survey of 2,000 cutouts …")
        summary = simulate_survey(folder, progress=_Lines("simulating").show)
        if summary.reused:
            _say("The simulated survey is there already.")
        return load_pipeline(_DEMO_PIPELINE, data=folder)


class _Lines:
    """Progress as lines: one a stage, and one every tenth of it."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._said: tuple[str, int] | None = None

    def show(self, progress: Any) -> None:
        """Say it, if it is news."""
        tenth = 10 * progress.done // progress.total if progress.total else 0
        if (progress.stage, tenth) == self._said or not progress.stage:
            return
        self._said = (progress.stage, tenth)
        count = f" {progress.done:,} of {progress.total:,} {progress.unit}" if progress.total else ""
        figures = "".join(f", {key} {value:.4g}" for key, value in progress.metrics.items())
        what = progress.stage if progress.stage.startswith(self._label) else f"{self._label}: {progress.stage}"
        _say(f"  {what}{count}{figures}")


def _watch(operation: Any, *, label: str) -> Any:
    """Wait for an operation, telling how far it is."""
    lines = _Lines(label)
    for progress in operation.watch():
        lines.show(progress)
    return operation.result()


def _say(sentence: str) -> None:
    print(sentence, flush=True)  # what a person reads in the terminal


if __name__ == "__main__":
    sys.exit(main())
