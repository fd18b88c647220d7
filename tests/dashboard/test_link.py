"""A view as a link, and back."""

from __future__ import annotations

from urllib.parse import parse_qsl

import numpy as np

from lse_dashboard.data.gradient import Scale
from lse_dashboard.data.link import Link


def through_a_url(link: Link) -> Link:
    return Link.parse(dict(parse_qsl(link.query(), keep_blank_values=True)))


def test_a_link_says_all_of_a_view() -> None:
    link = Link(
        project="default",
        experiment="demo",
        projection="umap",
        clustering="",
        colour_by="column:object type",
        scale=Scale("log", 0.5, colours="magma"),
        image="sim-000030",
        hidden={"kmeans": ("0", "3"), "class, morphology": ("Sb & Sc",)},
        selected=np.array([3, 5, 1999]),
        isolated=np.arange(100, 400),
        viewport=(1.25, -3.5, 0.125),
        tab="selection",
        point_size=5,
        theme="light",
    )
    back = through_a_url(link)
    for name in (
        "project",
        "experiment",
        "projection",
        "clustering",
        "colour_by",
        "scale",
        "image",
        "hidden",
        "viewport",
    ):
        assert getattr(back, name) == getattr(link, name), name
    assert (back.tab, back.point_size, back.theme) == ("selection", 5, "light")
    assert back.selected is not None
    assert back.selected.tolist() == [3, 5, 1999]
    assert back.isolated is not None
    assert len(back.isolated) == 300
    assert len(link.query()) < 600


def test_what_is_not_said_stays_open() -> None:
    back = through_a_url(Link(experiment="demo"))
    assert (back.clustering, back.selected, back.viewport, back.point_size) == (None, None, None, None)


def test_a_selection_that_no_url_can_hold_is_left_out() -> None:
    scattered = np.flatnonzero(np.random.default_rng(0).random(1_000_000) < 0.3)
    link = Link(experiment="demo", selected=scattered)
    assert not link.whole
    assert "rows" not in link.query()
    assert Link(experiment="demo", selected=np.arange(1_000_000)).whole


def test_a_spoilt_link_opens_what_can_be_read() -> None:
    back = Link.parse(
        {"experiment": "demo", "rows": "%%%", "only": "eJw", "hidden": "{", "view": "1,2", "size": "99", "tab": "x"}
    )
    assert back.experiment == "demo"
    assert (back.selected, back.isolated, back.hidden, back.viewport, back.point_size) == (None, None, {}, None, None)
    assert Link.parse({"view": "1,nan,3", "hidden": "[1]"}).viewport is None


def test_filters_of_a_link_are_two_ends_or_labels() -> None:
    said = {"column:z": [0.1, None], "column:class": ["ring", "star"], "column:snr": None}
    assert through_a_url(Link(filters=said)).filters == said
    spoilt = '{"a": [], "b": [1], "c": [1, "x"], "d": {"x": 1}, "e": [true, 2], "f": 3, "g": [null, 2.5]}'
    assert Link.parse({"filters": spoilt}).filters == {"g": [None, 2.5]}
    assert Link.parse({"filters": "[1, 2]"}).filters == {}
