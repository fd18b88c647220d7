"""The minimum spanning tree of mutual reachability distances, by Borůvka's rounds on a k-d tree.

The distance of two points is at least the core distance of either, that of its k-th neighbour (Campello, Moulavi and
Sander 2013).  Points are put in the order of the leaves of a k-d tree, and the nearest few of each are found once.  In
every round each component takes its shortest edge to another one (March, Ram and Gray 2010, KDD '10, 603): of most
points that is among their nearest, since any other is at least as long as the farthest of these; only where it may
not be, the tree is searched, without the nodes that lie in the same component or are too far.  Of edges that are
equally long any may be taken, the same ones on any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numba
import numpy as np

from lse.hardware import usable_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SpanningTree", "spanning_tree"]

_LEAF = 8
# So many neighbours are kept even where the core distance asks for fewer, which saves searches later.
_KEPT = 8
# Below, threads cost more than they save.
_THREADED_ROWS = 20_000
_PARTS = 16
_DEPTH = 64


class SpanningTree(NamedTuple):
    """Edges, shortest first.

    Attributes
    ----------
    ends
        Rows of the points that each edge connects, shape (n - 1, 2), int32.
    lengths
        Mutual reachability distances, shape (n - 1,), float64.
    """

    ends: NDArray[np.int32]
    lengths: NDArray[np.float64]


class _Boxes(NamedTuple):
    """Points in the order of a perfect binary tree: node i has children 2 i + 1 and 2 i + 2."""

    points: Any
    first: Any
    last: Any
    low: Any
    high: Any


class _Shortest(NamedTuple):
    """Shortest edge of each component: its squared length, the point of the component, and the other one."""

    squares: Any
    own: Any
    other: Any


def spanning_tree(points: NDArray[np.float32], *, min_samples: int, threads: int | None = None) -> SpanningTree:
    """Build the tree.

    Parameters
    ----------
    points
        Shape (n, D), n > `min_samples`; a tree of few dimensions leaves most of them out.
    min_samples
        Neighbours, without the point itself, that the core distance reaches.
    threads
        Default: all usable cores for many points, one for few.
    """
    from sklearn.neighbors import KDTree

    rows = len(points)
    threads = threads or (usable_cores() if rows >= _THREADED_ROWS else 1)
    centred = points - points.mean(axis=0, dtype=np.float64)
    # A power of two, which rounds nothing: squares neither overflow nor vanish.
    extent = max(float(np.abs(centred).max()), float(np.finfo(np.float32).tiny))
    unit = 2.0 ** math.ceil(math.log2(extent))
    scaled = (centred / unit).astype(np.float32)
    parts: Any = KDTree(scaled, leaf_size=_LEAF).get_arrays()
    _, order, nodes, bounds = map(np.asarray, parts)
    boxes = _Boxes(
        scaled[order],
        nodes["idx_start"].astype(np.int32),
        nodes["idx_end"].astype(np.int32),
        *np.ascontiguousarray(bounds, dtype=np.float32),
    )
    kept = min(max(min_samples, _KEPT), rows - 1)
    edges = np.empty((rows, kept), np.int32), np.empty((rows, kept), np.float32)
    core, beyond = np.empty(rows, np.float32), np.empty(rows, np.float32)
    # The same parts whatever the number of threads, so that the same edges are found.
    cuts = list(pairwise(np.linspace(0, rows, min(_PARTS, rows) + 1).astype(int).tolist()))
    with ThreadPoolExecutor(threads) as pool:

        def everywhere(work: Callable[[int, int], Any]) -> list[Any]:
            return list(pool.map(lambda part: work(*part), cuts))

        everywhere(partial(_find_nearest, boxes, min_samples, *edges, core, beyond))
        everywhere(partial(_sort_edges, *edges, core))
        ends, squares = _boruvka(boxes, core, edges, beyond, everywhere)
    by_length = np.argsort(squares, kind="stable")
    return SpanningTree(order[ends[by_length]].astype(np.int32), np.sqrt(squares[by_length].astype(np.float64)) * unit)


def _boruvka(
    boxes: _Boxes,
    core: NDArray[np.float32],
    edges: tuple[NDArray[np.int32], NDArray[np.float32]],
    beyond: NDArray[np.float32],
    everywhere: Callable[[Callable[[int, int], Any]], list[Any]],
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    rows = len(core)
    ends, squares = np.empty((rows - 1, 2), np.int32), np.empty(rows - 1, np.float32)
    parents, following = np.arange(rows, dtype=np.int32), np.zeros(rows, np.int32)
    component, inside = parents.copy(), np.empty(len(boxes.first), np.int32)
    least = _least_core(boxes, core)
    found = 0
    while found < rows - 1:
        tops = np.flatnonzero(parents == np.arange(rows))
        numbers = np.cumsum(parents == np.arange(rows), dtype=np.int32) - np.int32(1)
        everywhere(partial(_number, parents, numbers, component))
        _number_nodes(boxes, component, inside)
        best = _Shortest(np.full(len(tops), np.inf, np.float32), *np.empty((2, len(tops)), np.int32))
        _look_among_nearest(*edges, component, following, best)

        def search(start: int, stop: int, known: _Shortest = best) -> _Shortest:
            # Of single points each has its own place.
            mine = known if len(known.squares) == rows else _Shortest(*(part.copy() for part in known))
            _search(boxes, core, beyond, least, component, inside, mine, start, stop)
            return mine

        for each in everywhere(search):
            better = np.flatnonzero(each.squares < best.squares)
            for kept, new in zip(best, each, strict=True):
                kept[better] = new[better]
        found = _join(best, tops, component, parents, ends, squares, found)
    return ends, squares


@numba.njit(inline="always")
def _gap(low: Any, high: Any, node: Any, points: Any, row: Any) -> Any:
    """Squared distance of a point to the box of a node."""
    square = np.float32(0)
    for axis in range(points.shape[1]):
        value = points[row, axis]
        apart = max(low[node, axis] - value, value - high[node, axis], np.float32(0))
        square += apart * apart
    return square


@numba.njit(inline="always")
def _apart(points: Any, one: Any, other: Any) -> Any:
    square = np.float32(0)
    for axis in range(points.shape[1]):
        apart = points[one, axis] - points[other, axis]
        square += apart * apart
    return square


@numba.njit(inline="always")
def _insert(best: Any, who: Any, place: Any, square: Any, row: Any) -> None:
    """Put a row where it belongs among the first places, which are in order."""
    while place > 0 and best[place - 1] > square:
        best[place], who[place] = best[place - 1], who[place - 1]
        place -= 1
    best[place], who[place] = square, row


@numba.njit(cache=True, nogil=True)
def _find_nearest(boxes: Any, k: int, near: Any, lengths: Any, core: Any, beyond: Any, start: int, stop: int) -> None:
    """Nearest others of some points with their squared distances, and those of the k-th and of the last of them."""
    points, first, last, low, high = boxes
    end = near.shape[1] - 1
    nodes, gaps = np.empty(_DEPTH, np.int32), np.empty(_DEPTH, np.float32)
    for point in range(start, stop):
        best, who = lengths[point], near[point]
        best[:] = np.inf
        nodes[0], gaps[0] = 0, np.float32(0)
        height = 1
        while height > 0:
            height -= 1
            node = nodes[height]
            if gaps[height] >= best[end]:
                continue
            while node < len(first) // 2:
                left, right = 2 * node + 1, 2 * node + 2
                gap = _gap(low, high, left, points, point)
                far = _gap(low, high, right, points, point)
                if far < gap:
                    left, right, far = right, left, gap
                if far < best[end]:
                    nodes[height], gaps[height] = right, far
                    height += 1
                node = left
            for row in range(first[node], last[node]):
                square = _apart(points, point, row)
                if square < best[end] and row != point:
                    _insert(best, who, end, square, row)
        core[point], beyond[point] = best[k - 1], best[end]


@numba.njit(cache=True, nogil=True)
def _sort_edges(near: Any, lengths: Any, core: Any, start: int, stop: int) -> None:
    """From distances to mutual reachability, shortest first."""
    for point in range(start, stop):
        best, who = lengths[point], near[point]
        for place in range(len(best)):
            row = who[place]
            _insert(best, who, place, max(best[place], core[point], core[row]), row)


@numba.njit(cache=True, nogil=True)
def _least_core(boxes: Any, core: Any) -> Any:
    """Least core distance in each node."""
    _, first, last, _, _ = boxes
    least = np.empty(len(first), np.float32)
    for node in range(len(first) - 1, -1, -1):
        if node < len(first) // 2:
            least[node] = min(least[2 * node + 1], least[2 * node + 2])
        else:
            least[node] = core[first[node] : last[node]].min()
    return least


@numba.njit(cache=True, nogil=True)
def _number(parents: Any, numbers: Any, component: Any, start: int, stop: int) -> None:
    for point in range(start, stop):
        top = point
        while parents[top] != top:
            top = parents[top]
        component[point] = numbers[top]


@numba.njit(cache=True, nogil=True)
def _number_nodes(boxes: Any, component: Any, inside: Any) -> None:
    """The component that holds all points of a node, or -1."""
    _, first, last, _, _ = boxes
    for node in range(len(first) - 1, -1, -1):
        if node < len(first) // 2:
            left, right = inside[2 * node + 1], inside[2 * node + 2]
            inside[node] = left if left == right else -1
        else:
            inside[node] = component[first[node]]
            for row in range(first[node] + 1, last[node]):
                if component[row] != inside[node]:
                    inside[node] = -1
                    break


@numba.njit(cache=True, nogil=True)
def _look_among_nearest(near: Any, lengths: Any, component: Any, following: Any, best: Any) -> None:
    """Shortest edges of components among those of their points to the nearest."""
    squares, own, other = best
    for point in range(len(near)):
        place = following[point]
        of = component[point]
        while place < near.shape[1] and component[near[point, place]] == of:
            place += 1
        following[point] = place
        if place < near.shape[1] and lengths[point, place] < squares[of]:
            squares[of], own[of], other[of] = lengths[point, place], point, near[point, place]


@numba.njit(cache=True, nogil=True)
def _search(
    boxes: Any,
    core: Any,
    beyond: Any,
    least: Any,
    component: Any,
    inside: Any,
    best: Any,
    start: int,
    stop: int,
) -> None:
    """Shorter edges of components, from points that may have one to a point which is not among their nearest."""
    points, first, last, low, high = boxes
    squares, own, other = best
    nodes, gaps = np.empty(_DEPTH, np.int32), np.empty(_DEPTH, np.float32)
    for point in range(start, stop):
        of = component[point]
        bound = squares[of]
        if beyond[point] >= bound:
            continue
        nodes[0], gaps[0] = 0, np.float32(0)
        height = 1
        while height > 0:
            height -= 1
            node, gap = nodes[height], gaps[height]
            while gap < bound and node < len(first) // 2:
                left, right = 2 * node + 1, 2 * node + 2
                gap, far = np.float32(np.inf), np.float32(np.inf)
                if inside[left] != of and least[left] < bound:
                    gap = _gap(low, high, left, points, point)
                if inside[right] != of and least[right] < bound:
                    far = _gap(low, high, right, points, point)
                if far < gap:
                    left, right, gap, far = right, left, far, gap
                if far < bound:
                    nodes[height], gaps[height] = right, far
                    height += 1
                node = left
            if gap >= bound:
                continue
            for row in range(first[node], last[node]):
                square = max(_apart(points, point, row), core[row], core[point])
                if square < bound and component[row] != of:
                    bound = square
                    squares[of], own[of], other[of] = square, point, row


@numba.njit(cache=True, nogil=True)
def _join(best: Any, tops: Any, component: Any, parents: Any, ends: Any, lengths: Any, found: int) -> int:
    squares, own, other = best
    for of in range(len(squares)):
        one, two = tops[of], tops[component[other[of]]]
        while parents[one] != one:
            one = parents[one]
        while parents[two] != two:
            two = parents[two]
        if one != two:
            parents[max(one, two)] = min(one, two)
            ends[found, 0], ends[found, 1], lengths[found] = own[of], other[of], squares[of]
            found += 1
    return found
