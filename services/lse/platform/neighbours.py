"""k nearest neighbours of vectors: the graph of all of them, and those of new ones.

Pure arrays in and out, in one place because the services share it: encoding builds the graph once for each experiment,
projection and clustering use it.  Up to `EXACT_ROWS` rows the graph is exact, by blocked matrix products; above, it is
the nearest neighbour descent of pynndescent, and its recall is measured on a sample against the exact answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import Monitor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lse.platform.progress import ProgressCallback, ShouldStop

__all__ = [
    "EXACT_ROWS",
    "Metric",
    "NeighbourGraph",
    "as_vectors",
    "build_neighbour_graph",
    "default_neighbours",
    "find_neighbours",
    "unit_vectors",
]

Metric = Literal["cosine", "euclidean"]

EXACT_ROWS = 40_000
_BLOCK_BYTES = 64 << 20
_RECALL_ROWS = 1_000


@dataclass(frozen=True)
class NeighbourGraph:
    """The k nearest neighbours of every row, itself left out, nearest first.

    Attributes
    ----------
    indices
        Rows of the neighbours, shape (n, k), int32.
    distances
        Their distances, shape (n, k), float32: ``1 - cos`` or Euclidean.
    metric
        Which distance.
    exact
        False when the neighbours were found approximately.
    recall
        Share of the true k nearest neighbours that the graph has: 1 for an exact graph, else measured.
    recall_rows
        Rows on which the recall was measured, 0 for an exact graph.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    metric: Metric
    exact: bool = True
    recall: float = 1.0
    recall_rows: int = 0

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.indices.shape[0])

    @property
    def k(self) -> int:
        """Neighbours of a row."""
        return int(self.indices.shape[1])

    def nearest(self, k: int) -> NeighbourGraph:
        """Graph of the first `k` neighbours."""
        return NeighbourGraph(
            indices=np.ascontiguousarray(self.indices[:, :k]),
            distances=np.ascontiguousarray(self.distances[:, :k]),
            metric=self.metric,
            exact=self.exact,
            recall=self.recall,
            recall_rows=self.recall_rows,
        )


def default_neighbours(rows: int) -> int:
    """Neighbours of a graph that nobody chose: 90, for t-SNE of perplexity 30, where the graph is exact, else 30."""
    return 90 if rows <= EXACT_ROWS else 30


def as_vectors(values: ArrayLike, *, minimum: int = 2, what: str = "vectors") -> NDArray[np.float32]:
    """Check values at the door and give them as a contiguous float32 matrix.

    Parameters
    ----------
    values
        Anything NumPy reads as a matrix, one row an image.
    minimum
        Rows that the work needs.
    what
        Plural noun for the messages.

    Raises
    ------
    InvalidArgumentError
        ``BAD_SHAPE``, ``TOO_FEW_ROWS`` or ``NOT_FINITE``.
    """
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"The {what} are not numbers: pass a matrix (n, D).", reason="BAD_SHAPE") from None
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InvalidArgumentError(
            f"The {what} have the shape {matrix.shape}: pass a matrix (n, D), one row an image.",
            reason="BAD_SHAPE",
            shape=matrix.shape,
        )
    if len(matrix) < minimum:
        raise InvalidArgumentError(
            f"There are only {len(matrix)} {what} and at least {minimum} are needed: add images.",
            reason="TOO_FEW_ROWS",
            rows=len(matrix),
            minimum=minimum,
        )
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise InvalidArgumentError(
            f"{len(bad)} of {len(matrix)} {what} hold NaN or infinity, the first in row {bad[0]}: leave them out.",
            reason="NOT_FINITE",
            rows=len(bad),
            first_row=bad[0],
        )
    return matrix


def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays zero and so has the cosine distance 1 to every other."""
    # In float64, so that neither tiny nor huge rows lose their direction.
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def build_neighbour_graph(
    vectors: ArrayLike,
    *,
    k: int | None = None,
    metric: Metric = "cosine",
    seed: int = 0,
    exact_rows: int = EXACT_ROWS,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> NeighbourGraph:
    """Build the graph of the k nearest neighbours of every row.

    Parameters
    ----------
    vectors
        Shape (n, D), finite, n ≥ 2.
    k
        Neighbours of a row, `default_neighbours` when None; with fewer than k other rows the graph has n - 1.
    metric
        ``cosine`` or ``euclidean``.
    seed
        Seed of the approximate search and of the rows on which its recall is measured.
    exact_rows
        Number of rows up to which the graph is exact.
    on_progress, should_stop
        Progress in rows, and cancellation.

    Returns
    -------
    graph
        The graph; its `k` tells how many neighbours a row really has.

    Raises
    ------
    InvalidArgumentError
        The vectors are not a finite matrix of at least two rows, or k < 1.
    CancelledError
        `should_stop` said so.

    Notes
    -----
    The approximate search is nearest neighbour descent (Dong, Moses and Li 2011, WWW '11, 577) as pynndescent has it.
    It reports no progress of its own and cannot be interrupted once it runs.
    """
    matrix = as_vectors(vectors)
    rows = len(matrix)
    wanted = default_neighbours(rows) if k is None else k
    if wanted < 1:
        raise InvalidArgumentError(f"k is {wanted}: a graph needs at least 1 neighbour a row.", reason="BAD_K")
    wanted = min(wanted, rows - 1)
    monitor = Monitor(on_progress, should_stop)
    if rows <= exact_rows:
        indices, distances = _search(matrix, matrix, k=wanted, metric=metric, own=np.arange(rows), monitor=monitor)
        return NeighbourGraph(indices, distances, metric)
    return _approximate_graph(matrix, k=wanted, metric=metric, seed=seed, monitor=monitor)


def find_neighbours(
    queries: ArrayLike, vectors: ArrayLike, *, k: int, metric: Metric = "cosine"
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Exact k nearest rows of `vectors` for every query.

    Parameters
    ----------
    queries, vectors
        Shapes (m, D) and (n, D), finite.
    k
        Neighbours of a query, at most n.
    metric
        ``cosine`` or ``euclidean``.

    Returns
    -------
    indices, distances
        Shapes (m, min(k, n)), int32 and float32, nearest first.

    Raises
    ------
    InvalidArgumentError
        An input is no finite matrix, or the widths differ.
    """
    asked, known = as_vectors(queries, minimum=1, what="queries"), as_vectors(vectors, minimum=1)
    if asked.shape[1] != known.shape[1]:
        raise InvalidArgumentError(
            f"The queries have {asked.shape[1]} columns and the vectors {known.shape[1]}: use the same encoder.",
            reason="BAD_SHAPE",
        )
    return _search(asked, known, k=min(max(k, 1), len(known)), metric=metric, own=None, monitor=Monitor())


def _search(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    *,
    k: int,
    metric: Metric,
    own: NDArray[np.intp] | None,
    monitor: Monitor,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Exact search in blocks of queries; `own` is the row of each query among the vectors, to leave it out."""
    if metric == "cosine":
        queries, vectors = unit_vectors(queries), unit_vectors(vectors)
    else:
        # Products of centred rows are small, so their difference loses few digits.
        centre = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        queries, vectors = queries - centre, vectors - centre
    halves = 0.5 * np.einsum("ij,ij->i", vectors, vectors)
    # A few candidates more than k, since products only rank to float32 accuracy; true distances then decide.
    candidates = min(k + 8, len(vectors) - (own is not None))
    indices = np.empty((len(queries), k), np.int32)
    distances = np.empty((len(queries), k), np.float32)
    step = max(1, _BLOCK_BYTES // (4 * max(len(vectors), candidates * vectors.shape[1])))
    for start in range(0, len(queries), step):
        monitor.report("neighbours", start, len(queries), unit="rows")
        block = queries[start : start + step]
        ranks = halves - block @ vectors.T
        if own is not None:
            ranks[np.arange(len(block)), own[start : start + step]] = np.inf
        if candidates < len(vectors):
            found = np.argpartition(ranks, candidates - 1, axis=1)[:, :candidates]
        else:
            found = np.broadcast_to(np.arange(len(vectors)), ranks.shape)
        apart = vectors[found] - block[:, None, :]
        squares = np.einsum("ijk,ijk->ij", apart, apart, dtype=np.float64)
        # Nearest first, equal ones by row: the same answer whatever the block.
        order = np.lexsort((found, squares))[:, :k]
        indices[start : start + step] = np.take_along_axis(found, order, axis=1)
        nearest = np.take_along_axis(squares, order, axis=1)
        distances[start : start + step] = nearest / 2 if metric == "cosine" else np.sqrt(nearest)
    monitor.report("neighbours", len(queries), len(queries), unit="rows")
    if metric == "cosine":
        _fix_zero_rows(queries, vectors, indices, distances)
    return indices, distances


def _fix_zero_rows(
    queries: NDArray[np.float32],
    vectors: NDArray[np.float32],
    indices: NDArray[np.int32],
    distances: NDArray[np.float32],
) -> None:
    """Set the distance to or from a row of zeros to 1, what `1 - cos` gives; half the square gives 0.5 or 0."""
    zero_queries = np.flatnonzero(np.einsum("ij,ij->i", queries, queries) == 0)
    zero_vectors = np.einsum("ij,ij->i", vectors, vectors) == 0
    if len(zero_queries) or zero_vectors.any():
        distances[zero_queries] = 1.0
        distances[zero_vectors[indices]] = 1.0


def _approximate_graph(
    vectors: NDArray[np.float32], *, k: int, metric: Metric, seed: int, monitor: Monitor
) -> NeighbourGraph:
    from pynndescent import NNDescent

    rows = len(vectors)
    monitor.report("neighbours", 0, rows, unit="rows")
    # Between unit vectors the Euclidean distance ranks as the cosine does, so that one compiled distance serves both.
    points = unit_vectors(vectors) if metric == "cosine" else vectors
    # One neighbour more than k, because every row finds itself.
    index: Any = NNDescent(points, metric="euclidean", n_neighbors=k + 1, random_state=seed)
    found, apart = index.neighbor_graph
    others = (found != np.arange(rows)[:, None]) & (found >= 0)
    keep = np.argsort(~others, axis=1, kind="stable")[:, :k]
    indices = np.take_along_axis(found, keep, axis=1).astype(np.int32)
    distances = np.take_along_axis(apart, keep, axis=1).astype(np.float32)
    if metric == "cosine":
        distances *= distances / np.float32(2)
        _fix_zero_rows(points, points, indices, distances)
    short = np.flatnonzero(others.sum(axis=1) < k)
    if len(short):
        indices[short], distances[short] = _search(
            vectors[short], vectors, k=k, metric=metric, own=short, monitor=monitor
        )
    sample = np.sort(np.random.default_rng(seed).choice(rows, min(_RECALL_ROWS, rows), replace=False))
    _, true = _search(vectors[sample], vectors, k=k, metric=metric, own=sample, monitor=monitor)
    # By distance and not by row, so that one of several equally near rows is as good as another.
    recall = float((distances[sample] <= true[:, -1:] * (1 + 1e-4) + 1e-6).mean())
    monitor.report("neighbours", rows, rows, unit="rows")
    return NeighbourGraph(indices, distances, metric, exact=False, recall=recall, recall_rows=len(sample))
