"""EVoC, by the package evoc."""

from __future__ import annotations

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
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.errors import InvalidArgumentError
from lse.methods import Method

__all__ = ["METHOD", "EvocParameters"]

_LEAST_ROWS = 30


class EvocParameters(ClusteringParameters):
    """Parameters of EVoC, named as in the package evoc."""

    noise_level: float = Field(
        0.5, ge=0, le=1, description="Noise that is expected: 0 groups as many images as it can, 1 only certain ones."
    )
    base_min_cluster_size: int | None = Field(
        None,
        ge=2,
        description="Smallest size of a cluster in the finest grouping (default: half the square root of the number of "
        "points, at least 10).",
    )
    approx_n_clusters: int | None = Field(
        None, ge=2, le=1000, description="Number of clusters aimed at (default: the most persistent grouping)."
    )
    n_neighbors: int = Field(15, ge=2, le=1000, description="Neighbours per point in the graph.")
    min_samples: int = Field(5, ge=1, le=1000, description="Neighbours used to estimate the local density.")
    n_epochs: int = Field(50, ge=1, le=20_000, description="Epochs of the embedding of the graph.")


def _run(task: ClusteringTask, parameters: EvocParameters) -> Grouping:
    from evoc import EVoC

    if task.metric != "cosine":
        raise InvalidArgumentError(
            "EVoC compares vectors by the cosine and arranges them itself: give it latent vectors, without a metric or "
            "a reduction, or use plscan or hdbscan.",
            reason="PARAMETER_INVALID",
            parameter="metric",
        )
    # Equal vectors are grouped as one: the package would put them into different clusters.
    points, inverse = np.unique(task.points, axis=0, return_inverse=True)
    rows, size = len(points), parameters.base_min_cluster_size or smallest_cluster(len(points))
    if rows < _LEAST_ROWS:
        raise InvalidArgumentError(
            f"There are only {rows} different points and EVoC needs {_LEAST_ROWS}: use hdbscan or kmeans.",
            reason="VECTORS_TOO_FEW",
            rows=rows,
            minimum=_LEAST_ROWS,
        )
    asked = {"n_neighbors": parameters.n_neighbors, "min_samples": parameters.min_samples}
    for name, value in {**asked, "base_min_cluster_size": size}.items():
        if value >= rows:
            raise InvalidArgumentError(
                f"There are only {rows} different points for {name} {value}: set it to at most {rows - 1}.",
                reason="PARAMETER_INVALID",
                parameter=name,
                maximum=rows - 1,
            )
    task.monitor.report("grouping", 0, 1)
    model = EVoC(
        noise_level=parameters.noise_level,
        base_min_cluster_size=size,
        approx_n_clusters=parameters.approx_n_clusters,
        n_neighbors=parameters.n_neighbors,
        min_samples=parameters.min_samples,
        n_epochs=parameters.n_epochs,
        random_state=task.seed,
    )
    labels = np.asarray(model.fit_predict(points))
    task.chosen.update(base_min_cluster_size=size)
    task.notes["layers"] = [int(layer.max()) + 1 for layer in model.cluster_layers_]
    task.notes["compared_by"] = "cosine about the common mean"
    task.notes["library"] = "evoc EVoC"
    task.notes["membership"] = "strength: 1 at the densest of the cluster, 0 for noise"
    strengths = np.where(labels >= 0, np.nan_to_num(model.membership_strengths_), 0.0)
    # All layers are leaves of one tree, so that those of a finer one are nested in those of a coarser one.
    layers = [np.asarray(layer, np.int64)[inverse] for layer in model.cluster_layers_]
    return Grouping(labels[inverse], strengths[inverse], Hierarchy.of_layers(layers))


METHOD: Method[Run, ClusteringFacts] = Method(
    id="evoc",
    title="EVoC",
    summary="Clusters latent vectors at the most persistent of several resolutions: the idea of UMAP, then HDBSCAN, in "
    "one quick step; the rest is noise. By McInnes and Healy, the package evoc.",
    parameters=EvocParameters,
    run=_run,
    facts=ClusteringFacts(minimum_rows=_LEAST_ROWS, if_noisy="lower noise_level or base_min_cluster_size"),
    order=44,
)
