"""Agglomerative clustering, by SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from lse.analysis.centres import relative_closeness
from lse.analysis.clusterers.automatic import choose_clusters, most_clusters
from lse.analysis.clusterers.clusterings import (
    ClusterCount,
    ClusteringFacts,
    ClusteringParameters,
    ClusteringTask,
    Grouping,
    Run,
    distinct_points,
    refuse_beyond_distinct,
)
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.methods import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "AgglomerativeParameters", "flat_groups"]


class AgglomerativeParameters(ClusteringParameters):
    """Parameters of agglomerative clustering."""

    n_clusters: ClusterCount = None
    linkage: Literal["ward", "average", "complete", "single"] = Field(
        "ward",
        description="Distance between clusters: growth of their variance (ward), mean, largest or smallest distance.",
    )


def _run(task: ClusteringTask, parameters: AgglomerativeParameters) -> Grouping:
    rows = len(task.points)
    # The table of pairs in float64, and the copy that SciPy works on.
    needed = 2 * 8 * rows * (rows - 1) / 2
    task.refuse_beyond_memory(needed, "Agglomerative clustering", "use kmeans or hdbscan, or a selection of the images")
    distinct = distinct_points(task.points, parameters.n_clusters or most_clusters(rows))
    if parameters.n_clusters is not None:
        refuse_beyond_distinct(parameters.n_clusters, distinct)
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    task.monitor.report("joining", 0, 1)
    points = task.points.astype(np.float64)
    if parameters.linkage == "ward" or task.metric == "euclidean":
        tree = linkage(points, method=parameters.linkage)
    else:
        # The mean of distances is not that of their square roots.
        tree = linkage(pdist(points, "sqeuclidean") / 2, method=parameters.linkage)
    clusters = parameters.n_clusters or min(
        distinct, choose_clusters(task, lambda sample, number: flat_groups(tree, number)[sample])
    )
    task.monitor.report("grouping", 0, 1)
    labels = flat_groups(tree, clusters)
    task.chosen["n_clusters"] = clusters
    task.notes["library"] = "SciPy linkage"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one"
    return Grouping(labels, relative_closeness(task.points, labels), Hierarchy.of_merges(tree))


def flat_groups(tree: NDArray[np.float64], clusters: int) -> NDArray[np.int32]:
    """Labels where so many clusters are left, also where several merges are at the same distance."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows = len(tree) + 1
    merges = rows - clusters
    parents = np.repeat(np.arange(rows, rows + merges), 2)
    children = tree[:merges, :2].astype(np.intp).ravel()
    joined = coo_matrix((np.ones(2 * merges, np.int8), (parents, children)), shape=(rows + merges, rows + merges))
    return np.asarray(connected_components(joined, directed=False)[1][:rows])


METHOD: Method[Run, ClusteringFacts] = Method(
    id="agglomerative",
    title="Agglomerative",
    summary="Merges the two nearest clusters repeatedly and cuts the tree; for up to some ten thousand images. "
    "Ward's linkage (1963) gives compact clusters, single linkage chains.",
    parameters=AgglomerativeParameters,
    run=_run,
    facts=ClusteringFacts(),
    order=50,
)
