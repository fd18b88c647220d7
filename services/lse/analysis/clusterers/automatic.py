"""What is chosen from the data alone: the number of groups, and how near is near."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.neighbours import find_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.clusterers.clusterings import ClusteringTask

__all__ = ["choose_clusters", "knee", "most_clusters", "neighbour_distances"]

_SAMPLE = 5_000
_MOST_CLUSTERS = 20


def most_clusters(rows: int) -> int:
    """Largest number of groups that is tried: 20, or about three points a group."""
    return max(2, min(_MOST_CLUSTERS, rows // 3))


def choose_clusters(task: ClusteringTask, group: Callable[[NDArray[np.intp], int], NDArray[Any]]) -> int:
    """Number of groups with the highest mean silhouette, from 2 to 20 (Rousseeuw 1987).

    Parameters
    ----------
    task
        Points, at most 5,000 of which, drawn by the seed, are tried.
    group
        Labels of the points in these rows for a number of groups.

    Returns
    -------
    clusters
        The number; 1 is never found, since a single group has no silhouette.
    """
    from sklearn.metrics import silhouette_score

    rows = len(task.points)
    sample = np.sort(np.random.default_rng(task.seed).choice(rows, min(_SAMPLE, rows), replace=False))
    points = task.points[sample].astype(np.float64)
    tried: dict[int, float] = {}
    candidates = range(2, most_clusters(len(points)) + 1)
    for step, clusters in enumerate(candidates):
        task.monitor.report("choosing the number of clusters", step, len(candidates), unit="candidates")
        labels = group(sample, clusters)
        if 2 <= len(np.unique(labels)) < len(points):
            # By cosine, half the square between unit vectors: the factor does not matter.
            tried[clusters] = float(silhouette_score(points, labels, squared=task.metric == "cosine"))
    best = max(tried, key=tried.__getitem__, default=2)
    task.notes["automatic"] = {
        "n_clusters": best,
        "criterion": f"highest mean silhouette by {task.metric} distance",
        "sample_rows": len(sample),
        "tried": {str(clusters): round(score, 4) for clusters, score in tried.items()},
    }
    return best


def neighbour_distances(points: NDArray[np.float32], k: int, *, seed: int) -> NDArray[np.float32]:
    """Sorted distance to the k-th nearest other point, of at most 5,000 points drawn by the seed, among all."""
    rows = len(points)
    sample = np.sort(np.random.default_rng(seed).choice(rows, min(_SAMPLE, rows), replace=False))
    # The point itself is the nearest one.
    _, distances = find_neighbours(points[sample], points, k=k + 1, metric="euclidean")
    return np.sort(distances[:, -1])


def knee(values: NDArray[np.float32]) -> float:
    """Value of rising values where they turn upwards: farthest below the straight line from first to last.

    The idea of Satopää et al. (2011), "Finding a kneedle in a haystack".
    """
    rise = float(values[-1] - values[0])
    if rise <= 0:
        return float(values[-1])
    places = np.linspace(0, 1, len(values))
    return float(values[np.argmax(places - (values - values[0]) / rise)])
