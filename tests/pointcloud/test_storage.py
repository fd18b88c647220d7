"""Clouds on disk: written, opened, added to, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lse.errors import DataLossError, FailedPreconditionError
from lse.pointcloud import PointCloud, Window, append_points, build_cloud, open_cloud, write_cloud

WINDOW = Window((-3, 3), (-2, 2), 50, 40)
LABELS = ("a", "b", "c")


def material(count: int, seed: int, dimension: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, dimension)).astype(np.float32)
    points[5] = np.nan
    return points, rng.integers(-1, 3, count)


def assert_same(one: PointCloud, other: PointCloud) -> None:
    assert np.array_equal(one.points, other.points)
    assert np.array_equal(one.rows, other.rows)
    assert one.source_count == other.source_count
    assert one.tiles.shares == other.tiles.shares
    for name in ("levels", "firsts", "counts", "boxes"):
        assert np.array_equal(getattr(one.tiles, name), getattr(other.tiles, name))
    assert list(one.columns) == list(other.columns)
    for name, column in one.columns.items():
        assert column.labels == other.columns[name].labels
        assert np.array_equal(column.codes, other.columns[name].codes)
        assert np.array_equal(column.counts, other.columns[name].counts)


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_written_cloud_is_opened_as_it_was(tmp_path: Path, dimension: int) -> None:
    points, codes = material(20_000, 0, dimension)
    cloud = build_cloud(points, columns={"class/of it": (codes, LABELS)}, tile_points=300, first_level=500)
    write_cloud(cloud, tmp_path / "cloud")
    opened = open_cloud(tmp_path / "cloud")
    assert_same(opened, cloud)
    assert isinstance(opened.points.base, np.memmap)
    write_cloud(build_cloud(points[:0]), tmp_path / "cloud")
    assert len(open_cloud(tmp_path / "cloud")) == 0


def test_added_points_count_as_if_they_had_always_been_there(tmp_path: Path) -> None:
    (first, codes), (second, more) = material(30_000, 0), material(5_000, 1)
    built = build_cloud(first, columns={"class": (codes, LABELS)}, first_level=2000)
    write_cloud(built, tmp_path)
    before = open_cloud(tmp_path)
    grown = append_points(tmp_path, second, columns={"class": (more, LABELS)})
    both = np.concatenate([first, second])
    assert grown.source_count == 35_000
    assert np.array_equal(np.sort(grown.rows), np.flatnonzero(np.isfinite(both).all(axis=1)))
    assert np.array_equal(grown.points, both[grown.rows])
    every = np.concatenate([codes, more])
    whole = build_cloud(both, columns={"class": (every, LABELS)})
    assert np.array_equal(grown.counts(WINDOW), whole.counts(WINDOW))
    assert np.array_equal(grown.category_counts(WINDOW, "class"), whole.category_counts(WINDOW, "class"))
    assert grown.columns["class"].counts.sum(axis=0).tolist() == np.bincount(every[grown.rows] + 1)[1:].tolist()
    # A sample has its share of the new points, and who had the cloud open sees what was there.
    spans = grown.tiles.spans(WINDOW, budget=6_000)
    sample = np.concatenate([grown.rows[a : a + n] for a, n in zip(spans.firsts, spans.counts, strict=True)])
    assert (sample >= 30_000).mean() == pytest.approx(1 / 7, abs=0.03)
    assert np.array_equal(before.counts(WINDOW), built.counts(WINDOW))


def test_an_interrupted_addition_leaves_the_cloud_as_it_was(tmp_path: Path) -> None:
    points, _ = material(3_000, 0)
    cloud = build_cloud(points)
    write_cloud(cloud, tmp_path)
    header = (tmp_path / "cloud.json").read_bytes()
    append_points(tmp_path, points[:800])
    (tmp_path / "cloud.json").write_bytes(header)
    assert_same(open_cloud(tmp_path), cloud)
    assert len(append_points(tmp_path, points[:10])) == 2_999 + 9
    with pytest.raises(FailedPreconditionError, match="other columns"):
        append_points(tmp_path, points, columns={"class": (np.zeros(3_000, int), LABELS)})


@pytest.mark.parametrize("name", ["cloud.json", "points.f32", "rows.u32", "tiles.arrow"])
def test_a_damaged_cloud_is_refused_by_name(tmp_path: Path, name: str) -> None:
    write_cloud(build_cloud(material(3_000, 0)[0]), tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:100])
    with pytest.raises(DataLossError, match=name):
        open_cloud(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataLossError, match=name):
        open_cloud(tmp_path)


def test_a_cloud_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    write_cloud(build_cloud(material(300, 0)[0]), tmp_path)
    header = json.loads((tmp_path / "cloud.json").read_text())
    (tmp_path / "cloud.json").write_text(json.dumps(header | {"version": 99}))
    with pytest.raises(FailedPreconditionError, match="newer version"):
        open_cloud(tmp_path)
