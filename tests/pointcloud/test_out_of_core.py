"""Clouds that are built by blocks and parts are those that are built in memory, to the last bit."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import CancelledError, DataLossError, InvalidArgumentError
from lse.platform.artifacts import Artifacts
from lse.pointcloud import Window, append_points, build_cloud, build_cloud_on_disk, open_cloud, write_cloud
from lse.pointcloud.storage import cloud_files
from lse.progress import Monitor, Progress
from lse.services.projection.cloud_tasks import Site
from lse.services.projection.clouds import build_by_tasks

LABELS = ("a", "b", "c")


def files(folder: Path) -> dict[str, bytes]:
    assert sorted(path.name for path in folder.iterdir()) == sorted(cloud_files(folder))
    return {name: (folder / name).read_bytes() for name in cloud_files(folder)}


def material(seed: int, count: int, dimension: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Points of a kind that makes a build difficult, and a category of each."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, dimension))
    if kind == "lattice":  # many lie on each other and on the edges of cells
        points = np.round(points * 4) / 4
    elif kind == "equal":
        points[:] = 3.5
    elif kind == "line":  # flat in one axis
        points[:, 0] = 1
    elif kind == "dense":  # nearly all in one cell of the coarse grid, and some far away
        points = np.where(rng.random((count, 1)) < 0.97, points * 1e-6, points * 50)
    elif kind == "damaged":
        points[rng.random(count) < 0.3] = np.nan
        points[rng.random(count) < 0.1, 0] = np.inf
        points[rng.random(count) < 0.1, 0] = -np.inf
    elif kind == "none":
        points[:] = np.nan
    return points.astype(np.float32), rng.integers(-1, len(LABELS), count)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.one_of(st.integers(0, 3), st.integers(4, 12_000)),
    st.sampled_from([2, 3]),
    st.sampled_from(["cloud", "lattice", "equal", "line", "dense", "damaged", "none"]),
    st.tuples(st.integers(7, 3_000), st.integers(1, 300), st.integers(1, 2_000)),
)
def test_the_files_are_those_of_a_cloud_built_in_memory(
    seed: int, count: int, dimension: int, kind: str, points_of: tuple[int, int, int]
) -> None:
    points, codes = material(seed, count, dimension, kind)
    part_points, tile_points, first_level = points_of
    sizes = {"tile_points": tile_points, "first_level": first_level}
    columns = {"class": (codes, LABELS), "other": (codes[::-1].astype(np.uint8) // 2, ("x",) * 200)}
    part_points = max(part_points, count // 40)  # some dozens of blocks are enough
    with tempfile.TemporaryDirectory() as name:
        inside, beside = Path(name) / "inside", Path(name) / "beside"
        cloud = build_cloud(points, columns=columns, **sizes)
        write_cloud(cloud, inside)
        built = build_cloud_on_disk(points, beside, columns=columns, part_points=part_points, **sizes)
        assert files(beside) == files(inside)
        assert built.extent == cloud.extent
        low, high = (cloud.extent[:2], cloud.extent[dimension : dimension + 2])
        window = Window((low[0] - 1, high[0] + 1), (low[1] - 1, high[1] + 1), 40, 30)
        for budget in (None, 500):
            assert np.array_equal(built.counts(window, budget=budget), cloud.counts(window, budget=budget))
        assert np.array_equal(built.category_counts(window, "class"), cloud.category_counts(window, "class"))


def in_turn(work: Callable[..., Any], tasks: Mapping[str, tuple[Any, ...]], **_: object) -> dict[str, Any]:
    """Do tasks one after the other, each twice, as where a worker is lost; their results as the catalogue has them."""
    for arguments in tasks.values():
        work(*arguments)
    return {name: json.loads(json.dumps(work(*arguments))) for name, arguments in tasks.items()}


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 9_000),
    st.sampled_from([2, 3]),
    st.sampled_from(["cloud", "lattice", "equal", "line", "dense", "damaged", "none"]),
    st.integers(300, 3_000),
)
def test_the_files_are_the_same_where_tasks_of_a_cluster_build_them(
    seed: int, count: int, dimension: int, kind: str, block_points: int
) -> None:
    points, _ = material(seed, count, dimension, kind)
    with tempfile.TemporaryDirectory() as name:
        artifacts = Artifacts(f"file://{name}")
        artifacts.write_array("artifact:/map.zarr", points, chunk_rows=700)
        site = Site(artifacts, "artifact:/map.zarr", "artifact:/parts", block_points)
        build_by_tasks(in_turn, site, count, "artifact:/cloud")
        write_cloud(build_cloud(points), Path(name) / "memory")
        assert files(Path(name) / "cloud") == files(Path(name) / "memory")


def test_points_on_disk_are_read_by_blocks_and_can_be_added_to(tmp_path: Path) -> None:
    points, codes = material(1, 300_000, 2, "damaged")
    np.save(tmp_path / "points.npy", points)
    asked: list[int] = []

    class Source:
        """A file of which the blocks that are read are noted."""

        shape = points.shape

        def __getitem__(self, rows: slice) -> np.ndarray:
            asked.append(rows.stop - rows.start)
            return np.load(tmp_path / "points.npy", mmap_mode="r")[rows]

    folder = tmp_path / "cloud"
    columns = {"class": (codes, LABELS)}
    moments: list[Progress] = []
    built = build_cloud_on_disk(Source(), folder, columns=columns, part_points=20_000, monitor=Monitor(moments.append))
    assert set(asked) == {20_000}
    assert {moment.stage for moment in moments} == {
        "reading points",
        "counting points",
        "sorting points",
        "building tiles",
    }
    assert all(moment.done <= moment.total for moment in moments)
    write_cloud(build_cloud(points, columns=columns), tmp_path / "memory")
    assert files(folder) == files(tmp_path / "memory")
    more, others = material(2, 3_000, 2, "cloud")
    before = built.counts(Window((-2, 2), (-2, 2), 20, 20))
    grown = append_points(folder, more, columns={"class": (others, LABELS)})
    added = build_cloud(more).counts(Window((-2, 2), (-2, 2), 20, 20))
    assert np.array_equal(grown.counts(Window((-2, 2), (-2, 2), 20, 20)), before + added)


def test_an_interrupted_build_leaves_no_cloud(tmp_path: Path) -> None:
    points, codes = material(1, 100_000, 2, "cloud")
    build_cloud_on_disk(points, tmp_path, columns={"class": (codes, LABELS)})
    seen: list[Progress] = []
    monitor = Monitor(seen.append, lambda: bool(seen) and seen[-1].stage == "building tiles")
    with pytest.raises(CancelledError, match="building tiles"):
        build_cloud_on_disk(points, tmp_path, part_points=5_000, monitor=monitor)
    with pytest.raises(DataLossError, match=r"cloud\.json"):
        open_cloud(tmp_path)
    # Built again, it is whole, and nothing of the earlier one is left.
    build_cloud_on_disk(points, tmp_path, part_points=5_000)
    assert files(tmp_path).keys() == {"points.f32", "rows.u32", "tiles.arrow", "cloud.json"}


def test_what_is_no_cloud_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="two or three coordinates"):
        build_cloud_on_disk(np.zeros((3, 4), np.float32), tmp_path / "cloud")
    with pytest.raises(InvalidArgumentError, match="categories"):
        build_cloud_on_disk(
            np.zeros((3, 2), np.float32), tmp_path / "cloud", columns={"class": (np.zeros(3, int), ("x",) * 70_000)}
        )
    assert not (tmp_path / "cloud").exists()
