"""How unusual each vector is, by four scores of which larger ones are more unusual."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.centres import point_blocks
from lse.analysis.exact_neighbours import MetricSpace
from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["OUTLIER_SCORES", "score_outliers"]

OUTLIER_SCORES = {
    "knn_distance": "Distance to the 20th nearest image in latent space.",
    "lof": "Local outlier factor: how much sparser the surroundings are than those of neighbours; about 1 is usual.",
    "isolation_forest": "Anomaly score of an isolation forest, 0 to 1; above 0.5 is unusual.",
    "mahalanobis": "Mahalanobis distance to the mean vector, with Ledoit and Wolf's covariance.",
}
_NEIGHBOURS = 20
_SHRINKAGE_ROWS = 10_000


def score_outliers(
    vectors: NDArray[np.float32], graph: NeighbourGraph, *, seed: int = 0, monitor: Monitor | None = None
) -> NDArray[np.float32]:
    """Score vectors.

    Parameters
    ----------
    vectors
        Shape (n, D), finite.
    graph
        Their neighbour graph, whose metric the first three scores use; 20 of its neighbours count, or all of fewer.
    seed
        Seed of the forest, and of the rows that its trees and the shrinkage see.
    monitor
        Progress, and cancellation between scores.

    Returns
    -------
    scores
        Shape (n, 4), in the order of `OUTLIER_SCORES`: the distance to the k-th neighbour (Ramaswamy, Rastogi and Shim
        2000), the local outlier factor (Breunig et al. 2000), the isolation forest (Liu, Ting and Zhou 2008), and the
        Mahalanobis distance (Ledoit and Wolf 2004).
    """
    k = min(_NEIGHBOURS, graph.k)
    distances, indices = graph.distances[:, :k].astype(np.float64), graph.indices[:, :k]
    scores = np.empty((len(vectors), len(OUTLIER_SCORES)), np.float32)
    steps: tuple[Callable[[], NDArray[np.float64]], ...] = (
        lambda: distances[:, -1],
        lambda: _local_outlier_factors(indices, distances),
        lambda: _isolation(vectors, graph, seed=seed),
        lambda: _mahalanobis(vectors, seed=seed),
    )
    for place, step in enumerate(steps):
        if monitor is not None:
            monitor.report("scoring outliers", place, len(steps), unit="scores")
        scores[:, place] = step()
    return scores


def _local_outlier_factors(indices: NDArray[np.int32], distances: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = np.maximum(distances, distances[:, -1][indices])
    # As in scikit-learn, so that groups of equal vectors have a density.
    density = 1 / (reach.mean(axis=1) + 1e-10)
    return np.asarray(density[indices].mean(axis=1) / density)


def _isolation(vectors: NDArray[np.float32], graph: NeighbourGraph, *, seed: int) -> NDArray[np.float64]:
    from sklearn.ensemble import IsolationForest

    space = MetricSpace(vectors, graph.metric)
    forest = IsolationForest(random_state=seed).fit(space.coarse)
    return np.concatenate([-forest.score_samples(block.astype(np.float32)) for block in space.blocks()])


def _mahalanobis(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float64]:
    from scipy.linalg import solve_triangular
    from sklearn.covariance import ledoit_wolf_shrinkage

    rows, width = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64)
    # A power of two, which rounds nothing: squares of huge and of tiny vectors are numbers too.
    extent = max(float(np.abs(block - mean).max()) for block in point_blocks(vectors))
    unit = 2.0 ** np.ceil(np.log2(extent)) if extent > 0 else 1.0
    covariance = np.zeros((width, width))
    for block in point_blocks(vectors):
        centred = (block - mean) / unit
        covariance += centred.T @ centred / rows
    sample = np.random.default_rng(seed).choice(rows, min(_SHRINKAGE_ROWS, rows), replace=False)
    shrinkage = ledoit_wolf_shrinkage((vectors[np.sort(sample)] - mean) / unit) if width > 1 else 0.0
    typical = np.trace(covariance) / width
    if typical == 0:
        return np.zeros(rows)
    covariance = (1 - shrinkage) * covariance + max(shrinkage, 1e-9) * typical * np.eye(width)
    root = np.linalg.cholesky(covariance)
    lengths = [
        np.square(solve_triangular(root, ((block - mean) / unit).T, lower=True)).sum(axis=0)
        for block in point_blocks(vectors)
    ]
    return np.asarray(np.sqrt(np.concatenate(lengths)))
