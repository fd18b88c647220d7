"""How faithful a projection is: what of the latent neighbourhoods is kept, and what is made up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.neighbours import Metric, NeighbourGraph, find_neighbours, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Faithfulness", "measure_faithfulness"]

_SAMPLE = 1_500
_NEIGHBOURS = 15


@dataclass(frozen=True)
class Faithfulness:
    """Two shares between 0 and 1 and on what they were measured.

    Attributes
    ----------
    trustworthiness
        1 when no point has a false neighbour in the picture (Venna and Kaski 2001), measured within the sample.
    neighbours_kept
        Mean share of the k nearest latent neighbours, among all rows, that are among the k nearest in the picture.
    k
        Neighbours looked at.
    sample_rows, rows
        Rows of the sample and of the whole; equal when nothing was left out.
    metric
        Distance in latent space.
    """

    trustworthiness: float
    neighbours_kept: float
    k: int
    sample_rows: int
    rows: int
    metric: Metric

    def as_report(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def measure_faithfulness(
    vectors: NDArray[np.float32],
    coordinates: NDArray[np.float32],
    *,
    metric: Metric,
    seed: int,
    graph: NeighbourGraph | None = None,
) -> Faithfulness | None:
    """Compare neighbourhoods before and after.

    Parameters
    ----------
    vectors, coordinates
        Shapes (n, D) and (n, components).
    metric
        Distance in latent space.
    seed
        Seed of the sample of at most 1,500 rows.
    graph
        Graph of the vectors by the same metric with at least 15 neighbours, to save the search.

    Returns
    -------
    faithfulness
        None for fewer than 6 rows, where every point is everyone's neighbour.
    """
    rows = len(vectors)
    if rows < 6:
        return None
    sample = np.sort(np.random.default_rng(seed).choice(rows, min(_SAMPLE, rows), replace=False))
    # Trustworthiness is defined for k below half the rows only.
    k = min(_NEIGHBOURS, (len(sample) - 1) // 2)
    if graph is not None and graph.metric == metric and graph.k >= k:
        before = graph.indices[sample, :k]
    else:
        before = _others(vectors, sample, k, metric)
    after = _others(coordinates, sample, k, "euclidean")
    kept = np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(before, after, strict=True)])
    # Unit vectors, so that a row of zeros has a distance as well.
    points = unit_vectors(vectors[sample]) if metric == "cosine" else vectors[sample]
    trust = _trustworthiness(points, coordinates[sample], k)
    return Faithfulness(trust, float(kept), k, len(sample), rows, metric)


def _trustworthiness(points: NDArray[np.float32], coordinates: NDArray[np.float32], k: int) -> float:
    """Trustworthiness as of scikit-learn, whose import would take longer than the map of a few thousand points."""
    rows = len(points)
    exact = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    halves = (exact * exact).sum(axis=1) / 2
    apart = halves - exact @ exact.T  # but for the half of the row, by which nothing changes its place
    np.fill_diagonal(apart, np.inf)
    shown = _others(coordinates, np.arange(rows), k, "euclidean")
    ranks = (apart[:, None, :] < np.take_along_axis(apart, shown, axis=1)[:, :, None]).sum(axis=2)
    false = np.maximum(ranks + 1 - k, 0).sum()
    return float(1 - false * 2 / (rows * k * (2 * rows - 3 * k - 1)))


def _others(points: NDArray[np.float32], sample: NDArray[np.intp], k: int, metric: Metric) -> NDArray[np.int32]:
    """The k nearest rows of every sampled row, itself left out."""
    found, _ = find_neighbours(points[sample], points, k=k + 1, metric=metric)
    # Among equal points a row may not come first, or not at all.
    itself = found == sample[:, None]
    keep = np.argsort(itself, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(found, keep, axis=1)
