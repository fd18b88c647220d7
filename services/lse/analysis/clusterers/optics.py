"""OPTICS, by scikit-learn."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from lse.analysis.clusterers.clusterings import (
    ClusteringFacts,
    ClusteringParameters,
    ClusteringTask,
    Grouping,
    Run,
    smallest_cluster,
)
from lse.errors import InvalidArgumentError
from lse.methods import Method

__all__ = ["METHOD", "OpticsParameters"]

# Points are ordered one by one, in Python: about a minute.
_MOST_ROWS = 30_000


class OpticsParameters(ClusteringParameters):
    """Parameters of OPTICS, named as in scikit-learn."""

    min_samples: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Neighbours that estimate the local density, with the point itself (default: 15, or a tenth of "
        "fewer than 150 points, at least 3).",
    )
    min_cluster_size: int | None = Field(
        None,
        ge=2,
        description="Smallest size of a cluster (default: half the square root of the number of points, at least 10, "
        "or a tenth of fewer than 100 points, at least 3).",
    )
    cluster_method: Literal["xi", "dbscan"] = Field(
        "xi", description="Clusters by the steepness of the reachability plot (xi), or those of DBSCAN at eps."
    )
    xi: float = Field(
        0.15,
        gt=0,
        lt=1,
        description="Least steepness at the border of a cluster, of which scikit-learn's 0.05 makes many small ones.",
    )
    eps: float | None = Field(None, gt=0, description="Radius for cluster_method dbscan, which needs it.")


def _run(task: ClusteringTask, parameters: OpticsParameters) -> Grouping:
    from sklearn.cluster import OPTICS

    rows = len(task.points)
    if parameters.cluster_method == "dbscan" and parameters.eps is None:
        raise InvalidArgumentError(
            "OPTICS by dbscan needs a radius: set eps, or set cluster_method to xi.",
            reason="PARAMETER_INVALID",
            parameter="eps",
        )
    samples = parameters.min_samples or min(15, max(3, rows // 10))
    size = parameters.min_cluster_size or smallest_cluster(rows)
    for name, value in (("min_samples", samples), ("min_cluster_size", size)):
        if value > rows:
            raise InvalidArgumentError(
                f"There are only {rows} points for {name} {value}: set it to at most {rows}.",
                reason="PARAMETER_INVALID",
                parameter=name,
                maximum=rows,
            )
    task.monitor.report("grouping", 0, 1)
    model = OPTICS(
        min_samples=samples,
        min_cluster_size=size,
        cluster_method=parameters.cluster_method,
        xi=parameters.xi,
        eps=parameters.eps,
    )
    # Equal points have a reachability of 0, by which the library divides.
    with np.errstate(divide="ignore", invalid="ignore"):
        model.fit(task.points.astype(np.float64))
    task.chosen.update(min_samples=samples, min_cluster_size=size)
    task.notes["library"] = "scikit-learn OPTICS"
    task.notes["membership"] = "core distance of the densest of the cluster / own core distance; 0 for noise"
    return Grouping(model.labels_, _closeness(np.asarray(model.labels_), np.asarray(model.core_distances_)))


def _closeness(labels: np.ndarray, core: np.ndarray) -> np.ndarray:
    inside = labels >= 0
    least = np.full(max(int(labels.max(initial=-1)), 0) + 1, np.inf)
    np.minimum.at(least, labels[inside], core[inside])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(core > 0, least[labels] / core, 1.0)
    return np.where(inside, np.clip(shares, 0, 1), 0.0)


METHOD: Method[Run, ClusteringFacts] = Method(
    id="optics",
    title="OPTICS",
    summary="Clusters of different densities, from the order in which density reaches the points; the rest is noise; "
    "up to 30,000 images. After Ankerst, Breunig, Kriegel and Sander (1999).",
    parameters=OpticsParameters,
    run=_run,
    facts=ClusteringFacts(maximum_rows=_MOST_ROWS, reduction="umap", if_noisy="lower xi or min_cluster_size"),
    order=45,
)
