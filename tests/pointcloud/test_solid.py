"""Three-dimensional clouds: what is drawn for a camera, and what is selected on the screen, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.pointcloud import build_cloud
from lse.pointcloud.coded import HIDDEN, Coded
from lse.pointcloud.parts import Part
from lse.pointcloud.picking import inside_outline
from lse.pointcloud.sets import PointSet
from lse.pointcloud.solid import choose_detail, packed_points, splat

COUNT = 30_000


def material() -> np.ndarray:
    """Points in islands, of which one is far away."""
    rng = np.random.default_rng(5)
    points = rng.integers(0, 4, COUNT)[:, None] * [2.0, -1.0, 3.0] + rng.normal(size=(COUNT, 3))
    points[0] = 200
    return points.astype(np.float32)


POINTS = material()
CLOUD = build_cloud(POINTS, tile_points=256, first_level=500)
WHOLE = Part.of(CLOUD)


def camera(eye: tuple[float, float, float], target: tuple[float, float, float], *, aspect: float = 1.4) -> np.ndarray:
    """Perspective of 45 degrees with z upwards, as OpenGL has it."""
    forward = np.subtract(target, eye)
    distance = np.linalg.norm(forward)
    forward = forward / distance
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    view = np.eye(4)
    view[:3, :3] = [right, np.cross(right, forward), -forward]
    view[:3, 3] = -view[:3, :3] @ eye
    focal, near, far = 1 / np.tan(np.pi / 8), 0.01 * distance, distance + 1000
    projection = np.zeros((4, 4))
    projection[[0, 1], [0, 1]] = focal / aspect, focal
    projection[2, 2:] = (far + near) / (near - far), 2 * far * near / (near - far)
    projection[3, 2] = -1
    return projection @ view


def clipped(matrix: np.ndarray) -> np.ndarray:
    """Clip coordinates of all points, shape (n, 4)."""
    return np.asarray(np.c_[POINTS.astype(float), np.ones(COUNT)] @ matrix.T)


place = st.floats(-6, 10)
eyes = st.tuples(place, place, place)
cameras = (st.tuples(eyes, eyes).filter(lambda two: np.hypot(two[0][0] - two[1][0], two[0][1] - two[1][1]) > 0.1)).map(
    lambda two: camera(*two)
)


def in_view(matrix: np.ndarray) -> np.ndarray:
    seen = clipped(matrix)
    return np.asarray((np.abs(seen[:, :3]) <= seen[:, 3:]).all(axis=1))


def chosen(part: Part, matrix: np.ndarray, budget: int) -> tuple[np.ndarray, int, int, bool]:
    """Rows of the points that are drawn, and what is said of them."""
    detail = choose_detail(part, matrix, budget)
    return part.cloud.rows[part.places(detail.spans)], detail.drawn, detail.in_view, detail.spans.exact


@settings(max_examples=60, deadline=None)
@given(cameras, st.sampled_from([500, 3_000, 10**6]))
def test_what_is_drawn_and_what_is_in_view_is_counted(matrix: np.ndarray, budget: int) -> None:
    rows, drawn, seen, exact = chosen(WHOLE, matrix, budget)
    visible = in_view(matrix)
    assert len(np.unique(rows)) == len(rows) <= 1.05 * budget + 30
    assert seen == visible.sum()
    assert drawn == visible[rows].sum()
    if exact:
        assert set(np.flatnonzero(visible)) <= set(rows.tolist())
    else:
        assert len(rows) > 0.9 * budget - 30


def test_what_is_near_is_drawn_in_more_detail_and_all_of_it_where_little_is_in_view() -> None:
    far = camera((40, 40, 30), (3, -1.5, 4.5))
    rows, *_ = chosen(WHOLE, far, 3_000)
    sampled = np.zeros(COUNT, bool)
    sampled[rows] = True
    # From far away all islands are at much the same depth: a fair sample of each.
    island = np.round(np.clip(POINTS[:, 0] / 2, 0, 3)).astype(int)
    shares = [sampled[island == one].mean() for one in range(4)]
    assert max(shares) < 1.4 * min(shares)
    near = camera((-1.5, 1, -2), (3, -1.5, 4.5))
    rows, drawn, seen, exact = chosen(WHOLE, near, 3_000)
    depth, visible = clipped(near)[:, 3], in_view(near)
    sampled[:] = False
    sampled[rows] = True
    close = visible & (depth < np.quantile(depth[visible], 0.1))
    away = visible & (depth > np.quantile(depth[visible], 0.9))
    assert sampled[close].mean() > 3 * sampled[away].mean()
    assert not exact
    assert drawn < seen
    closer = camera((0.6, 0.6, 0.6), (0.3, 0.3, 0.3))
    rows, drawn, seen, _ = chosen(WHOLE, closer, COUNT // 2)
    assert 0 < drawn == seen


def test_points_are_sent_as_steps_of_their_tile() -> None:
    spans = choose_detail(WHOLE, camera((20, 20, 20), (0, 0, 0)), 5_000).spans
    packed = packed_points(WHOLE, spans)
    at = 0
    for tile, first, count in zip(spans.tiles, spans.firsts, spans.counts, strict=True):
        own = packed[at : at + count]
        steps = np.stack([(own >> np.uint64(21 * axis)) & np.uint64(2**21 - 1) for axis in range(3)], axis=1)
        low, high = CLOUD.tiles.boxes[tile].astype(float)
        found = low + steps * (high - low) / (2**21 - 1)
        assert np.abs(found - CLOUD.points[first : first + count]).max() <= (high - low).max() / 2**21
        at += count
    assert at == len(packed)


@settings(max_examples=40, deadline=None)
@given(cameras, st.sampled_from([500, 3_000, 10**6]), st.sampled_from(["class", "island", "scattered", "none"]))
def test_a_part_of_a_cloud_is_seen_as_if_there_were_no_others(matrix: np.ndarray, budget: int, kind: str) -> None:
    place = np.arange(COUNT)
    of_rows = {"class": place % 3 == 1, "island": POINTS[:, 0] > 4, "scattered": place % 997 == 5, "none": place < 0}
    kept = of_rows[kind]
    part = Part.of(CLOUD, PointSet.of(kept[CLOUD.rows]))
    assert len(part) == kept.sum()
    assert np.array_equal(part.places(part.tiles.all_spans), np.flatnonzero(kept[CLOUD.rows]))
    rows, drawn, seen, exact = chosen(part, matrix, budget)
    visible = in_view(matrix) & kept
    assert kept[rows].all()
    assert len(np.unique(rows)) == len(rows) <= 1.05 * budget + 30
    assert (drawn, seen) == (visible[rows].sum(), visible.sum())
    if exact:
        assert set(np.flatnonzero(visible)) <= set(rows.tolist())
    for number in range(0, len(part), max(1, len(part) // 7)):
        assert part.place(number) == np.flatnonzero(kept[CLOUD.rows])[number]


outlines = st.lists(st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2)), min_size=3, max_size=8)


@settings(max_examples=80, deadline=None)
@given(cameras, outlines)
def test_a_lasso_has_all_points_that_are_seen_within_it(matrix: np.ndarray, corners: list[tuple[float, float]]) -> None:
    x, y, z, w = clipped(matrix).T
    ahead = (w > 0) & (z > -w)
    across, up = np.full(COUNT, 9.0), np.full(COUNT, 9.0)
    across[ahead], up[ahead] = x[ahead] / w[ahead], y[ahead] / w[ahead]
    odd = np.zeros(COUNT, bool)
    outline = np.array(corners)
    for (x0, y0), (x1, y1) in zip(np.roll(outline, 1, axis=0), outline, strict=True):
        # The quotient is used for points between the two heights alone, of which a difference of 1e-308 has none.
        with np.errstate(all="ignore"):
            odd ^= ((y0 > up) != (y1 > up)) & (across < (x1 - x0) * (up - y0) / (y1 - y0) + x0)
    picked = inside_outline(CLOUD, matrix, outline)
    found = picked.points_of(CLOUD).mask()
    # Sums of products in another order differ in the last digits: on an edge either answer is right.
    assert np.count_nonzero(found != (odd & ahead)[CLOUD.rows]) <= 2
    assert len(picked) == found.sum()


def test_whole_tiles_are_taken_unseen() -> None:
    everything = np.array([[-1e3, -1e3], [1e3, -1e3], [1e3, 1e3], [-1e3, 1e3]])
    picked = inside_outline(CLOUD, camera((400, 400, 400), (0, 0, 0)), everything)
    assert len(picked) == COUNT
    assert len(picked.points) == 0


@pytest.mark.parametrize("diameter", [1, 5])
def test_a_picture_has_the_nearest_point_in_front(diameter: int) -> None:
    points = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [1, 1, 0]], np.float32)
    cloud = build_cloud(points)
    coded = Coded(cloud.in_order(np.array([0, 1, 2, 3], np.uint16)), 4)
    matrix = camera((10, 0, 0), (0, 0, 0), aspect=1)
    picture = splat(cloud, matrix, coded, size=(61, 61), diameter=diameter, ends=(0, 9))
    assert picture.codes[30, 30] == 2
    assert picture.depths[30, 30] == pytest.approx(8)
    covered = int((picture.codes != HIDDEN).sum())
    assert covered == 2 if diameter == 1 else 30 < covered < 50
    behind = splat(cloud, matrix, coded, size=(61, 61), diameter=diameter, ends=(0, 2))
    assert behind.codes[30, 30] == 1
    assert set(np.unique(behind.codes)) == {1, HIDDEN} if diameter == 5 else True
