"""Points, what lies near them and what lies in a shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.clouds import points_where

from lse.pointcloud import build_cloud
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.selection import inside_box, inside_polygon, nearest


def test_a_cloud_is_that_of_the_tiles_and_without_points_that_are_nowhere() -> None:
    points = np.random.default_rng(0).normal(size=(5000, 2)).astype(np.float32)
    points[[3, 700]] = np.nan
    cloud = Cloud(build_cloud(points, first_level=100))
    finite = np.delete(np.arange(5000), [3, 700])
    assert np.array_equal(np.sort(cloud.rows), finite)
    assert np.array_equal(cloud.coordinates, points[cloud.rows])
    assert cloud.dropped == 2
    assert cloud.dimension == 2
    at = cloud.indices(np.array([-1, 0, 3, 4999, 5000]))
    assert (at < 0).tolist() == [True, False, True, False, True]
    assert cloud.rows[at[[1, 3]]].tolist() == [0, 4999]
    x, y = (float(value) for value in points[4999])
    assert nearest(cloud, x, y, 0.1, shown=cloud.every) == at[3] == cloud.index(4999)
    assert cloud.points_of(np.array([3, 4999])).places().tolist() == [at[3]]
    # Whether two clouds have the same images is seen where some have none, too.
    assert cloud.has_images_of(Cloud.of(finite, points[finite]))
    assert not cloud.has_images_of(Cloud.of(np.arange(4998), points[finite]))


def test_what_lies_far_away_is_counted() -> None:
    points = np.random.default_rng(1).normal(size=(50_000, 2)).astype(np.float32)
    assert Cloud.of(np.arange(50_000), points).far == 0
    points[:3] = [[70, 0], [0, -80], [90, 90]]
    cloud = Cloud.of(np.arange(50_000), points)
    x0, y0, x1, y1 = cloud.core
    outside = ~((points >= (x0, y0)) & (points <= (x1, y1))).all(axis=1)
    assert 3 <= cloud.far == outside.sum() < 10
    assert max(x1 - x0, y1 - y0) < 15


def test_extent_of_one_point_has_a_size() -> None:
    cloud = Cloud.of(np.array([0]), np.array([[3.0, 4.0]], dtype=np.float32))
    assert cloud.extent == (2.5, 3.5, 3.5, 4.5)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 2))
def test_the_nearest_point_is_the_nearest_of_those_shown(seed: int, radius: float) -> None:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(200, 2)).astype(np.float32)
    shown = generator.random(200) < 0.5
    x, y = (float(v) for v in generator.normal(size=2))
    cloud = Cloud.of(np.arange(200), points)
    found = nearest(cloud, x, y, radius, shown=points_where(cloud, shown))
    distances = np.where(shown, np.hypot(points[:, 0] - x, points[:, 1] - y), np.inf)
    best = int(distances.argmin())
    assert found == (cloud.index(best) if distances[best] < radius else None)


def test_nothing_is_near_where_nothing_is_shown() -> None:
    cloud = Cloud.of(np.arange(3), np.zeros((3, 2), dtype=np.float32))
    assert nearest(cloud, 0, 0, 1, shown=~cloud.every) is None


def test_a_rectangle_drawn_as_lasso_holds_what_the_box_holds() -> None:
    points = np.random.default_rng(1).uniform(-1, 1, (2000, 2)).astype(np.float32)
    bounds = (-0.4, -0.2, 0.7, 0.6)
    x0, y0, x1, y1 = bounds
    polygon = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    cloud = Cloud.of(np.arange(2000), points)
    found = inside_polygon(cloud, polygon)
    assert 0 < len(found) < 2000
    assert np.array_equal(found.places(), inside_box(cloud, bounds).places())


@pytest.mark.parametrize(("point", "inside"), [((0.1, 0.5), True), ((0.5, 0.5), False), ((0.9, 0.5), True)])
def test_a_lasso_may_be_hollow(point: tuple[float, float], inside: bool) -> None:
    u_shape = np.array([[0, 0], [1, 0], [1, 1], [0.8, 1], [0.8, 0.2], [0.2, 0.2], [0.2, 1], [0, 1]], dtype=float)
    cloud = Cloud.of(np.arange(1), np.array([point], dtype=np.float32))
    assert (0 in inside_polygon(cloud, u_shape)) == inside


def test_a_line_is_no_lasso() -> None:
    cloud = Cloud.of(np.arange(2), np.zeros((2, 2), dtype=np.float32))
    assert len(inside_polygon(cloud, np.array([[0.0, 0.0], [1.0, 1.0]]))) == 0
