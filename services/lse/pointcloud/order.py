"""The order of the points of a cloud: by level, along a space-filling curve, and at random within a tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gather", "split", "tiled_order"]

# Bits of a cell's number for each axis: 2 x 16 and 3 x 10 fit into 32.
_BITS = {2: 16, 3: 10}
_DIGIT = 11
# Points beyond these quantiles lie in the outermost cells, so that one far point does not push all others into one.
_QUANTILES = (0.0005, 0.9995)
_SAMPLE = 100_000


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
        A point belongs to the first level whose bound is above its random number of 32 bits, shape (levels,).
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
    dimension = points.shape[1]
    low, scale = _cells(points)
    keys = _keys(points, low, scale, _BITS[dimension])
    order = _sorted_by_key(keys)
    order, keys, ends = _by_level(order, keys, np.uint64(first), bounds)
    levels: list[NDArray[np.uint8]] = []
    starts: list[NDArray[np.int64]] = []
    begin = 0
    for level, end in enumerate(ends.tolist()):
        found = split(keys[begin:end], tile_points, dimension, _BITS[dimension]) + begin
        levels.append(np.full(len(found), level, np.uint8))
        starts.append(found)
        begin = end
    edges = np.concatenate([*starts, [len(points)]]).astype(np.int64)
    _shuffle(order, edges, np.uint64(first))
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


def _cells(points: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corner of the grid of cells, and cells per data unit."""
    cells = 1 << _BITS[points.shape[1]]
    if len(points) == 0:
        return np.zeros(points.shape[1]), np.zeros(points.shape[1])
    sample = points[:: max(1, len(points) // _SAMPLE)].astype(np.float64)
    low, high = np.quantile(sample, _QUANTILES, axis=0)
    width = high - low
    return low, np.divide(cells, width, out=np.zeros_like(width), where=width > 0)


def _sorted_by_key(keys: NDArray[np.uint32]) -> NDArray[np.uint32]:
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
    """Number of each point's cell along the curve of Morton (1966), uint32."""
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
def _shuffle(order: Any, starts: Any, seed: np.uint64) -> None:
    """Shuffle each tile, as Fisher and Yates do."""
    for tile in range(starts.shape[0] - 1):
        begin, count = starts[tile], starts[tile + 1] - starts[tile]
        state = _mixed(seed ^ np.uint64(order[begin]))
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
