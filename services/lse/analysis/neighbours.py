"""k nearest neighbours of vectors: the graph of all of them, and those of new ones.

Pure arrays in and out, in one place because the services share it: encoding builds the graph once for each experiment,
projection and clustering use it.  Up to `EXACT_ROWS` rows the graph is exact, by blocked matrix products; above, it is
approximate (`lse.analysis.approximate_neighbours`), and its recall is measured on a sample against the exact answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.exact_neighbours import Metric, MetricSpace, search_exactly
from lse.errors import InvalidArgumentError, ResourceExhaustedError
from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lse.progress import ProgressCallback, ShouldStop

__all__ = [
    "EXACT_ROWS",
    "Metric",
    "NeighbourGraph",
    "as_vectors",
    "build_neighbour_graph",
    "default_neighbours",
    "exact_unit_vectors",
    "find_neighbours",
    "graph_quality",
    "refuse_too_many",
    "stored_graph",
    "unit_vectors",
]

EXACT_ROWS = 40_000
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
    recall
        Share of the true k nearest neighbours that the graph has: 1 for an exact graph, else measured; None where
        nobody measured it.
    recall_rows
        Rows on which the recall was measured, 0 for an exact graph.
    """

    indices: NDArray[np.int32]
    distances: NDArray[np.float32]
    metric: Metric
    recall: float | None = 1.0
    recall_rows: int = 0

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.indices.shape[0])

    @property
    def k(self) -> int:
        """Neighbours of a row."""
        return int(self.indices.shape[1])

    @property
    def exact(self) -> bool:
        """Whether the neighbours are known to be the true ones."""
        return self.recall is not None and self.recall_rows == 0

    def nearest(self, k: int) -> NeighbourGraph:
        """Graph of the first `k` neighbours."""
        return replace(
            self,
            indices=np.ascontiguousarray(self.indices[:, :k]),
            distances=np.ascontiguousarray(self.distances[:, :k]),
        )

    def facts(self) -> dict[str, Any]:
        """What a report says of the graph."""
        return {
            "k": self.k,
            "metric": self.metric,
            "exact": self.exact,
            "recall": self.recall,
            "recall_rows": self.recall_rows,
        }


def default_neighbours(rows: int) -> int:
    """Neighbours of a graph that nobody chose: 90, for t-SNE of perplexity 30, where the graph is exact, else 30."""
    return 90 if rows <= EXACT_ROWS else 30


def stored_graph(read: Callable[[str], NDArray[Any]], *, recall: float | None, recall_rows: int) -> NeighbourGraph:
    """Graph of an experiment, by cosine.

    Parameters
    ----------
    read
        Reads its arrays ``indices`` and ``distances``.
    recall, recall_rows
        As in `NeighbourGraph`.
    """
    return NeighbourGraph(read("indices"), read("distances"), "cosine", recall=recall, recall_rows=recall_rows)


def graph_quality(facts: Mapping[str, Any]) -> str:
    """How good a graph is, for a sentence, by its `NeighbourGraph.facts`."""
    if facts["recall"] is None:
        return "of unknown recall"
    if facts["exact"]:
        return "exact"
    return f"approximate, with {facts['recall']:.1%} of the true neighbours (measured on {facts['recall_rows']} images)"


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
        ``SHAPE_INVALID``, ``VECTORS_TOO_FEW`` or ``VECTORS_NOT_FINITE``.
    """
    try:
        matrix = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"The {what} are not numbers: pass a matrix (n, D).", reason="SHAPE_INVALID"
        ) from None
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise InvalidArgumentError(
            f"The {what} have the shape {matrix.shape}: pass a matrix (n, D), one row an image.",
            reason="SHAPE_INVALID",
            shape=matrix.shape,
        )
    if len(matrix) < minimum:
        raise InvalidArgumentError(
            f"There are only {len(matrix)} {what} and at least {minimum} are needed: add images.",
            reason="VECTORS_TOO_FEW",
            rows=len(matrix),
            minimum=minimum,
        )
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        bad = np.flatnonzero(~finite)
        raise InvalidArgumentError(
            f"{len(bad)} of {len(matrix)} {what} hold NaN or infinity, the first in row {bad[0]}: leave them out.",
            reason="VECTORS_NOT_FINITE",
            rows=len(bad),
            first_row=bad[0],
        )
    return matrix


def refuse_too_many(rows: int, most: int | None, method: str, instead: str) -> None:
    """Stop before a method is given more rows than it is for.

    Raises
    ------
    ResourceExhaustedError
        ``ANALYSIS_TOO_LARGE``, with what to do instead.
    """
    if most is not None and rows > most:
        raise ResourceExhaustedError(
            f"{method} is for up to {most:,} images and there are {rows:,}: use {instead}, or a selection of them.",
            reason="ANALYSIS_TOO_LARGE",
        )


def unit_vectors(vectors: ArrayLike) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays zero and so has the cosine distance 1 to every other."""
    return exact_unit_vectors(vectors).astype(np.float32)


def exact_unit_vectors(vectors: ArrayLike) -> NDArray[np.float64]:
    """As `unit_vectors`, in float64, where neither tiny nor huge rows lose their direction."""
    values = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: NDArray[np.float64] = values / np.where(lengths > 0, lengths, 1.0)
    return unit


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
    """
    matrix = as_vectors(vectors)
    rows = len(matrix)
    wanted = default_neighbours(rows) if k is None else k
    if wanted < 1:
        raise InvalidArgumentError(f"k is {wanted}: a graph needs at least 1 neighbour a row.", reason="COUNT_INVALID")
    wanted = min(wanted, rows - 1)
    monitor = Monitor(on_progress, should_stop)
    space = MetricSpace(matrix, metric)
    if rows <= exact_rows:
        indices, distances = search_exactly(matrix, space, k=wanted, own=np.arange(rows), monitor=monitor)
        return NeighbourGraph(indices, distances, metric)
    return _approximate_graph(matrix, space, k=wanted, seed=seed, monitor=monitor)


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
        An input is not a finite matrix, or the widths differ.
    """
    asked, known = as_vectors(queries, minimum=1, what="queries"), as_vectors(vectors, minimum=1)
    if asked.shape[1] != known.shape[1]:
        raise InvalidArgumentError(
            f"The queries have {asked.shape[1]} columns and the vectors {known.shape[1]}: use the same encoder.",
            reason="SHAPE_INVALID",
        )
    space = MetricSpace(known, metric)
    return search_exactly(asked, space, k=min(max(k, 1), len(known)), own=None, monitor=Monitor())


def _approximate_graph(
    vectors: NDArray[np.float32], space: MetricSpace, *, k: int, seed: int, monitor: Monitor
) -> NeighbourGraph:
    from lse.analysis.approximate_neighbours import approximate_neighbours

    rows = len(vectors)
    monitor.report("neighbours", 0, rows, unit="rows")
    sample = np.sort(np.random.default_rng(seed).choice(rows, min(_RECALL_ROWS, rows), replace=False))
    _, true = search_exactly(vectors[sample], space, k=k, own=sample, monitor=Monitor())

    def recall(squares: NDArray[np.float32]) -> float:
        # By distance and not by row, so that one of several equally near rows is as good as another.
        return float((space.distances(squares[sample]) <= true[:, -1:] * (1 + 1e-4) + 1e-6).mean())

    indices, squares = approximate_neighbours(space.coarse, k=k, seed=seed, recall=recall, monitor=monitor)
    monitor.report("neighbours", rows, rows, unit="rows")
    return NeighbourGraph(
        indices, space.distances(squares), space.metric, recall=recall(squares), recall_rows=len(sample)
    )
