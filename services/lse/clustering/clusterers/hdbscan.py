"""HDBSCAN, by fast_hdbscan, and by scikit-learn for few points."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lse.clustering.clusterers.clusterings import ClusteringParameters, ClusteringTask, Grouping, Run
from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import Method

__all__ = ["METHOD", "HdbscanParameters"]

# Up to here scikit-learn is done before fast_hdbscan is compiled.
_COMPILED_ROWS = 10_000


class HdbscanParameters(ClusteringParameters):
    """Parameters of HDBSCAN."""

    min_cluster_size: int | None = Field(
        None, ge=2, description="Fewest points of a cluster; auto is half the square root of their number, at least 10."
    )
    min_samples: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Neighbours that tell how dense it is around a point; more make more noise; auto is 5.",
    )
    selection: Literal["eom", "leaf"] = Field(
        "eom", description="eom prefers lasting clusters of any size, leaf the smallest and most even ones."
    )
    single_cluster: bool = Field(default=False, description="Allow that all points are one cluster.")


def _run(task: ClusteringTask, parameters: HdbscanParameters) -> Grouping:
    rows = len(task.points)
    size = parameters.min_cluster_size or max(2, min(max(10, round(math.sqrt(rows) / 2)), rows // 2))
    if size > rows:
        raise InvalidArgumentError(
            f"There are only {rows} points for clusters of at least {size}: set min_cluster_size lower.",
            reason="BAD_PARAMETER",
            parameter="min_cluster_size",
            maximum=rows,
        )
    samples = parameters.min_samples or min(5, size)
    if samples >= rows:
        raise InvalidArgumentError(
            f"There are only {rows} points for min_samples {samples}: set it to at most {rows - 1}.",
            reason="BAD_PARAMETER",
            parameter="min_samples",
            maximum=rows - 1,
        )
    task.monitor.report("grouping", 0, 1)
    model = _model(rows, size, samples, parameters).fit(task.points)
    task.notes["parameters"] = parameters.model_dump() | {"min_cluster_size": size, "min_samples": samples}
    task.notes["library"] = f"{type(model).__module__.partition('.')[0]} HDBSCAN"
    task.notes["membership"] = "strength: 1 at the densest of the cluster, 0 for noise"
    labels = np.asarray(model.labels_)
    return Grouping(labels, np.where(labels >= 0, model.probabilities_, 0.0))


def _model(rows: int, size: int, samples: int, parameters: HdbscanParameters) -> Any:
    if rows <= _COMPILED_ROWS:
        from sklearn.cluster import HDBSCAN

        # scikit-learn counts the point itself, fast_hdbscan does not.
        return HDBSCAN(
            min_cluster_size=size,
            min_samples=min(samples + 1, rows),
            cluster_selection_method=parameters.selection,
            allow_single_cluster=parameters.single_cluster,
            copy=True,
        )
    import fast_hdbscan

    return fast_hdbscan.HDBSCAN(
        min_cluster_size=size,
        min_samples=samples,
        cluster_selection_method=parameters.selection,
        allow_single_cluster=parameters.single_cluster,
        reproducible=True,
    )


METHOD: Method[Run] = Method(
    name="hdbscan",
    title="HDBSCAN",
    help="Groups of any shape and of different densities; what belongs to none is noise. Finds their number itself. "
    "After Campello, Moulavi and Sander (2013) and McInnes and Healy (2017).",
    parameters=HdbscanParameters,
    run=_run,
)
