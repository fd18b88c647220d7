"""The order of the points of a cloud: by level, along a space-filling curve, and at random within a tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "SAMPLE",
    "Grid",
    "count_by_cell",
    "gather",
    "group_by_part",
    "level_bounds",
    "shuffle",
    "sorted_by_key",
    "split",
    "tiled_order",
]

# Bits of a cell's number for each axis: 2 x 16 and 3 x 10 fit into 32.
_BITS = {2: 16, 3: 10}
_DIGIT = 11
# Points beyond these quantiles lie in the outermost cells, so that one far point does not push all others into one.
_QUANTILES = (0.0005, 0.9995)
SAMPLE = 100_000
"""Points of which the quantiles are taken, about."""


@dataclass(frozen=True)
class Grid:
    """The finest cells, in which points are told apart.

    Attributes
    ----------
    low
        Corner, shape (d,).
    scale
        Cells for each data unit, shape (d,).
    """

    low: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, sample: NDArray[np.float32]) -> Grid:
        """Grid for points of which some are given, shape (s, d)."""
        dimension = sample.shape[1]
        if len(sample) == 0:
            return cls(np.zeros(dimension), np.zeros(dimension))
        low, high = np.quantile(sample.astype(np.float64), _QUANTILES, axis=0)
        width = high - low
        return cls(low, np.divide(1 << _BITS[dimension], width, out=np.zeros_like(width), where=width > 0))

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return len(self.low)

    @property
    def bits(self) -> int:
        """Bits of a cell's number for each axis."""
        return _BITS[self.dimension]

    def keys(self, points: NDArray[np.float32]) -> NDArray[np.uint32]:
        """Number of each point's cell along the curve of Morton (1966), shape (n,)."""
        keys: NDArray[np.uint32] = _keys(points, self.low, self.scale, self.bits)
        return keys


def level_bounds(shares: tuple[float, ...]) -> NDArray[np.uint32]:
    """A point belongs to the first level whose bound is above its random number of 32 bits, shape (levels,)."""
    return np.minimum(np.array(shares) * 2.0**32, 2.0**32 - 1).astype(np.uint32)


def tiled_order(
    points: NDArray[np.float32], *, first: int, bounds: NDArray[np.uint32], tile_points: int
) -> tuple[NDArray[np.uint32], NDArray[np.uint8], NDArray[np.int64]]:
    """Order of points, and the tiles into which it falls.

    Parameters
    ----------
    points
        Finite coordinates, shape (n, 2) or (n, 3), float32.
    first
        Number of the first point in the whole cloud, from which its level is drawn.
    bounds
        Those of the levels; see `level_bounds`.
    tile_points
        Most points of a tile, unless they cannot be told apart by their cells.

    Returns
    -------
    order
        Indices of the points, shape (n,).
    levels
        Level of each tile, shape (t,).
    starts
        First point of each tile and the end of the last, shape (t + 1,).
    """
    grid = Grid.of(points[:: max(1, len(points) // SAMPLE)])
    keys = grid.keys(points)
    order = sorted_by_key(keys)
    order, keys, ends = _by_level(order, keys, np.uint64(first), bounds)
    levels: list[NDArray[np.uint8]] = []
    starts: list[NDArray[np.int64]] = []
    begin = 0
    for level, end in enumerate(ends.tolist()):
        found = split(keys[begin:end], tile_points, grid.dimension, grid.bits) + begin
        levels.append(np.full(len(found), level, np.uint8))
        starts.append(found)
        begin = end
    edges = np.concatenate([*starts, [len(points)]]).astype(np.int64)
    shuffle(order, edges, order[edges[:-1]] ^ np.uint64(first))
    return order, np.concatenate(levels), edges


def split(keys: NDArray[np.uint32], tile_points: int, dimension: int, bits: int) -> NDArray[np.int64]:
    """Firsts of the tiles of ascending keys: the largest cells of at most `tile_points` points, shape (t,)."""
    if len(keys) == 0:
        return np.empty(0, np.int64)
    # A cell that is divided has more than `tile_points` points, and a level of the tree has few such cells.
    most = len(keys) // max(1, tile_points) * bits * 2**dimension + 1
    found = np.empty(min(len(keys), most), np.int64)
    return found[: _split(keys, tile_points, dimension, bits, found)].copy()


def gather(
    points: NDArray[np.float32], order: NDArray[np.uint32], starts: NDArray[np.int64], out: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Write points in their order; least and greatest coordinates of each tile, shape (t, 2, d), float32."""
    boxes = np.empty((len(starts) - 1, 2, points.shape[1]), np.float32)
    _gather(points, order, starts, out, boxes)
    return boxes


def sorted_by_key(keys: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Indices by ascending key; the keys are sorted in place."""
    order, other = np.arange(len(keys), dtype=np.uint32), np.empty(len(keys), np.uint32)
    others = np.empty(len(keys), np.uint32)
    given = keys
    for shift in range(0, 32, _DIGIT):
        _radix_pass(keys, order, others, other, shift)
        keys, order, others, other = others, other, keys, order
    if keys is not given:
        given[:] = keys
    return order


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _keys(points: NDArray[np.float32], low: Any, scale: Any, bits: int) -> Any:
    dimension = points.shape[1]
    most = np.float64((1 << bits) - 1)
    keys = np.empty(points.shape[0], np.uint32)
    for point in range(points.shape[0]):
        key = np.uint32(0)
        for axis in range(dimension):
            cell = np.uint32(min(max((points[point, axis] - low[axis]) * scale[axis], 0.0), most))
            spread = np.uint32(0)
            if dimension == 2:
                spread = (cell | (cell << np.uint32(8))) & np.uint32(0x00FF00FF)
                spread = (spread | (spread << np.uint32(4))) & np.uint32(0x0F0F0F0F)
                spread = (spread | (spread << np.uint32(2))) & np.uint32(0x33333333)
                spread = (spread | (spread << np.uint32(1))) & np.uint32(0x55555555)
            else:
                spread = (cell | (cell << np.uint32(16))) & np.uint32(0x030000FF)
                spread = (spread | (spread << np.uint32(8))) & np.uint32(0x0300F00F)
                spread = (spread | (spread << np.uint32(4))) & np.uint32(0x030C30C3)
                spread = (spread | (spread << np.uint32(2))) & np.uint32(0x09249249)
            key |= spread << np.uint32(axis)
        keys[point] = key
    return keys


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _radix_pass(keys: Any, order: Any, sorted_keys: Any, sorted_order: Any, shift: int) -> None:
    """One pass of a sort by the digits of a key, the lowest first."""
    mask = np.uint32((1 << _DIGIT) - 1)
    place = np.zeros((1 << _DIGIT) + 1, np.int64)
    for key in keys:
        place[((key >> np.uint32(shift)) & mask) + 1] += 1
    for digit in range(1 << _DIGIT):
        place[digit + 1] += place[digit]
    for index in range(keys.shape[0]):
        digit = (keys[index] >> np.uint32(shift)) & mask
        at = place[digit]
        place[digit] = at + 1
        sorted_keys[at] = keys[index]
        sorted_order[at] = order[index]


@numba.njit(inline="always")
def _mixed(number: np.uint64) -> np.uint64:
    """Random number of 64 bits that is a function of another, by splitmix64 (Steele, Lea and Flood 2014)."""
    state = (number + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@numba.njit(inline="always")
def _level(point: np.uint64, bounds: Any) -> int:
    drawn = np.uint32(_mixed(point) >> np.uint64(32))
    level = 0
    while level < bounds.shape[0] - 1 and drawn >= bounds[level]:
        level += 1
    return level


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _by_level(order: Any, keys: Any, first: np.uint64, bounds: Any) -> Any:
    """The order, its keys and the end of each level, where points of a level come together and stay in their order."""
    ends = np.zeros(bounds.shape[0], np.int64)
    for point in range(order.shape[0]):
        ends[_level(first + np.uint64(point), bounds)] += 1
    place = np.zeros(bounds.shape[0], np.int64)
    for level in range(1, bounds.shape[0]):
        place[level] = ends[level - 1]
        ends[level] += ends[level - 1]
    new_order, new_keys = np.empty_like(order), np.empty_like(keys)
    for index in range(order.shape[0]):
        level = _level(first + np.uint64(order[index]), bounds)
        at = place[level]
        place[level] = at + 1
        new_order[at] = order[index]
        new_keys[at] = keys[index]
    return new_order, new_keys, ends


@numba.njit(cache=True, nogil=True, error_model="numpy")
def count_by_cell(keys: Any, shift: int, first: np.uint64, bounds: Any, counts: Any) -> None:
    """Count points, the first of which has the number `first`, by level and coarse cell, shape (levels, cells)."""
    for point in range(keys.shape[0]):
        counts[_level(first + np.uint64(point), bounds), keys[point] >> np.uint32(shift)] += np.uint32(1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def group_by_part(keys: Any, shift: int, first: np.uint64, bounds: Any, parts: Any, ends: Any) -> Any:
    """Indices of points by the part of their level and coarse cell, in their order within each.

    `parts` has the part of each level and cell; the end of each part is put into `ends`, shape (parts,).
    """
    own = np.empty(keys.shape[0], np.int32)
    for point in range(keys.shape[0]):
        own[point] = parts[_level(first + np.uint64(point), bounds), keys[point] >> np.uint32(shift)]
        ends[own[point]] += 1
    place = np.zeros_like(ends)
    for part in range(1, ends.shape[0]):
        place[part] = ends[part - 1]
        ends[part] += ends[part - 1]
    order = np.empty(keys.shape[0], np.uint32)
    for point in range(keys.shape[0]):
        order[place[own[point]]] = point
        place[own[point]] += 1
    return order


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _split(keys: Any, tile_points: int, dimension: int, bits: int, found: Any) -> int:
    children = 1 << dimension
    stack = np.empty((bits * children + 1, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, keys.shape[0], bits
    held, count = 1, 0
    while held:
        held -= 1
        begin, end, depth = stack[held, 0], stack[held, 1], stack[held, 2]
        if end - begin <= tile_points or depth == 0:
            found[count] = begin
            count += 1
            continue
        shift = np.uint32((depth - 1) * dimension)
        # The last child lies at the bottom of the stack, so that tiles come in the order of the curve.
        for child in range(children - 1, -1, -1):
            low, high = begin, end
            while low < high:
                middle = (low + high) // 2
                if (keys[middle] >> shift) & np.uint32(children - 1) < np.uint32(child):
                    low = middle + 1
                else:
                    high = middle
            if low < end:
                stack[held, 0], stack[held, 1], stack[held, 2] = low, end, depth - 1
                held += 1
                end = low
    return count


@numba.njit(cache=True, nogil=True, error_model="numpy")
def shuffle(order: NDArray[np.uint32], starts: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
    """Shuffle each tile, as Fisher and Yates do, by a seed of its own."""
    for tile in range(starts.shape[0] - 1):
        begin, count = starts[tile], starts[tile + 1] - starts[tile]
        state = _mixed(seeds[tile])
        for last in range(count - 1, 0, -1):
            # Knuth's linear congruential generator, of which the upper half is used.
            state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            drawn = np.int64(((state >> np.uint64(32)) * np.uint64(last + 1)) >> np.uint64(32))
            order[begin + last], order[begin + drawn] = order[begin + drawn], order[begin + last]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _gather(points: Any, order: Any, starts: Any, out: Any, boxes: Any) -> None:
    for tile in range(starts.shape[0] - 1):
        for axis in range(points.shape[1]):
            boxes[tile, 0, axis] = np.inf
            boxes[tile, 1, axis] = -np.inf
        for index in range(starts[tile], starts[tile + 1]):
            for axis in range(points.shape[1]):
                value = points[order[index], axis]
                out[index, axis] = value
                boxes[tile, 0, axis] = min(boxes[tile, 0, axis], value)
                boxes[tile, 1, axis] = max(boxes[tile, 1, axis], value)
