"""The images that stand best for a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.neighbours import exact_unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import Metric

__all__ = ["cluster_prototypes"]


def cluster_prototypes(
    points: NDArray[np.float32],
    labels: NDArray[np.integer],
    *,
    count: int,
    metric: Metric,
    diverse: bool = False,
    seed: int = 0,
) -> dict[int, NDArray[np.int64]]:
    """Rows of the prototypes of every cluster; noise has none.

    Parameters
    ----------
    points
        What was clustered, shape (n, D).
    labels
        Cluster of each point, shape (n,), -1 for noise.
    count
        Prototypes wanted of each; a smaller cluster gives all its rows.
    metric
        Distance in which the clusters were found.
    diverse
        Split each cluster by k-means into `count` parts, and take of each part the point nearest to its middle.
    seed
        Of the k-means.

    Returns
    -------
    dict
        By cluster, the rows, nearest to the middle of the cluster first: the first is its medoid, but for a diverse
        choice.
    """
    found = {}
    for label in np.unique(labels[labels >= 0]):
        rows = np.flatnonzero(labels == label)
        # In float64: the middle of many points that lie close together far from the origin is lost in float32.
        members = exact_unit_vectors(points[rows]) if metric == "cosine" else points[rows].astype(np.float64)
        if diverse and len(rows) > count:
            chosen = _middles(members, count, metric=metric, seed=seed)
        else:
            chosen = np.argsort(_distances(members, members.mean(axis=0), metric), kind="stable")[:count]
        order = np.argsort(_distances(members[chosen], members.mean(axis=0), metric), kind="stable")
        found[int(label)] = rows[chosen[order]]
    return found


def _middles(members: NDArray[np.float64], count: int, *, metric: Metric, seed: int) -> NDArray[np.int64]:
    """Points nearest to the middles of parts of a cluster, each once."""
    from sklearn.cluster import KMeans

    # Equal points cannot be split.
    parts = min(count, len(np.unique(members, axis=0)))
    split = KMeans(parts, n_init=1, random_state=seed).fit(members)
    chosen = []
    for part, centre in enumerate(split.cluster_centers_):
        own = np.flatnonzero(split.labels_ == part)
        if len(own):
            chosen.append(int(own[_distances(members[own], centre, metric).argmin()]))
    return np.array(chosen, np.int64)


def _distances(points: NDArray[np.float64], centre: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    """Distances to a centre, but for a factor; between unit vectors that of the centre's direction."""
    if metric == "cosine":
        centre = exact_unit_vectors(centre[None])[0]
    distances: NDArray[np.float64] = np.square(points - centre).sum(axis=1)
    return distances
