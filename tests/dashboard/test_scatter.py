"""What one visitor hides, isolates and selects."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import groups
from lse_dashboard.data.computations import free_name
from lse_dashboard.state.scatter import Scatter

CLOUD = Cloud(np.arange(10, 16), np.arange(12, dtype=np.float32).reshape(6, 2))
CLUSTERS = groups("kmeans", pa.array([0, 0, 1, 1, 2, None]), none="noise")
CLASSES = groups("class", pa.array(["a", "b", "a", "b", "a", "b"]), none="no value")


@pytest.fixture
def scatter() -> Scatter:
    scatter = Scatter()
    scatter.enter(CLOUD, CLUSTERS)
    return scatter


def shown_rows(scatter: Scatter) -> list[int]:
    assert scatter.cloud is not None
    assert scatter.shown is not None
    return [int(row) for row in scatter.cloud.rows[scatter.shown]]


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
    scatter.select(np.array([True, False, True, False, False, False]), "lasso")
    assert scatter.selected is not None
    assert np.flatnonzero(scatter.selected).tolist() == [0]
    assert scatter.nearest(4, 5, 1.0) is None
    assert scatter.nearest(2.1, 3, 1.0) == 1
    scatter.select(np.zeros(6, dtype=bool), "lasso")
    assert scatter.selected is None


def test_another_projection_of_the_same_images_keeps_what_was_chosen(scatter: Scatter) -> None:
    scatter.isolate("0")
    scatter.select(np.array([True, False, False, False, False, False]), "lasso")
    scatter.enter(Cloud(CLOUD.rows, -CLOUD.coordinates), CLUSTERS, keep=True)
    assert shown_rows(scatter) == [10, 11]
    assert scatter.selected is not None
    assert scatter.index(10) == 0
    scatter.enter(Cloud(np.arange(3), CLOUD.coordinates[:3]), None)
    assert scatter.selected is None
    assert len(shown_rows(scatter)) == 3
    assert scatter.index(10) is None


def test_names_are_made_free() -> None:
    assert free_name("umap-2d", set()) == "umap-2d"
    assert free_name("umap-2d", {"umap-2d", "umap-2d-2"}) == "umap-2d-3"
