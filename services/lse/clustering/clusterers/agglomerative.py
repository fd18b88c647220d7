"""Agglomerative clustering, by SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from lse.clustering.clusterers.automatic import choose_clusters, relative_closeness
from lse.clustering.clusterers.clusterings import ClusteringParameters, ClusteringTask, Grouping, Run
from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "AgglomerativeParameters"]


class AgglomerativeParameters(ClusteringParameters):
    """Parameters of agglomerative clustering."""

    clusters: int | None = Field(
        None, ge=2, le=1000, description="Where to cut the tree; auto tries 2 to 20 and takes the best silhouette."
    )
    linkage: Literal["ward", "average", "complete", "single"] = Field(
        "ward", description="Distance between groups: growth of their variance, mean, largest or smallest distance."
    )


def _run(task: ClusteringTask, parameters: AgglomerativeParameters) -> Grouping:
    rows = len(task.points)
    # The table of pairs in float64, and the copy that SciPy works on.
    needed = 2 * 8 * rows * (rows - 1) / 2
    task.refuse_beyond_memory(needed, "Agglomerative clustering", "use kmeans or hdbscan, or a selection of the images")
    if parameters.clusters is not None and parameters.clusters > rows:
        raise InvalidArgumentError(
            f"There are only {rows} points for {parameters.clusters} clusters: set clusters to at most {rows}.",
            reason="BAD_PARAMETER",
            parameter="clusters",
            maximum=rows,
        )
    from scipy.cluster.hierarchy import fcluster, linkage

    task.monitor.report("joining", 0, 1)
    tree = linkage(task.points.astype(np.float64), method=parameters.linkage)

    def cut(clusters: int) -> NDArray[Any]:
        return np.asarray(fcluster(tree, clusters, criterion="maxclust")) - 1

    clusters = parameters.clusters or choose_clusters(task, lambda sample, number: cut(number)[sample])
    task.monitor.report("grouping", 0, 1)
    labels = cut(clusters)
    task.notes["parameters"] = parameters.model_dump() | {"clusters": clusters}
    task.notes["library"] = "SciPy linkage"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one"
    return Grouping(labels, relative_closeness(task.points, labels))


METHOD: Method[Run] = Method(
    name="agglomerative",
    title="Agglomerative",
    help="Joins the two nearest groups again and again and cuts the tree; for up to some ten thousand images. "
    "Ward's linkage (1963) gives compact groups, single linkage chains.",
    parameters=AgglomerativeParameters,
    run=_run,
)
