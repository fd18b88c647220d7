"""Building clouds that do not fit into memory: by blocks of points, then by parts of the curve, on all cores.

The points are read three times, a block at a time: to see which are finite and take the sample that fixes the grid; to
count them by level and coarse cell of the curve; and to put each into the part of the file that its cell belongs to.
Then the parts are brought into their order, each by itself. What comes out is what `build_cloud` makes, to the last
bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.hardware import usable_cores
from lse.pointcloud.cloud import FIRST_LEVEL, TILE_POINTS, PointCloud, stored_codes
from lse.pointcloud.in_turns import CloudFiles, Turns
from lse.pointcloud.steps import Basis, Plan, Rows, Scheme, TilesMade, joined, look, read_block
from lse.pointcloud.storage import emptied, open_cloud, write_tables
from lse.progress import Monitor

__all__ = ["PART_POINTS", "build_cloud_on_disk"]

PART_POINTS = 1 << 21
"""Points that a thread has in memory, about."""


def build_cloud_on_disk(
    coordinates: Rows,
    folder: Path,
    *,
    columns: Mapping[str, tuple[Rows, tuple[str, ...]]] | None = None,
    part_points: int = PART_POINTS,
    tile_points: int = TILE_POINTS,
    first_level: int = FIRST_LEVEL,
    monitor: Monitor | None = None,
) -> PointCloud:
    """Build a cloud of any size in a folder and open it.

    Its files are those that `write_cloud` writes of the cloud that `build_cloud` makes. They are written once and
    brought into their order in place, on all usable cores; memory is that of a few parts for each core, and four bytes
    for each point that is left out, however many points there are.

    Parameters
    ----------
    coordinates
        Shape (n, 2) or (n, 3), float32, read by slices; points with a coordinate that is not finite are left out.
    folder
        Where the cloud is written; one that is there is replaced.
    columns
        Categories of the points by name: code of each point, shape (n,), read by slices, negative for none, and names
        of the codes.
    part_points
        Points of a block and of a part. Where more lie in one coarse cell of the curve, these are one part.
    tile_points, first_level
        See `build_cloud`.
    monitor
        Progress, in parts, and cancellation.

    Raises
    ------
    InvalidArgumentError
        The coordinates are not two or three columns, or there are too many points or categories.
    CancelledError
        `monitor` says so; no cloud is in the folder then.

    Examples
    --------
    >>> coordinates = np.load("map.npy", mmap_mode="r")  # doctest: +SKIP
    >>> classes = np.load("classes.npy", mmap_mode="r")  # doctest: +SKIP
    >>> columns = {"class": (classes, ("galaxy", "star"))}
    >>> cloud = build_cloud_on_disk(coordinates, Path("cloud"), columns=columns)  # doctest: +SKIP
    """
    scheme = Scheme.of(coordinates.shape, part_points, tile_points=tile_points, first_level=first_level)
    columns = dict(columns or {})
    for _, labels in columns.values():
        stored_codes(np.empty(0, np.int64), labels)
    emptied(folder)
    # Files are closed when no thread is at work any more.
    with (
        closing(CloudFiles(folder, scheme.dimension, len(columns))) as files,
        ThreadPoolExecutor(usable_cores()) as pool,
    ):
        turns = Turns(pool, monitor or Monitor())
        basis = _basis(coordinates, scheme, turns)
        counted = turns.each("counting points", lambda rows: basis.count(coordinates, rows), scheme.blocks)
        plan = Plan.of(basis, counted)
        grouped = turns.each("sorting points", lambda rows: plan.group(coordinates, columns, rows), scheme.blocks)
        _put_into_parts(plan, grouped, files)
        tiles, counts = _in_order(plan, [len(labels) for _, labels in columns.values()], files, turns)
    for index, numbers in enumerate(counts):
        numbers.astype("<i8").tofile(folder / f"column-{index}.i64")
    names = {name: labels for name, (_, labels) in columns.items()}
    write_tables(folder, tiles, names, points=plan.total, source_count=scheme.count)
    return open_cloud(folder)


def _basis(coordinates: Rows, scheme: Scheme, turns: Turns) -> Basis:
    """Find out which points are finite, and fix the grid by the sample that `build_cloud` would take."""
    found = list(turns.each("reading points", lambda rows: look(coordinates, rows, scheme.every(0)), scheme.blocks))
    dropped: NDArray[np.uint32] = np.concatenate([np.empty(0, np.uint32), *(left_out for left_out, _ in found)])
    samples = [sample for _, sample in found]
    if len(dropped):
        every = scheme.every(len(dropped))
        samples = list(
            turns.each(
                "reading points", lambda rows: read_block(coordinates, rows, dropped).sample(every), scheme.blocks
            )
        )
    return Basis.of(scheme, dropped, samples)


def _put_into_parts(
    plan: Plan, grouped: Iterable[tuple[NDArray[np.int64], list[NDArray[Any]]]], files: CloudFiles
) -> None:
    """Write the points of each block into their parts, where those of earlier blocks come first."""
    place = plan.edges[:-1].copy()
    for ends, arrays in grouped:
        counts = np.diff(ends, prepend=0)
        for part in np.flatnonzero(counts).tolist():
            own = slice(ends[part] - counts[part], ends[part])
            files.write(place[part], (values[own] for values in arrays))
        place += counts


def _in_order(plan: Plan, categories: list[int], files: CloudFiles, turns: Turns) -> TilesMade:
    """Bring each part into its order, where it is."""

    def arrange(part: int) -> TilesMade:
        first, end = plan.edges[part : part + 2].tolist()
        arrays, made = plan.arrange(part, files.read(first, end - first), categories)
        files.write(first, arrays)
        return made

    parts = turns.each("building tiles", arrange, range(len(plan.edges) - 1))
    return joined(plan.basis.scheme, list(parts), categories)
