"""What a page of the explorer opens, whatever the order in which the services answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from installation import Installation
from lse.client import Client, connect
from lse_dashboard.data.gradient import USUAL, Gradient, Scale
from lse_dashboard.data.library import Library
from lse_dashboard.data.link import Link
from lse_dashboard.data.opening import Wanted, wanted_of
from lse_dashboard.state.background import immediately
from lse_dashboard.state.session import Session
from lse_dashboard.state.view import KeptView


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


def test_a_scale_is_chosen_kept_in_the_link_refused_in_place_and_dropped_with_its_numbers(
    experiment: str, installation: Installation
) -> None:
    library = Library(lambda: connect(installation.address))
    session = Session(library, immediately, first=Wanted(experiment))
    kept = KeptView(session)
    session.start()
    session.choose_colour("column:redshift")
    session.type_scale({"stretch": "log", "low": "0.1", "high": "", "colours": "cividis"})
    scale = Scale("log", 0.1, colours="cividis")
    assert session.scale == scale
    colouring = session.scatter.colouring
    assert isinstance(colouring, Gradient)
    assert (colouring.scale, colouring.low) == (scale, 0.1)

    # What does not fit is said, and all stays as it was.
    for low, high, sentence in (("2", "1", "not below"), ("deep", "", "not a number"), ("-1", "", "above 0")):
        session.type_scale({"stretch": "log", "low": low, "high": high})
        assert sentence in session.scale_problem
        assert session.scatter.colouring is colouring
    assert Link.of(kept.query).scale == scale

    # A link opens it, in another session, which shares the colours; one that no longer fits opens without.
    def opened(query: str) -> Session:
        other = Session(library, immediately, first=wanted_of(Link.of(query)))
        other.start()
        return other

    assert opened(kept.query).scatter.colouring is colouring
    spoilt = opened(Link(experiment=experiment, colour_by="column:redshift", scale=Scale(low=1e9)).query())
    assert spoilt.scale == USUAL
    assert isinstance(spoilt.scatter.colouring, Gradient)

    # A second map and another map have it; other numbers have the colours alone.
    session.second_map.choose(session.projection)
    assert isinstance(session.second_map.scatter.colouring, Gradient)
    assert session.second_map.scatter.colouring.scale == scale
    session.choose_projection(session.projection.id if session.projection else "")
    assert session.scale == scale
    session.choose_colour("clusters")
    session.choose_colour("column:redshift")
    assert session.scale == Scale(colours="cividis")
    assert session.scale_problem == ""
