"""Clouds with levels of detail against Datashader and brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError
from lse.pointcloud import PointCloud, Window, build_cloud
from lse.pointcloud.coded import HIDDEN, Coded
from lse.pointcloud.counting import UNIT, rasterise
from lse.pointcloud.picking import Picked, inside_box, inside_polygon, nearest
from lse.pointcloud.sets import PointSet

COUNT = 30_000
LABELS = tuple("abcde")


def material(dimension: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Points on a lattice in islands, so that many lie on edges of pixels and on each other, and one is far away."""
    rng = np.random.default_rng(3)
    codes = rng.integers(-1, len(LABELS), COUNT)
    points = np.round((codes[:, None] * 2 + rng.normal(size=(COUNT, dimension))) * 64) / 64
    points[0] = 500
    return points.astype(np.float32), codes


POINTS, CODES = material()
CLOUD = build_cloud(POINTS, columns={"class": (CODES, LABELS)}, tile_points=256, first_level=500)


def by_datashader(window: Window) -> np.ndarray:
    import datashader as ds

    canvas = ds.Canvas(window.width, window.height, window.x_range, window.y_range)
    frame = pd.DataFrame({"x": POINTS[:, 0], "y": POINTS[:, 1]})
    frame["class"] = pd.Categorical.from_codes(CODES, LABELS)
    counts: np.ndarray = canvas.points(frame[CODES >= 0], "x", "y", ds.count_cat("class")).to_numpy()
    return np.concatenate([counts, canvas.points(frame, "x", "y", ds.count()).to_numpy()[..., None]], axis=-1)


corner = st.integers(-80, 160).map(lambda eighths: eighths / 8)
side = st.one_of(st.integers(1, 160).map(lambda eighths: eighths / 8), st.floats(0.01, 20))
windows = st.builds(
    lambda x, y, w, h, width, height: Window((x, x + w), (y, y + h), width, height),
    *(corner, corner, side, side, st.integers(1, 97), st.integers(1, 61)),
)


@settings(max_examples=60, deadline=None)
@given(windows)
def test_counts_are_those_of_datashader(window: Window) -> None:
    counted = by_datashader(window)
    assert np.array_equal(CLOUD.counts(window), counted[..., -1])
    assert np.array_equal(CLOUD.category_counts(window, "class"), counted[..., :-1])


@settings(max_examples=30, deadline=None)
@given(windows, st.integers(1, 3))
def test_a_pixel_shows_its_most_frequent_category_on_any_number_of_threads(window: Window, threads: int) -> None:
    by_category = CLOUD.category_counts(window, "class")
    pixels = rasterise(
        CLOUD.seen(window),
        Coded(CLOUD.columns["class"].codes, len(LABELS)),
        threads=threads,
    )
    total = by_category.sum(axis=-1)
    assert np.array_equal(pixels.totals, total * UNIT)
    assert np.array_equal(pixels.codes, np.where(total > 0, by_category.argmax(axis=-1), HIDDEN))


def test_a_chosen_category_and_a_second_layer_lie_on_top() -> None:
    window = Window((-4, 12), (-4, 12), 40, 30)
    codes = CLOUD.columns["class"].codes
    seen = CLOUD.seen(window)
    counts = CLOUD.category_counts(window, "class")
    chosen = rasterise(seen, Coded(codes, 5), top=1)
    assert np.array_equal(chosen.codes == 1, counts[..., 1] > 0)
    layered = rasterise(seen, Coded(codes, 5, raised=PointSet.of(codes == 2)))
    hidden = rasterise(seen, Coded(codes, 5, shown=PointSet.of(codes == 2)))
    assert np.array_equal(hidden.codes, np.where(counts[..., 2] > 0, 2, HIDDEN))
    assert np.array_equal(layered.codes == 7, counts[..., 2] > 0)
    assert np.array_equal(layered.totals[layered.codes == 7], counts[..., 2][counts[..., 2] > 0] * UNIT)


def test_a_pixel_shows_the_mean_of_steps() -> None:
    points = np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [1.5, 0.5]], np.float32)
    cloud = build_cloud(points)
    codes = cloud.in_order(np.array([3, 5, 8, 8], np.uint16))
    window = Window((0, 3), (0, 1), 3, 1)
    pixels = rasterise(cloud.seen(window), Coded(codes, 9), steps=8)
    assert pixels.codes.tolist() == [[4, 8, HIDDEN]]
    assert pixels.totals.tolist() == [[3 * UNIT, UNIT, 0]]


def test_a_disc_covers_its_area_wherever_it_lies() -> None:
    window = Window((0, 40), (0, 30), 40, 30)
    for diameter in (2, 3, 6):
        for x, y in ((20.0, 15.0), (20.37, 14.81)):
            cloud = build_cloud(np.array([[x, y]], np.float32))
            pixels = rasterise(
                cloud.seen(window),
                Coded(np.zeros(1, np.uint16), 1),
                diameter=diameter,
                threads=2,
            )
            cover = pixels.totals / UNIT
            assert cover.sum() == pytest.approx(np.pi * diameter**2 / 4, rel=0.12)
            rows, columns = np.nonzero(cover)
            weights = cover[rows, columns]
            assert np.average(columns + 0.5, weights=weights) == pytest.approx(x, abs=0.06)
            assert np.average(rows + 0.5, weights=weights) == pytest.approx(y, abs=0.06)


@pytest.mark.parametrize("dimension", [2, 3])
def test_tiles_hold_every_point_once_within_their_boxes(dimension: int) -> None:
    points, _ = material(dimension)
    cloud = build_cloud(points, tile_points=256, first_level=500)
    tiles = cloud.tiles
    assert np.array_equal(np.sort(cloud.rows), np.arange(COUNT))
    assert np.array_equal(cloud.points, points[cloud.rows])
    assert np.array_equal(np.append(0, np.cumsum(tiles.counts)), np.append(tiles.firsts, COUNT))
    assert cloud.extent == (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    for tile in range(len(tiles)):
        own = cloud.points[tiles.firsts[tile] : tiles.firsts[tile] + tiles.counts[tile]]
        assert np.array_equal([own.min(axis=0), own.max(axis=0)], tiles.boxes[tile])
    # A far point does not bring the others into one tile, and tiles are small.
    finest = tiles.levels == tiles.levels.max()
    sides = (tiles.boxes[:, 1] - tiles.boxes[:, 0])[finest & (tiles.counts > 1)]
    assert np.median(sides.max(axis=1)) < 4
    assert tiles.counts.max() <= 256


def test_any_budget_is_a_fair_sample() -> None:
    window = Window((-4, 12), (-4, 12), 16, 16)
    exact = CLOUD.counts(window)
    for budget in (300, 2_000, 9_000):
        spans = CLOUD.tiles.spans(window, budget=budget)
        assert not spans.exact
        assert spans.total == pytest.approx(budget, rel=0.1)
        sample = CLOUD.counts(window, budget=budget)
        expected = exact * (sample.sum() / exact.sum())
        crowded = expected > 5
        # Of a fair sample this is about 1 a pixel; a stratified one is somewhat below.
        assert ((sample - expected)[crowded] ** 2 / expected[crowded]).mean() < 1.3
    spans = CLOUD.tiles.spans(window, budget=10**6)
    assert spans.exact
    assert CLOUD.tiles.estimate(spans, window) == pytest.approx(exact.sum(), rel=0.05)


def test_points_are_not_in_the_order_in_which_they_came() -> None:
    points = np.random.default_rng(0).normal(size=(4096, 2)).astype(np.float32)
    cloud = build_cloud(points, tile_points=4096)
    assert len(cloud.tiles) == 1
    assert abs(np.corrcoef(np.arange(4096), cloud.rows)[0, 1]) < 0.06


def test_points_that_are_not_finite_are_left_out() -> None:
    points = POINTS[:100].copy()
    points[[3, 50]] = np.nan
    cloud = build_cloud(points)
    assert len(cloud) == 98
    assert cloud.source_count == 100
    assert set(range(100)) - set(cloud.rows.tolist()) == {3, 50}
    empty = build_cloud(np.empty((0, 2), np.float32))
    assert len(empty) == 0
    assert not empty.counts(Window((0, 1), (0, 1), 4, 3)).any()
    with pytest.raises(InvalidArgumentError, match="two or three coordinates"):
        build_cloud(np.zeros((3, 4), np.float32))


def brute_nearest(place: tuple[float, float], radius: float, shown: np.ndarray) -> float | None:
    apart = np.where(shown, np.hypot(*(POINTS.astype(float) - place).T), np.inf)
    return float(apart.min()) if apart.min() <= radius else None


@settings(max_examples=50, deadline=None)
@given(st.tuples(corner, corner), st.floats(0.001, 3), st.booleans())
def test_the_nearest_shown_point_is_found(place: tuple[float, float], radius: float, every: bool) -> None:
    shown = np.ones(COUNT, bool) if every else CODES == 3
    found = nearest(CLOUD, place, radius, shown=None if every else PointSet.of(shown[CLOUD.rows]))
    expected = brute_nearest(place, radius, shown)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        row = CLOUD.rows[found]
        assert shown[row]
        assert np.hypot(*(POINTS[row].astype(float) - place)) == pytest.approx(expected)


polygons = st.lists(st.tuples(st.floats(-6, 12), st.floats(-6, 12)), min_size=3, max_size=9)


@settings(max_examples=60, deadline=None)
@given(polygons)
def test_a_lasso_has_the_points_of_the_even_odd_rule(corners: list[tuple[float, float]]) -> None:
    polygon = np.array(corners)
    x, y = POINTS.astype(float).T
    odd = np.zeros(COUNT, bool)
    for (x0, y0), (x1, y1) in zip(np.roll(polygon, 1, axis=0), polygon, strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    # Rounding on an edge takes in no point outside the polygon's own box.
    (x0, y0), (x1, y1) = polygon.min(axis=0), polygon.max(axis=0)
    odd &= (x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)
    check(inside_polygon(CLOUD, polygon), odd, CLOUD)


@settings(max_examples=40, deadline=None)
@given(corner, corner, side, side)
def test_a_box_has_the_points_within(x: float, y: float, width: float, height: float) -> None:
    across, up = POINTS.astype(float).T
    inside = (across >= x) & (across <= x + width) & (up >= y) & (up <= y + height)
    check(inside_box(CLOUD, (x, y, x + width, y + height)), inside, CLOUD)


def check(picked: Picked, inside: np.ndarray, cloud: PointCloud) -> None:
    assert len(picked) == inside.sum()
    assert np.array_equal(picked.points_of(cloud).mask(), inside[cloud.rows])
    own = CODES[inside]
    assert picked.counts(cloud, "class").tolist() == np.bincount(own[own >= 0], minlength=5).tolist()


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_core_leaves_out_the_few_points_that_lie_far_away(dimension: int) -> None:
    points = np.random.default_rng(0).normal(size=(100_000, dimension)).astype(np.float32)
    near = build_cloud(points)
    assert near.core == near.extent
    points[:4] = 90
    far = build_cloud(points)
    least, most = np.reshape(far.core, (2, -1))
    assert np.array_equal(np.reshape(far.extent, (2, -1))[1], [90] * dimension)
    assert (least > -6).all()
    assert (most < 6).all()
    assert ((points[4:] >= least) & (points[4:] <= most)).all(axis=1).mean() > 0.999
    # Few points are all looked at, and an island of one in a hundred is no outlier.
    few = build_cloud(points[:300])
    assert few.core == few.extent
    points[:1000] = 90
    island = build_cloud(points)
    assert island.core == island.extent
    assert build_cloud(points[:0]).core == (0.0,) * (2 * dimension)
