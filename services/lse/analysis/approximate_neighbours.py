"""Approximate nearest neighbours of very many points: by cells first, then among the neighbours of neighbours.

Points are divided into cells by k-means, and each looks for its neighbours in the cells next to its own, as in an
inverted file (Jégou, Douze and Schmid 2011, IEEE TPAMI 33, 117); that finds nearly all where the data have few
dimensions of their own.  Where a sample shows that it did not, neighbours of neighbours are compared in rounds (Dong,
Moses and Li 2011, WWW '11, 577) until the sample has enough or a round gains little.  The result is the same bits on
any number of threads, and its kernel is compiled once for a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numba
import numpy as np

from lse.hardware import usable_cores
from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["approximate_neighbours"]

_ENOUGH = 0.99
_GAIN = 0.002
_MOST_ROUNDS = 8
_PROBES = 32
_WIDE = 30
_ROWS_A_CELL = 60  # of the sample that k-means sees


def approximate_neighbours(
    points: NDArray[np.float32],
    *,
    k: int,
    seed: int,
    recall: Callable[[NDArray[np.float32]], float],
    monitor: Monitor,
    threads: int | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the k nearest others of every point, nearly all of them.

    Parameters
    ----------
    points
        Shape (n, D), n well above k.
    k
        Neighbours of a point.
    seed
        Seed of the cells.
    recall
        Share of the true neighbours that are found, from the squared distances of all points, shape (n, k).
    monitor
        Progress, and cancellation.
    threads
        Default: all usable cores.

    Returns
    -------
    indices, squares
        Shapes (n, k), int32 and float32: rows and squared distances, nearest first.
    """
    threads = threads or usable_cores()
    # Few neighbours have too few of their own to be found by.
    wide = min(max(k, _WIDE), len(points) - 1)
    indices, squares = _by_cells(points, k=wide, seed=seed, threads=threads, monitor=monitor)
    found = recall(squares[:, :k])
    for _ in range(_MOST_ROUNDS):
        if found >= _ENOUGH:
            break
        monitor.report("neighbours", len(points), len(points), unit="rows")
        indices, squares = _among_neighbours(points, indices, squares, threads=threads)
        before, found = found, recall(squares[:, :k])
        if found - before < _GAIN:
            break
    return np.ascontiguousarray(indices[:, :k]), np.ascontiguousarray(squares[:, :k])


def _by_cells(
    points: NDArray[np.float32], *, k: int, seed: int, threads: int, monitor: Monitor
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    from sklearn.cluster import MiniBatchKMeans

    rows = len(points)
    count = max(1, round(rows**0.6))
    random = np.random.default_rng(seed)
    sample = points[np.sort(random.choice(rows, min(rows, count * _ROWS_A_CELL), replace=False))]
    first = sample[np.sort(random.choice(len(sample), count, replace=False))]
    means = MiniBatchKMeans(
        count, init=first, n_init=1, max_iter=10, batch_size=4096, reassignment_ratio=0, random_state=seed
    ).fit(sample)
    cells = means.predict(points)
    order = np.argsort(cells, kind="stable")
    firsts = np.searchsorted(cells[order], np.arange(count + 1))
    ordered = points[order]
    halves = np.einsum("ij,ij->i", ordered, ordered) / 2
    centres = np.asarray(means.cluster_centers_, np.float32)
    near = np.argsort(np.einsum("ij,ij->i", centres, centres) / 2 - centres @ centres.T, axis=1, kind="stable")
    indices, squares = np.empty((rows, k), np.int32), np.empty((rows, k), np.float32)

    def search(cell: int) -> int:
        low, high = firsts[cell], firsts[cell + 1]
        if low == high:
            return 0
        # As many cells as hold enough points, of those next to this one.
        sizes = np.diff(firsts)[near[cell]]
        probed = near[cell][: max(_PROBES, int(np.searchsorted(np.cumsum(sizes), k + 1)) + 1)]
        others = np.concatenate([np.arange(firsts[each], firsts[each + 1]) for each in np.sort(probed)])
        ranks = halves[others] - ordered[low:high] @ ordered[others].T
        ranks[np.arange(high - low), np.searchsorted(others, np.arange(low, high))] = np.inf
        best = np.argpartition(ranks, k - 1, axis=1)[:, :k]
        apart = ordered[others[best]] - ordered[low:high, None, :]
        square = np.einsum("ijk,ijk->ij", apart, apart)
        nearest = np.lexsort((order[others[best]], square))
        indices[order[low:high]] = np.take_along_axis(order[others[best]], nearest, axis=1)
        squares[order[low:high]] = np.take_along_axis(square, nearest, axis=1)
        return int(high - low)

    done = 0
    with ThreadPoolExecutor(threads) as pool:
        for finished in pool.map(search, range(count)):
            done += finished
            monitor.report("neighbours", done, rows, unit="rows")
    return indices, squares


def _among_neighbours(
    points: NDArray[np.float32], indices: NDArray[np.int32], squares: NDArray[np.float32], *, threads: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """One round: every point looks at its neighbours' neighbours, and at those whose neighbour it is."""
    rows, k = indices.shape
    order = np.argsort(indices, axis=None, kind="stable")
    known_by = (order // k).astype(np.int32)
    firsts = np.searchsorted(indices.ravel()[order], np.arange(rows + 1))
    found, apart = indices.copy(), squares.copy()

    def compare(part: tuple[int, int]) -> None:
        _compare(points, indices, known_by, firsts, found, apart, *part)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compare, pairwise(np.linspace(0, rows, threads + 1).astype(int).tolist())))
    return found, apart


@numba.njit(cache=True, nogil=True, fastmath=True)
def _compare(
    points: NDArray[np.float32],
    indices: NDArray[np.int32],
    known_by: NDArray[np.int32],
    firsts: NDArray[np.int64],
    found: NDArray[np.int32],
    squares: NDArray[np.float32],
    low: int,
    high: int,
) -> None:
    k = indices.shape[1]
    seen = np.zeros(len(points), np.int32)
    for point in range(low, high):
        mark = point - low + 1
        seen[point] = mark
        for place in range(k):
            seen[indices[point, place]] = mark
        known = min(firsts[point + 1] - firsts[point], k)
        for place in range(k + known):
            between = indices[point, place] if place < k else known_by[firsts[point] + place - k]
            for step in range(-1, k):
                other = between if step < 0 else indices[between, step]
                if seen[other] == mark:
                    continue
                seen[other] = mark
                square = np.float32(0)
                for axis in range(points.shape[1]):
                    difference = points[point, axis] - points[other, axis]
                    square += difference * difference
                if square < squares[point, k - 1]:
                    here = k - 1
                    while here > 0 and squares[point, here - 1] > square:
                        squares[point, here] = squares[point, here - 1]
                        found[point, here] = found[point, here - 1]
                        here -= 1
                    squares[point, here] = square
                    found[point, here] = other
