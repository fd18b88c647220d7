"""What one visitor hides, isolates and selects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.support.clouds import coloured, mask_of, points_where

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import groups
from lse_dashboard.data.computations import free_name
from lse_dashboard.state.scatter import Scatter

CLOUD = Cloud.of(np.arange(10, 16), np.arange(12, dtype=np.float32).reshape(6, 2))
BY_IMAGE = groups("kmeans", pa.array([0, 0, 1, 1, 2, None]), none="noise")
CLUSTERS = coloured(CLOUD, BY_IMAGE)
CLASSES = coloured(CLOUD, groups("class", pa.array(["a", "b", "a", "b", "a", "b"]), none="no value"))


@pytest.fixture
def scatter() -> Scatter:
    scatter = Scatter()
    scatter.enter(CLOUD, CLUSTERS)
    return scatter


def shown_rows(scatter: Scatter) -> list[int]:
    assert scatter.cloud is not None
    assert scatter.shown is not None
    return sorted(scatter.cloud.rows[scatter.shown.places()].tolist())


def test_groups_are_hidden_isolated_and_shown_again(scatter: Scatter) -> None:
    scatter.toggle("1")
    assert shown_rows(scatter) == [10, 11, 14, 15]
    scatter.toggle("1")
    assert shown_rows(scatter) == [10, 11, 12, 13, 14, 15]
    scatter.isolate("0")
    assert shown_rows(scatter) == [10, 11]
    assert scatter.filters() == ("kmeans",)
    scatter.show_all()
    assert len(shown_rows(scatter)) == 6
    assert scatter.filters() == ()


def test_an_isolated_cluster_stays_isolated_under_other_colours(scatter: Scatter) -> None:
    scatter.isolate("1")
    scatter.colour(CLASSES)
    assert scatter.hidden() == frozenset()
    scatter.toggle("b")
    assert shown_rows(scatter) == [12]
    assert set(scatter.filters()) == {"kmeans", "class"}
    scatter.forget("kmeans")
    assert shown_rows(scatter) == [10, 12, 14]


def test_only_shown_points_are_selected_and_found(scatter: Scatter) -> None:
    scatter.isolate("0")
    scatter.select(points_where(CLOUD, [True, False, True, False, False, False]), "lasso")
    assert scatter.selected is not None
    assert np.flatnonzero(mask_of(CLOUD, scatter.selected)).tolist() == [0]
    assert scatter.nearest(4, 5, 1.0) is None
    assert scatter.nearest(2.1, 3, 1.0) == CLOUD.index(11)
    scatter.select(~CLOUD.every, "lasso")
    assert scatter.selected is None


def test_another_projection_of_the_same_images_keeps_what_was_chosen(scatter: Scatter) -> None:
    scatter.isolate("0")
    scatter.select(points_where(CLOUD, [True, False, False, False, False, False]), "lasso")
    again = Cloud.of(np.arange(10, 16), np.arange(12, dtype=np.float32).reshape(6, 2)[::-1].copy())
    scatter.enter(again, coloured(again, BY_IMAGE), keep=True)
    assert shown_rows(scatter) == [10, 11]
    assert scatter.selected is not None
    assert scatter.index(10) == again.index(10)
    scatter.enter(Cloud.of(np.arange(3), CLOUD.coordinates[:3]), None)
    assert scatter.selected is None
    assert len(shown_rows(scatter)) == 3
    assert scatter.index(10) is None


def test_names_are_made_free() -> None:
    assert free_name("umap-2d", set()) == "umap-2d"
    assert free_name("umap-2d", {"umap-2d", "umap-2d-2"}) == "umap-2d-3"
