"""Birch, by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.analysis.centres import relative_closeness
from lse.analysis.clusterers.agglomerative import flat_groups
from lse.analysis.clusterers.automatic import choose_clusters, most_clusters, neighbour_distances
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

__all__ = ["METHOD", "BirchParameters"]


class BirchParameters(ClusteringParameters):
    """Parameters of Birch, named as in scikit-learn."""

    n_clusters: ClusterCount = None
    threshold: float | None = Field(
        None,
        gt=0,
        description="Radius up to which points are gathered in one knot of the tree (default: the median distance to "
        "the 5th neighbour).",
    )
    branching_factor: int = Field(50, ge=2, le=1000, description="Most knots below a knot of the tree.")


def _run(task: ClusteringTask, parameters: BirchParameters) -> Grouping:
    rows = len(task.points)
    distinct = distinct_points(task.points, parameters.n_clusters or most_clusters(rows))
    if parameters.n_clusters is not None:
        refuse_beyond_distinct(parameters.n_clusters, distinct)
    threshold = parameters.threshold
    if threshold is None:
        # A point among equal ones is no smaller than rounding.
        usual = float(np.median(neighbour_distances(task.points, min(5, rows - 1), seed=task.seed)))
        threshold = max(usual, 1e-6 * float(np.abs(task.points).max()))

    def join(points: NDArray[np.float64], clusters: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Merges of at least so many knots, and the knot of each point."""
        from scipy.cluster.hierarchy import linkage
        from sklearn.cluster import Birch

        radius = threshold
        while True:
            model: Any = Birch(threshold=radius, branching_factor=parameters.branching_factor, n_clusters=None)
            model.fit(points)
            # With fewer knots than clusters a smaller radius gives more.
            if len(model.subcluster_centers_) >= clusters or radius < 1e-9 * threshold:
                return linkage(model.subcluster_centers_, "ward"), np.asarray(model.labels_, np.intp)
            radius /= 2

    def group(merges: NDArray[np.float64], knots: NDArray[np.intp], clusters: int) -> NDArray[Any]:
        return flat_groups(merges, min(clusters, len(merges) + 1))[knots]

    points = task.points.astype(np.float64)
    clusters = parameters.n_clusters or min(
        distinct, choose_clusters(task, lambda sample, number: group(*join(points[sample], number), number))
    )
    task.monitor.report("grouping", 0, 1)
    merges, knots = join(points, clusters)
    labels = np.unique(group(merges, knots, clusters), return_inverse=True)[1]
    task.chosen.update(n_clusters=clusters, threshold=threshold)
    task.notes["library"] = "scikit-learn Birch"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one"
    return Grouping(labels, relative_closeness(task.points, labels), Hierarchy.of_merges(merges, knots))


METHOD: Method[Run, ClusteringFacts] = Method(
    id="birch",
    title="Birch",
    summary="Gathers near points in a tree in one pass and joins its knots by Ward's linkage: agglomeration for many "
    "images. After Zhang, Ramakrishnan and Livny (1996).",
    parameters=BirchParameters,
    run=_run,
    facts=ClusteringFacts(),
    order=55,
)
