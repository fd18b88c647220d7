"""What a page of the explorer opens, whatever the order in which the services answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from installation import Installation
from lse.client import Client, connect
from lse_dashboard.data.library import Library
from lse_dashboard.data.opening import Wanted
from lse_dashboard.state.session import Session


class Waiting:
    """Background whose answers come when they are called for."""

    def __init__(self) -> None:
        self.answers: list[Callable[[], None]] = []

    def __call__(self, work: Callable[[], Any], then: Callable[[Any], None], failed: Callable[..., None], /) -> None:
        result = work()
        self.answers.append(lambda: then(result))


def test_the_wished_experiment_is_opened_though_a_look_at_the_services_comes_first(
    client: Client, experiment: str, installation: Installation, tmp_path: Path
) -> None:
    names = [image.id for image in client.datasets.images("survey")]
    np.savez(tmp_path / "vectors.npz", names=names, vectors=np.eye(len(names), 4, dtype=np.float32) + 1)
    client.experiments.import_vectors("newer", tmp_path / "vectors.npz", dataset="survey").wait(
        timeout=200, show_progress=False
    )
    background = Waiting()
    session = Session(Library(lambda: connect(installation.address)), background, first=Wanted(experiment))
    session.start()
    background.answers.pop(0)()  # projects and methods are there, the experiment is being opened ...
    opening = background.answers.pop(0)
    while not background.answers:
        session.poll()  # ... and the page looks at the services,
    background.answers.pop(0)()  # who answer before it is open.
    opening()
    assert session.experiment is not None
    assert session.experiment.id == experiment
    assert not session.loading, "nothing else is being opened"
    # What is left is which columns can colour the points.
    while background.answers:
        background.answers.pop(0)()
    assert session.experiment.id == experiment
    assert session.columns["class"] == "groups"
    assert session.columns["redshift"] == "gradient"
    assert "class" in session.class_columns
    client.experiments.delete("newer")
