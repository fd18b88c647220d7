"""Building clouds that do not fit into memory: by blocks of points, then by parts of the curve, on all cores.

The points are read three times, a block at a time: to see which are finite and take the sample that fixes the grid; to
count them by level and coarse cell of the curve; and to put each into the part of the file that its cell belongs to.
Then the parts are brought into their order, each by itself. What comes out is what `build_cloud` makes, to the last
bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lse.hardware import usable_cores
from lse.pointcloud.cloud import (
    FIRST_LEVEL,
    TILE_POINTS,
    PointCloud,
    check_shape,
    finite,
    level_shares,
    stored_codes,
)
from lse.pointcloud.counting import Codes, count_tiles
from lse.pointcloud.in_turns import CloudFiles, Turns
from lse.pointcloud.order import (
    SAMPLE,
    Grid,
    count_by_cell,
    gather,
    group_by_part,
    level_bounds,
    shuffle,
    sorted_by_key,
    split,
)
from lse.pointcloud.storage import emptied, open_cloud, write_tables
from lse.pointcloud.tiles import Spans, Tiles
from lse.progress import Monitor

__all__ = ["PART_POINTS", "Rows", "build_cloud_on_disk"]

PART_POINTS = 1 << 21
"""Points that a thread has in memory, about."""
# Coarse cells for each part, so that parts are of about the same size although the points are not evenly spread.
_CELLS = 256


class Rows(Protocol):
    """Values of points that are read by slices: an array, a memory-mapped file, an array of Zarr or HDF5."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points first."""

    def __getitem__(self, rows: slice, /) -> Any:
        """Values of points that follow each other."""


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
    check_shape(coordinates.shape)
    columns = dict(columns or {})
    for _, labels in columns.values():
        stored_codes(np.empty(0, np.int64), labels)
    emptied(folder)
    shares = level_shares(coordinates.shape[0], first_level)
    # Files are closed when no thread is at work any more.
    with (
        closing(CloudFiles(folder, coordinates.shape[1], len(columns))) as files,
        ThreadPoolExecutor(usable_cores()) as pool,
    ):
        source = _Source.read(coordinates, columns, part_points, Turns(pool, monitor or Monitor()))
        plan = _Plan.of(source, shares, tile_points)
        _put_into_parts(source, plan, files)
        tiles, counts = _in_order(source, plan, files)
    for index, numbers in enumerate(counts):
        numbers.astype("<i8").tofile(folder / f"column-{index}.i64")
    names = {name: labels for name, (_, labels) in columns.items()}
    write_tables(folder, tiles, names, points=plan.total, source_count=coordinates.shape[0])
    return open_cloud(folder)


@dataclass(frozen=True)
class _Block:
    """Finite points of a block: their coordinates and rows, and how many finite ones come before."""

    points: NDArray[np.float32]
    rows: NDArray[np.uint32]
    first: int


@dataclass(frozen=True)
class _Source:
    """What a cloud is built of, the rows that are left out, ascending, and the grid."""

    coordinates: Rows
    columns: Mapping[str, tuple[Rows, tuple[str, ...]]]
    step: int
    turns: Turns
    dropped: NDArray[np.uint32]
    grid: Grid

    @classmethod
    def read(
        cls, coordinates: Rows, columns: Mapping[str, tuple[Rows, tuple[str, ...]]], step: int, turns: Turns
    ) -> _Source:
        """Find out which points are finite, and fix the grid by the sample that `build_cloud` would take."""
        given, dimension = coordinates.shape
        every = max(1, given // SAMPLE)
        none = np.empty(0, np.uint32)

        def look(start: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
            block = np.asarray(coordinates[start : start + step], np.float32)
            kept = finite(block)
            left_out = none if kept is None else (np.flatnonzero(~kept) + start).astype(np.uint32)
            return left_out, block[-start % every :: every].copy()

        starts = range(0, given, step)
        found = list(turns.each("reading points", look, starts))
        dropped = np.concatenate([none, *(left_out for left_out, _ in found)])
        source = cls(coordinates, columns, step, turns, dropped, Grid.of(np.empty((0, dimension), np.float32)))
        sample = [taken for _, taken in found]
        if len(dropped):
            every = max(1, (given - len(dropped)) // SAMPLE)

            def take(start: int) -> NDArray[np.float32]:
                block = source.block(start)
                return block.points[-block.first % every :: every].copy()

            sample = list(turns.each("reading points", take, starts))
        grid = Grid.of(np.concatenate([np.empty((0, dimension), np.float32), *sample]))
        return cls(coordinates, columns, step, turns, dropped, grid)

    @property
    def starts(self) -> range:
        """First row of each block."""
        return range(0, self.coordinates.shape[0], self.step)

    def block(self, start: int) -> _Block:
        """Read a block."""
        points = np.ascontiguousarray(self.coordinates[start : start + self.step], np.float32)
        begin, end = np.searchsorted(self.dropped, np.array([start, start + len(points)], np.uint32))
        rows = np.arange(start, start + len(points), dtype=np.uint32)
        if end > begin:
            kept = np.ones(len(points), bool)
            kept[self.dropped[begin:end] - np.uint32(start)] = False
            points, rows = points[kept], rows[kept]
        return _Block(points, rows, start - int(begin))

    def numbers(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Which of the finite points some rows are."""
        return rows.astype(np.uint64) - np.searchsorted(self.dropped, rows).astype(np.uint64)


@dataclass(frozen=True)
class _Plan:
    """Which part of the file each point belongs to, and the cells that become tiles or are divided into some.

    Attributes
    ----------
    shares, bounds, tile_points
        Of the levels and tiles.
    depth
        Bits of a coarse cell's number for each axis.
    parts
        Part of each level and coarse cell, shape (levels, cells).
    cells
        Level, number of points and part of each cell, in the order of the cloud, shape (cells, 3).
    edges
        First point of each part and the end of the last, shape (parts + 1,).
    """

    shares: tuple[float, ...]
    bounds: NDArray[np.uint32]
    tile_points: int
    depth: int
    parts: NDArray[np.int32]
    cells: NDArray[np.int64]
    edges: NDArray[np.int64]

    @classmethod
    def of(cls, source: _Source, shares: tuple[float, ...], tile_points: int) -> _Plan:
        """Count the points by level and coarse cell, and cut each level into parts along the curve."""
        grid, children = source.grid, 2**source.grid.dimension
        wanted = _CELLS * max(1, source.coordinates.shape[0] // source.step)
        depth = min(grid.bits, round(np.log(wanted) / np.log(children)))
        shift, bounds = (grid.bits - depth) * grid.dimension, level_bounds(shares)

        def count(start: int) -> NDArray[np.uint32]:
            block, counts = source.block(start), np.zeros((len(shares), children**depth), np.uint32)
            count_by_cell(grid.keys(block.points), shift, np.uint64(block.first), bounds, counts)
            return counts

        counts = np.zeros((len(shares), children**depth), np.int64)
        for found in source.turns.each("counting points", count, source.starts):
            counts += found
        parts = np.zeros(counts.shape, np.int32)
        cells, held = [], 0
        for level, own in enumerate(counts):
            begins, numbers = _largest_cells(own, tile_points, children, depth)
            found, of = np.unique((np.cumsum(numbers) - numbers) // source.step, return_inverse=True)
            if len(of):
                parts[level] = np.repeat(held + of, np.diff(begins, append=len(own)))
            cells.append(np.column_stack([np.full(len(of), level), numbers, held + of]))
            held += len(found)
        every = np.concatenate(cells).astype(np.int64)
        edges = np.append(0, np.cumsum(np.bincount(every[:, 2], weights=every[:, 1], minlength=held))).astype(np.int64)
        return cls(shares, bounds, tile_points, depth, parts, every, edges)

    @property
    def total(self) -> int:
        """Number of points."""
        return int(self.edges[-1])


def _largest_cells(
    counts: NDArray[np.int64], tile_points: int, children: int, depth: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The largest cells of at most `tile_points` points, or coarse ones, given the points of the coarse cells.

    Returns
    -------
    begins
        First coarse cell of each, ascending; that of the first is 0.
    numbers
        Points of each, more than 0.
    """
    begins, numbers = [], []
    divided = np.ones(1, bool)
    for above in range(depth + 1):
        size = children ** (depth - above)
        own = counts.reshape(-1, size).sum(axis=1)
        whole = divided & (own > 0) & ((own <= tile_points) | (above == depth))
        begins.append(np.flatnonzero(whole) * size)
        numbers.append(own[whole])
        divided = np.repeat(divided & (own > tile_points), children)
    begin, number = np.concatenate(begins), np.concatenate(numbers)
    order = np.argsort(begin)
    begin[order[:1]] = 0  # cells without points belong to the one before them, or the first
    return begin[order], number[order]


def _put_into_parts(source: _Source, plan: _Plan, files: CloudFiles) -> None:
    """Write each point into its part, where those of earlier blocks come first."""
    grid, place = source.grid, plan.edges[:-1].copy()
    shift = (grid.bits - plan.depth) * grid.dimension

    def group(start: int) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
        block, ends = source.block(start), np.zeros(len(place), np.int64)
        keys = grid.keys(block.points)
        order = group_by_part(keys, shift, np.uint64(block.first), plan.bounds, plan.parts, ends)
        rows = block.rows[order]
        codes = [
            stored_codes(np.asarray(given[start : start + source.step]), labels)[rows - np.uint32(start)]
            for given, labels in source.columns.values()
        ]
        return ends, [block.points[order], rows, *codes]

    for ends, arrays in source.turns.each("sorting points", group, source.starts):
        counts = np.diff(ends, prepend=0)
        for part in np.flatnonzero(counts).tolist():
            own = slice(ends[part] - counts[part], ends[part])
            files.write(place[part], (values[own] for values in arrays))
        place += counts


def _in_order(source: _Source, plan: _Plan, files: CloudFiles) -> tuple[Tiles, list[NDArray[np.int64]]]:
    """Bring each part into its order; the tiles, and the points of each category in each of them by column."""
    grid, tile_points = source.grid, plan.tile_points
    begins = np.searchsorted(plan.cells[:, 2], np.arange(len(plan.edges)))

    def arrange(part: int) -> tuple[Tiles, list[NDArray[np.int64]]]:
        first, count = int(plan.edges[part]), int(plan.edges[part + 1] - plan.edges[part])
        points, rows, *columns = files.read(first, count)
        keys = grid.keys(points)
        order = sorted_by_key(keys)
        cells = plan.cells[begins[part] : begins[part + 1]]
        starts, begin = [], 0
        for number in cells[:, 1].tolist():
            bits = grid.bits - plan.depth if number > tile_points else 0
            starts.append(split(keys[begin : begin + number], tile_points, grid.dimension, bits) + begin)
            begin += number
        edges = np.append(np.concatenate(starts), count)
        shuffle(order, edges, source.numbers(rows[order[edges[:-1]]]))
        arranged = np.empty_like(points)
        boxes = gather(points, order, edges, arranged)
        codes: list[Codes] = [own[order] for own in columns]
        files.write(first, [arranged, rows[order], *codes])
        spans = Spans(np.arange(len(boxes)), edges[:-1], np.diff(edges))
        counts = [
            count_tiles(own, spans, len(labels))
            for own, (_, labels) in zip(codes, source.columns.values(), strict=True)
        ]
        levels = np.full(len(boxes), cells[0, 0], np.uint8)
        return Tiles(levels, spans.firsts + first, spans.counts, boxes, plan.shares), counts

    made = list(source.turns.each("building tiles", arrange, range(len(plan.edges) - 1)))
    tiles = [own for own, _ in made]
    whole = Tiles(
        np.concatenate([np.empty(0, np.uint8), *(own.levels for own in tiles)]),
        np.concatenate([np.empty(0, np.int64), *(own.firsts for own in tiles)]),
        np.concatenate([np.empty(0, np.int64), *(own.counts for own in tiles)]),
        np.concatenate([np.empty((0, 2, grid.dimension), np.float32), *(own.boxes for own in tiles)]),
        plan.shares,
    )
    return whole, [
        np.concatenate([np.empty((0, len(labels)), np.int64), *(own[index] for _, own in made)])
        for index, (_, labels) in enumerate(source.columns.values())
    ]
