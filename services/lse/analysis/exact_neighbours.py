"""Exact nearest neighbours, also where float32 cannot tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Metric", "MetricSpace", "search_exactly"]

Metric = Literal["cosine", "euclidean"]

_BLOCK_BYTES = 64 << 20
_SPACE_ROWS = 65_536
_KEPT_VALUES = 1 << 25
# Candidates beyond the k that are asked for.
_SPARE = 8


class MetricSpace:
    """Vectors as points whose Euclidean distances give the metric's, with their common mean taken off.

    Differences of vectors with a large common mean drown in the rounding of float32; those of the points do not.
    By cosine, points are unit vectors: half of a squared distance is ``1 - cos``. A row of zeros, whose cosine with
    every other is 0, gets a direction of its own.

    Attributes
    ----------
    metric
        The metric.
    unit
        Length that is 1 between points.
    """

    def __init__(self, vectors: NDArray[np.float32], metric: Metric) -> None:
        self.metric = metric
        self._vectors = vectors
        self._kept: NDArray[np.float64] | None = None
        self._centre = sum(self._scaled(rows).sum(axis=0) for rows in self._cut(vectors)) / len(vectors)
        # A power of two, which rounds nothing: squares in float32 neither overflow nor vanish.
        extent = max(float(np.abs(self._scaled(rows) - self._centre).max()) for rows in self._cut(vectors))
        self.unit = 2.0 ** np.ceil(np.log2(extent)) if extent > 0 else 1.0
        if vectors.size <= _KEPT_VALUES:
            self._kept = self.of(vectors)

    @cached_property
    def coarse(self) -> NDArray[np.float32]:
        """The points in float32, shape (n, D + 1)."""
        return np.concatenate([points.astype(np.float32) for points in self.blocks()])

    @cached_property
    def halves(self) -> NDArray[np.float32]:
        """Half of the squared length of each point."""
        return np.asarray(np.einsum("ij,ij->i", self.coarse, self.coarse, dtype=np.float64) / 2, np.float32)

    @cached_property
    def largest(self) -> float:
        """The largest length."""
        return float(np.sqrt(2 * self.halves.max(initial=0.0)))

    def of(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Points of vectors in float64, shape (…, D + 1)."""
        return np.asarray((self._scaled(vectors) - self._centre) / self.unit)

    def at(self, rows: NDArray[np.integer]) -> NDArray[np.float64]:
        """Points of rows in float64."""
        return self.of(self._vectors[rows]) if self._kept is None else self._kept[rows]

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """All points in float64, some at a time."""
        if self._kept is not None:
            return self._cut(self._kept)
        return map(self.of, self._cut(self._vectors))

    def distances(self, squares: NDArray[np.floating]) -> NDArray[np.float32]:
        """Distances by the metric from squared distances between points."""
        apart = squares.astype(np.float64) * self.unit**2
        return np.asarray(apart / 2 if self.metric == "cosine" else np.sqrt(apart), np.float32)

    @staticmethod
    def _cut(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
        return (rows[start : start + _SPACE_ROWS] for start in range(0, len(rows), _SPACE_ROWS))

    def _scaled(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        points = np.zeros((*vectors.shape[:-1], vectors.shape[-1] + 1))
        points[..., :-1] = vectors
        if self.metric == "cosine":
            # The largest first, so that the squares of tiny and of huge values are numbers too.
            points /= np.maximum(np.abs(points).max(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
            lengths = np.sqrt(np.einsum("...i,...i->...", points, points))
            points /= np.where(lengths > 0, lengths, 1)[..., None]
            points[..., -1] = lengths == 0
        return points


def search_exactly(
    queries: NDArray[np.float32],
    space: MetricSpace,
    *,
    k: int,
    own: NDArray[np.intp] | None,
    monitor: Monitor,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Exact search in blocks of queries; `own` is the row of each query in the space, to leave it out.

    Products in float32 name a few candidates more than k and float64 ranks them. Where rounding may have hidden one
    that is nearer, by a bound on the error of the products, all vectors are ranked in float64.
    """
    rows = len(space.coarse)
    candidates = min(k + _SPARE, rows - (own is not None))
    indices = np.empty((len(queries), k), np.int32)
    distances = np.empty((len(queries), k), np.float32)
    step = max(1, _BLOCK_BYTES // (8 * max(rows, candidates * space.coarse.shape[1])))
    for start in range(0, len(queries), step):
        monitor.report("neighbours", start, len(queries), unit="rows")
        block = space.of(queries[start : start + step])
        left_out = None if own is None else own[start : start + step]
        found, squares = _nearest(space, block, k=k, candidates=candidates, left_out=left_out)
        indices[start : start + step] = found
        distances[start : start + step] = space.distances(squares)
    monitor.report("neighbours", len(queries), len(queries), unit="rows")
    return indices, distances


def _nearest(
    space: MetricSpace,
    block: NDArray[np.float64],
    *,
    k: int,
    candidates: int,
    left_out: NDArray[np.intp] | None,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Rows of the k points nearest to each of a block, nearest first, and their squared distances."""
    ranks = space.halves - block.astype(np.float32) @ space.coarse.T
    if left_out is not None:
        ranks[np.arange(len(block)), left_out] = np.inf
    rows = len(space.halves)
    if candidates < rows:
        found = np.argpartition(ranks, candidates - 1, axis=1)[:, :candidates]
        worst = np.take_along_axis(ranks, found, axis=1).max(axis=1)
    else:
        found, worst = np.broadcast_to(np.arange(rows), ranks.shape), np.full(len(block), np.inf)
    apart = space.at(found) - block[:, None, :]
    found, squares = _ordered(found, np.einsum("ijk,ijk->ij", apart, apart), k)
    own_squares = np.einsum("ij,ij->i", block, block)
    lengths = np.sqrt(own_squares)
    error = (block.shape[1] + 2) * np.finfo(np.float32).eps * space.largest * (lengths + space.largest)
    others = rows - (left_out is not None)
    doubtful = np.flatnonzero((squares[:, -1] - own_squares) / 2 > worst - error) if candidates < others else None
    if doubtful is not None and len(doubtful):
        left = None if left_out is None else left_out[doubtful]
        found[doubtful], squares[doubtful] = _nearest_in_float64(space, block[doubtful], k=k, left_out=left)
    return found, squares


def _nearest_in_float64(
    space: MetricSpace, block: NDArray[np.float64], *, k: int, left_out: NDArray[np.intp] | None
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    ranks = np.concatenate(
        [np.einsum("ij,ij->i", points, points) / 2 - block @ points.T for points in space.blocks()], axis=1
    )
    if left_out is not None:
        ranks[np.arange(len(block)), left_out] = np.inf
    last = np.partition(ranks, k - 1, axis=1)[:, k - 1]
    slack = (block.shape[1] + 2) * np.finfo(np.float64).eps * 4 * space.largest**2
    found, squares = np.empty((len(block), k), np.intp), np.empty((len(block), k))
    for query, (point, limit) in enumerate(zip(block, last + slack, strict=True)):
        near = np.flatnonzero(ranks[query] <= limit)
        apart = np.square(space.at(near) - point).sum(axis=1)
        found[query], squares[query] = (each[0] for each in _ordered(near[None], apart[None], k))
    return found, squares


def _ordered(
    found: NDArray[np.intp], squares: NDArray[np.float64], k: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The first k, nearest first, equal ones by row: the same answer whatever the block."""
    order = np.lexsort((found, squares))[:, :k]
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(squares, order, axis=1)
