"""The steps of building a cloud that does not fit into memory, each of a block of points or a part of the curve alone.

`look` at every block, and the `Basis` is known; `Basis.count` every block, and the `Plan` is; `Plan.group` every block
by the parts to which its points belong; `Plan.arrange` every part. Threads of one machine do them
(`lse.pointcloud.build_cloud_on_disk`) as well as tasks of a cluster: what comes out is what `build_cloud` makes, to the
last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.cloud import FIRST_LEVEL, TILE_POINTS, check_shape, finite, level_shares, stored_codes
from lse.pointcloud.coded import Codes
from lse.pointcloud.counting import count_tiles
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
from lse.pointcloud.tiles import Spans, Tiles

__all__ = ["Basis", "Block", "Plan", "Rows", "Scheme", "TilesMade", "joined", "look", "read_block"]

# Coarse cells for each part, so that parts are of about the same size although the points are not evenly spread.
_CELLS = 256


class Rows(Protocol):
    """Values of points that are read by slices: an array, a memory-mapped file, an array of Zarr or HDF5."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points first."""

    def __getitem__(self, rows: slice, /) -> Any:
        """Values of points that follow each other."""


@dataclass(frozen=True)
class Scheme:
    """How points are divided.

    Attributes
    ----------
    count
        Points that are given, also those that will be left out.
    dimension
        2 or 3.
    part_points
        Points of a block and of a part. Where more lie in one coarse cell of the curve, these are one part.
    tile_points
        Most points of a tile.
    shares
        Share of the points in the levels up to each one.
    """

    count: int
    dimension: int
    part_points: int
    tile_points: int
    shares: tuple[float, ...]

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        part_points: int,
        *,
        tile_points: int = TILE_POINTS,
        first_level: int = FIRST_LEVEL,
    ) -> Scheme:
        """Scheme for coordinates of a shape, (n, 2) or (n, 3)."""
        check_shape(shape)
        return cls(shape[0], shape[1], part_points, tile_points, level_shares(shape[0], first_level))

    @property
    def blocks(self) -> list[range]:
        """Rows of each block."""
        starts = range(0, self.count, self.part_points)
        return [range(start, min(start + self.part_points, self.count)) for start in starts]

    def every(self, left_out: int) -> int:
        """Which of the finite points fix the grid: one of so many."""
        return max(1, (self.count - left_out) // SAMPLE)


@dataclass(frozen=True)
class Block:
    """Finite points of a block: their coordinates and rows, and how many finite ones come before."""

    points: NDArray[np.float32]
    rows: NDArray[np.uint32]
    first: int

    def sample(self, every: int) -> NDArray[np.float32]:
        """One of so many points, counted over all blocks."""
        return self.points[-self.first % every :: every].copy()


def look(coordinates: Rows, rows: range, every: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Rows of a block that are left out, and its sample, which holds if no block has any such rows."""
    points = np.asarray(coordinates[rows.start : rows.stop], np.float32)
    kept = finite(points)
    left_out = np.empty(0, np.int64) if kept is None else np.flatnonzero(~kept) + rows.start
    return left_out.astype(np.uint32), points[-rows.start % every :: every].copy()


def read_block(coordinates: Rows, rows: range, dropped: NDArray[np.uint32]) -> Block:
    """Finite points of a block, given the rows of all blocks that are left out, ascending."""
    points = np.ascontiguousarray(coordinates[rows.start : rows.stop], np.float32)
    begin, end = np.searchsorted(dropped, np.array([rows.start, rows.stop], np.uint32))
    own = np.arange(rows.start, rows.stop, dtype=np.uint32)
    if end > begin:
        kept = np.ones(len(points), bool)
        kept[dropped[begin:end] - np.uint32(rows.start)] = False
        points, own = points[kept], own[kept]
    return Block(points, own, rows.start - int(begin))


@dataclass(frozen=True)
class Basis:
    """What must be known of all points before they are counted.

    Attributes
    ----------
    scheme
        How they are divided.
    dropped
        Rows that are left out, ascending.
    grid
        The finest cells.
    """

    scheme: Scheme
    dropped: NDArray[np.uint32]
    grid: Grid

    @classmethod
    def of(cls, scheme: Scheme, dropped: NDArray[np.uint32], samples: Iterable[NDArray[np.float32]]) -> Basis:
        """Fix the grid by the samples of all blocks."""
        return cls(scheme, dropped, Grid.of(np.concatenate([np.empty((0, scheme.dimension), np.float32), *samples])))

    @property
    def depth(self) -> int:
        """Bits of a coarse cell's number for each axis."""
        wanted = _CELLS * max(1, self.scheme.count // self.scheme.part_points)
        return min(self.grid.bits, round(math.log2(wanted) / self.grid.dimension))

    @property
    def shift(self) -> int:
        """Bits of a key beyond those of its coarse cell."""
        return (self.grid.bits - self.depth) * self.grid.dimension

    def count(self, coordinates: Rows, rows: range) -> NDArray[np.uint32]:
        """Points of a block by level and coarse cell, shape (levels, cells)."""
        block, bounds = read_block(coordinates, rows, self.dropped), level_bounds(self.scheme.shares)
        counts = np.zeros((len(bounds), 2 ** (self.grid.dimension * self.depth)), np.uint32)
        count_by_cell(self.grid.keys(block.points), self.shift, np.uint64(block.first), bounds, counts)
        return counts

    def numbers(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Which of the finite points some rows are."""
        return rows.astype(np.uint64) - np.searchsorted(self.dropped, rows).astype(np.uint64)


TilesMade = tuple[Tiles, list[NDArray[np.int64]]]
"""Tiles, and the points of each category in each of them by column."""


@dataclass(frozen=True)
class Plan:
    """Which part of the cloud each point belongs to, and the cells that become tiles or are divided into some.

    Attributes
    ----------
    basis
        What is known of all points.
    parts
        Part of each level and coarse cell, shape (levels, cells).
    cells
        Level, number of points and part of each cell, in the order of the cloud, shape (cells, 3).
    edges
        First point of each part and the end of the last, shape (parts + 1,).
    """

    basis: Basis
    parts: NDArray[np.int32]
    cells: NDArray[np.int64]
    edges: NDArray[np.int64]

    @classmethod
    def of(cls, basis: Basis, blocks: Iterable[NDArray[np.integer]]) -> Plan:
        """Cut each level into parts along the curve, given the counts of all blocks."""
        scheme = basis.scheme
        counts = np.zeros((len(scheme.shares), 2 ** (scheme.dimension * basis.depth)), np.int64)
        for found in blocks:
            counts += found
        parts = np.zeros(counts.shape, np.int32)
        cells, held = [], 0
        for level, own in enumerate(counts):
            begins, numbers = _largest_cells(own, scheme.tile_points, 2**scheme.dimension, basis.depth)
            found, of = np.unique((np.cumsum(numbers) - numbers) // scheme.part_points, return_inverse=True)
            if len(of):
                parts[level] = np.repeat(held + of, np.diff(begins, append=len(own)))
            cells.append(np.column_stack([np.full(len(of), level), numbers, held + of]))
            held += len(found)
        every = np.concatenate(cells).astype(np.int64)
        edges = np.append(0, np.cumsum(np.bincount(every[:, 2], weights=every[:, 1], minlength=held))).astype(np.int64)
        return cls(basis, parts, every, edges)

    @property
    def total(self) -> int:
        """Number of points."""
        return int(self.edges[-1])

    def group(
        self, coordinates: Rows, columns: Mapping[str, tuple[Rows, tuple[str, ...]]], rows: range
    ) -> tuple[NDArray[np.int64], list[NDArray[Any]]]:
        """Bring the points of a block together by part.

        Returns
        -------
        ends
            End of the points of each part, shape (parts,).
        arrays
            Coordinates, rows and codes of each column; within a part in the order of their rows.
        """
        basis, ends = self.basis, np.zeros(len(self.edges) - 1, np.int64)
        block = read_block(coordinates, rows, basis.dropped)
        keys, bounds = basis.grid.keys(block.points), level_bounds(basis.scheme.shares)
        order = group_by_part(keys, basis.shift, np.uint64(block.first), bounds, self.parts, ends)
        own = block.rows[order]
        codes = [
            stored_codes(np.asarray(given[rows.start : rows.stop]), labels)[own - np.uint32(rows.start)]
            for given, labels in columns.values()
        ]
        return ends, [block.points[order], own, *codes]

    def arrange(
        self, part: int, arrays: Sequence[NDArray[Any]], categories: Sequence[int]
    ) -> tuple[list[NDArray[Any]], TilesMade]:
        """Bring the points of a part into their order.

        Parameters
        ----------
        part
            Which one.
        arrays
            Those of `group` of all blocks, one behind the other.
        categories
            Number of categories of each column.

        Returns
        -------
        arrays
            The same in the order of the cloud.
        tiles, counts
            Tiles of the part, and what `joined` takes besides.
        """
        basis, tile_points = self.basis, self.basis.scheme.tile_points
        points, rows, *columns = arrays
        keys = basis.grid.keys(points)
        order = sorted_by_key(keys)
        begin, end = np.searchsorted(self.cells[:, 2], [part, part + 1])
        starts, held = [], 0
        for number in self.cells[begin:end, 1].tolist():
            bits = basis.grid.bits - basis.depth if number > tile_points else 0
            starts.append(split(keys[held : held + number], tile_points, basis.grid.dimension, bits) + held)
            held += number
        edges = np.append(np.concatenate(starts), len(points))
        shuffle(order, edges, basis.numbers(rows[order[edges[:-1]]]))
        arranged = np.empty_like(points)
        boxes = gather(points, order, edges, arranged)
        codes: list[Codes] = [own[order] for own in columns]
        spans = Spans(np.arange(len(boxes)), edges[:-1], np.diff(edges))
        counts = [count_tiles(own, spans, number) for own, number in zip(codes, categories, strict=True)]
        levels, firsts = np.full(len(boxes), self.cells[begin, 0], np.uint8), spans.firsts + self.edges[part]
        return [arranged, rows[order], *codes], (
            Tiles(levels, firsts, spans.counts, boxes, basis.scheme.shares),
            counts,
        )


def joined(scheme: Scheme, made: Sequence[TilesMade], categories: Sequence[int]) -> TilesMade:
    """Tiles of all parts, and the points of each category in each of them by column."""
    tiles = [own for own, _ in made]
    whole = Tiles(
        np.concatenate([np.empty(0, np.uint8), *(own.levels for own in tiles)]),
        np.concatenate([np.empty(0, np.int64), *(own.firsts for own in tiles)]),
        np.concatenate([np.empty(0, np.int64), *(own.counts for own in tiles)]),
        np.concatenate([np.empty((0, 2, scheme.dimension), np.float32), *(own.boxes for own in tiles)]),
        scheme.shares,
    )
    return whole, [
        np.concatenate([np.empty((0, number), np.int64), *(own[index] for _, own in made)])
        for index, number in enumerate(categories)
    ]


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
