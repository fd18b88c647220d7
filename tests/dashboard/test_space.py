"""What one visitor hides, isolates and selects."""

from __future__ import annotations

import numpy as np
import pytest

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import numbered_groups, text_groups
from lse_dashboard.state.space import Space
from lse_dashboard.state.work import free_name

CLOUD = Cloud(np.arange(10, 16), np.arange(12, dtype=np.float32).reshape(6, 2))
CLUSTERS = numbered_groups("kmeans", np.array([0, 0, 1, 1, 2, -1]), none=-1, none_label="noise")
CLASSES = text_groups("class", ["a", "b", "a", "b", "a", "b"], none="no value")


@pytest.fixture
def space() -> Space:
    space = Space()
    space.enter(CLOUD, CLUSTERS)
    return space


def shown_rows(space: Space) -> list[int]:
    assert space.cloud is not None
    assert space.shown is not None
    return [int(row) for row in space.cloud.rows[space.shown]]


def test_groups_are_hidden_isolated_and_shown_again(space: Space) -> None:
    space.toggle("1")
    assert shown_rows(space) == [10, 11, 14, 15]
    space.toggle("1")
    assert shown_rows(space) == [10, 11, 12, 13, 14, 15]
    space.isolate("0")
    assert shown_rows(space) == [10, 11]
    assert space.filters() == ("kmeans",)
    space.show_all()
    assert len(shown_rows(space)) == 6
    assert space.filters() == ()


def test_an_isolated_cluster_stays_isolated_under_other_colours(space: Space) -> None:
    space.isolate("1")
    space.colour(CLASSES)
    assert space.hidden() == frozenset()
    space.toggle("b")
    assert shown_rows(space) == [12]
    assert set(space.filters()) == {"kmeans", "class"}
    space.forget("kmeans")
    assert shown_rows(space) == [10, 12, 14]


def test_only_shown_points_are_selected_and_found(space: Space) -> None:
    space.isolate("0")
    space.select(np.array([True, False, True, False, False, False]))
    assert space.selected is not None
    assert np.flatnonzero(space.selected).tolist() == [0]
    assert space.nearest(4, 5, 1.0) is None
    assert space.nearest(2.1, 3, 1.0) == 1
    space.select(np.zeros(6, dtype=bool))
    assert space.selected is None


def test_another_projection_of_the_same_images_keeps_what_was_chosen(space: Space) -> None:
    space.isolate("0")
    space.select(np.array([True, False, False, False, False, False]))
    space.enter(Cloud(CLOUD.rows, -CLOUD.coordinates), CLUSTERS, keep=True)
    assert shown_rows(space) == [10, 11]
    assert space.selected is not None
    assert space.index(10) == 0
    space.enter(Cloud(np.arange(3), CLOUD.coordinates[:3]), None)
    assert space.selected is None
    assert len(shown_rows(space)) == 3
    assert space.index(10) is None


def test_names_are_made_free() -> None:
    assert free_name("umap-2d", set()) == "umap-2d"
    assert free_name("umap-2d", {"umap-2d", "umap-2d-2"}) == "umap-2d-3"
