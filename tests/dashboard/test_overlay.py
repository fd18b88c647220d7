"""Images and names over a map: where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clouds import coloured, points_where

from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.gradient import gradient
from lse_dashboard.data.selection import inside_polygon
from lse_dashboard.plots.overlay import CONTOURS, density_contours, group_names, spread
from lse_dashboard.plots.scatter_2d import View, fitted_view


@given(st.integers(0, 2**32 - 1), st.integers(1, 3000), st.sampled_from([20, 54, 200]))
def test_each_cell_with_points_has_one_image(seed: int, count: int, cell: int) -> None:
    random = np.random.default_rng(seed)
    cloud = Cloud.of(np.arange(count), random.normal(size=(count, 2)).astype(np.float32))
    shown = random.random(count) < 0.7
    view = View((-1.0, 1.0), (-1.0, 0.6), 500, 400)
    chosen = spread(cloud, view, shown=PointSet.of(shown), cell=cell)
    places = cloud.coordinates.astype(float)
    seen = shown & (places >= (-1.0, -1.0)).all(axis=1) & (places <= (1.0, 0.6)).all(axis=1)
    cells = np.floor(places / (view.pixel * cell))
    assert seen[chosen].all()
    assert len(np.unique(cells[chosen], axis=0)) == len(chosen) == len(np.unique(cells[seen], axis=0))


def test_images_stay_where_the_map_is_moved() -> None:
    cloud = Cloud.of(np.arange(500), np.random.default_rng(1).random((500, 2)).astype(np.float32))
    before, after = (
        set(spread(cloud, View((x, x + 0.5), (0.0, 0.5), 500, 500), shown=cloud.every, cell=50)) for x in (0.1, 0.2)
    )
    assert len(before & after) > 0.7 * len(before)


def test_names_lie_at_a_point_of_their_group() -> None:
    # A crescent: its median is no place of its own.
    angle = np.linspace(0.3, np.pi - 0.3, 200)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    blob = np.random.default_rng(0).normal((4, 0), 0.1, (100, 2))
    coordinates = np.concatenate([ring, blob, [[9.0, 9.0]]]).astype(np.float32)
    codes = np.repeat([0, 1, 2], [200, 100, 1]).astype(np.int32)
    cloud = Cloud.of(np.arange(301), coordinates)
    groups = coloured(cloud, Groups("class", codes, ("arc", "star", "none"), frozenset({2})))
    arc, star = group_names(cloud, groups, shown=cloud.every)
    assert (arc.label, star.label) == ("arc", "star")
    assert np.hypot(arc.x, arc.y) == pytest.approx(1, abs=1e-6)
    assert (star.x, star.y) == pytest.approx((4, 0), abs=0.1)
    assert [one.label for one in group_names(cloud, groups, shown=points_where(cloud, codes != 0))] == ["star"]
    assert group_names(cloud, gradient("x", np.zeros(301)), shown=cloud.every) == []


def test_without_points_nothing_lies_over_them() -> None:
    cloud = Cloud.of(np.zeros(0, np.int64), np.zeros((0, 2), np.float32))
    view = fitted_view(cloud.extent, 100, 100)
    assert len(spread(cloud, view, shown=cloud.every, cell=50)) == 0
    assert group_names(cloud, Groups("x", np.zeros(0, np.int32), ()), shown=cloud.every) == []
    assert density_contours(cloud, shown=cloud.every) == []


def test_contours_enclose_their_share_of_the_points() -> None:
    random = np.random.default_rng(0)
    islands = np.concatenate([random.normal((0, 0), 1, (6000, 2)), random.normal((20, 5), (2, 1), (4000, 2))])
    cloud = Cloud.of(np.arange(10_000), islands.astype(np.float32))
    contours = density_contours(cloud, shown=cloud.every)
    assert tuple(one.share for one in contours) == CONTOURS
    for contour in contours:
        assert all(np.allclose(piece[0], piece[-1]) for piece in contour.pieces)
        enclosed = sum(len(inside_polygon(cloud, piece)) for piece in contour.pieces) / len(cloud)
        assert enclosed == pytest.approx(contour.share, abs=0.02)
    # The two islands have lines of their own, and what is hidden has none.
    assert len(contours[0].pieces) >= 2
    shown = points_where(cloud, np.arange(10_000) < 6000)
    assert all(piece[:, 0].max() < 10 for one in density_contours(cloud, shown=shown) for piece in one.pieces)


def test_equal_points_have_contours_around_them() -> None:
    cloud = Cloud.of(np.arange(5), np.ones((5, 2), np.float32))
    for contour in density_contours(cloud, shown=cloud.every):
        assert all(np.isfinite(piece).all() for piece in contour.pieces)
