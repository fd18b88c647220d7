"""DBSCAN, by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lse.analysis.clusterers.automatic import knee, neighbour_distances
from lse.analysis.clusterers.clusterings import ClusteringFacts, ClusteringParameters, ClusteringTask, Grouping, Run
from lse.methods import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "DbscanParameters"]

_SAMPLE = 500
# A row number in a neighbour list, and what the lists cost around it.
_BYTES_A_PAIR = 12


class DbscanParameters(ClusteringParameters):
    """Parameters of DBSCAN."""

    eps: float | None = Field(
        None,
        gt=0,
        description="Radius of the neighbourhood of a point, after the reduction and, for the cosine metric, between "
        "unit vectors (default: knee of the sorted distances to the k-th neighbour).",
    )
    min_samples: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Points within eps, including the point itself, that make it a core point (default: 5 to 20, by "
        "the number of dimensions).",
    )


def _run(task: ClusteringTask, parameters: DbscanParameters) -> Grouping:
    from sklearn.cluster import DBSCAN
    from sklearn.neighbors import NearestNeighbors

    rows, width = task.points.shape
    min_samples = parameters.min_samples or min(rows, max(5, min(2 * width, 20)))
    eps = parameters.eps
    if eps is None:
        task.monitor.report("choosing eps", 0, 1)
        distances = neighbour_distances(task.points, max(1, min(min_samples - 1, rows - 1)), seed=task.seed)
        # Repeated points can make distances 0; rounding must not part them.
        eps = max(knee(distances), _rounding(task.points))
        task.notes["automatic"] = {"eps": eps, "criterion": "knee of the sorted distances to the k-th neighbour"}
    task.monitor.report("grouping", 0, 1)
    _refuse_crowds(task, eps)
    # Made once, for DBSCAN and for the memberships; a point is in its own list.
    graph = NearestNeighbors(radius=eps).fit(task.points).radius_neighbors_graph(task.points, mode="distance")
    counts = np.diff(graph.indptr)
    task.monitor.report("grouping", 0, 1)
    labels = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(graph).labels_
    task.chosen.update(eps=eps, min_samples=min_samples)
    task.notes["library"] = "scikit-learn DBSCAN"
    task.notes["membership"] = "1 for a core point, else neighbours within eps / min_samples; 0 for noise"
    memberships = np.where(labels >= 0, np.minimum(counts / min_samples, 1.0), 0.0)
    return Grouping(labels, memberships)


def _rounding(points: NDArray[np.float32]) -> float:
    """Distance that rounding may put between equal points; above 0."""
    largest = float(np.abs(points).max())
    return max(1e-5 * largest, float(np.finfo(np.float32).tiny))


def _refuse_crowds(task: ClusteringTask, eps: float) -> None:
    """Estimate the neighbour lists from a few rows before making all of them."""
    points = task.points
    rows = len(points)
    sample = np.random.default_rng(task.seed).choice(rows, min(_SAMPLE, rows), replace=False)
    near = 0
    for row in sample:
        apart = points - points[row]
        near += int((np.einsum("ij,ij->i", apart, apart) <= eps * eps).sum())
    needed = near / len(sample) * rows * _BYTES_A_PAIR
    task.refuse_beyond_memory(needed, f"DBSCAN with eps {eps:.4g}", "lower eps, or use hdbscan")


METHOD: Method[Run, ClusteringFacts] = Method(
    id="dbscan",
    title="DBSCAN",
    summary="Clusters of any shape above one density threshold; the rest is noise. After Ester et al. (1996).",
    parameters=DbscanParameters,
    run=_run,
    facts=ClusteringFacts(reduction="umap", if_noisy="lower min_samples or raise eps"),
    order=30,
)
