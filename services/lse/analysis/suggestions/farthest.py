"""Farthest-first traversal: images that cover the whole space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["farthest_first"]

_BLOCK_BYTES = 64 << 20


def farthest_first(
    points: NDArray[np.float32], *, count: int, known: NDArray[np.float32] | None = None, first: int | None = None
) -> NDArray[np.int64]:
    """Choose points one after the other, each the farthest from all chosen before.

    Parameters
    ----------
    points
        Shape (n, D).
    count
        Points wanted.
    known
        Points that count as chosen before, shape (m, D).
    first
        Point to begin with where nothing is known; the one nearest to the mean when None.

    Returns
    -------
    ndarray
        Indices of at most `count` points in the order of their choice, shape (k,), int64.  Points that coincide with
        a chosen one come last, in their order.

    Notes
    -----
    Greedy solution of the k-centre problem, at most twice as wide as the best (Gonzalez 1985, Theoretical Computer
    Science 38, 293); used for active learning by Sener and Savarese (2018, ICLR).
    """
    count = min(count, len(points))
    if count == 0:
        return np.empty(0, np.int64)
    squares = np.einsum("ij,ij->i", points, points)
    chosen: list[int] = []
    if known is not None and len(known):
        nearest = _to_nearest(points, squares, known)
    else:
        if first is None:
            apart = points - points.mean(axis=0)
            first = int(np.argmin(np.einsum("ij,ij->i", apart, apart)))
        chosen.append(first)
        nearest = _squared(points, squares, points[first])
        nearest[first] = -1.0
    while len(chosen) < count:
        index = int(np.argmax(nearest))
        chosen.append(index)
        np.minimum(nearest, _squared(points, squares, points[index]), out=nearest)
        nearest[index] = -1.0
    return np.array(chosen, np.int64)


def _squared(
    points: NDArray[np.float32], squares: NDArray[np.float32], centre: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Squared distances to a centre, none below zero: what has been chosen stays below them all at -1."""
    return np.asarray(np.maximum(squares - 2 * (points @ centre) + centre @ centre, 0))


def _to_nearest(
    points: NDArray[np.float32], squares: NDArray[np.float32], known: NDArray[np.float32]
) -> NDArray[np.float32]:
    lengths = np.einsum("ij,ij->i", known, known)
    nearest = np.empty(len(points), np.float32)
    step = max(1, _BLOCK_BYTES // (4 * len(known)))
    for start in range(0, len(points), step):
        block = points[start : start + step]
        nearest[start : start + step] = (lengths - 2 * (block @ known.T)).min(axis=1) + squares[start : start + step]
    return np.asarray(np.maximum(nearest, 0))
