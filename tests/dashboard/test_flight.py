"""Points on their way from one map to the next."""

from __future__ import annotations

import numpy as np
import pytest

from lse.pointcloud import Window
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.plots.flight import flight


def test_points_of_both_maps_leave_and_arrive_where_they_are_seen() -> None:
    before = Cloud.of(np.array([1, 3, 5, 9]), np.array([[0, 0], [1, 1], [5, 5], [0.5, 0.25]], dtype=np.float32))
    now = Cloud.of(np.array([3, 5, 7, 9]), np.array([[10, 20], [11, 21], [12, 22], [20, 10]], dtype=np.float32))
    found = flight(before, Window((0.0, 1.0), (0.0, 1.0), 100, 100), now, Window((0.0, 20.0), (0.0, 20.0), 100, 100))
    assert found is not None
    # Image 1 is not on the new map, 7 was not on the old one, 5 was out of view.
    order = np.argsort(now.rows[found.indices])
    assert now.rows[found.indices[order]].tolist() == [3, 9]
    assert found.places[order] == pytest.approx(np.array([[1, 0, 0.5, 0], [0.5, 0.75, 1, 0.5]]))


def test_no_more_points_fly_than_an_eye_can_follow() -> None:
    cloud = Cloud.of(np.arange(10_000), np.random.default_rng(0).random((10_000, 2)).astype(np.float32))
    view = Window((0.0, 1.0), (0.0, 1.0), 100, 100)
    found = flight(cloud, view, cloud, view)
    assert found is not None
    assert len(np.unique(found.indices)) == 2000
    assert np.array_equal(found.places[:, :2], found.places[:, 2:])
    away = Window((2.0, 3.0), (0.0, 1.0), 100, 100)
    assert flight(cloud, away, cloud, view) is None
