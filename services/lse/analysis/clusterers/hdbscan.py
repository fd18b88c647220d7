"""HDBSCAN: by the exact spanning tree, or for many points of many columns by fast_hdbscan's approximate one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import AliasChoices, Field

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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.clusterers.spanning_tree import SpanningTree

__all__ = ["METHOD", "HdbscanParameters"]

# Beyond both, nearly all points would be compared with each other.
_TREE_COLUMNS, _WIDE_ROWS = 30, 10_000


class HdbscanParameters(ClusteringParameters):
    """Parameters of HDBSCAN."""

    min_cluster_size: int | None = Field(
        None,
        ge=2,
        description="Smallest size of a cluster (default: half the square root of the number of points, at least 10, "
        "or a tenth of fewer than 100 points, at least 3).",
    )
    min_samples: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Neighbours used to estimate the local density; higher values label more points as noise "
        "(default: 5).",
    )
    cluster_selection_method: Literal["eom", "leaf"] = Field(
        "eom",
        validation_alias=AliasChoices("cluster_selection_method", "selection"),
        description="Clusters taken from the tree: the most persistent ones of any size (eom), or its leaves, which "
        "are small and homogeneous (leaf).",
    )
    allow_single_cluster: bool = Field(
        default=False,
        validation_alias=AliasChoices("allow_single_cluster", "single_cluster"),
        description="Allow all points to form one cluster.",
    )


def _run(task: ClusteringTask, parameters: HdbscanParameters) -> Grouping:
    # Here, since other methods need not wait for numba.
    from lse.analysis.clusterers.condensed_tree import condense, select_clusters
    from lse.analysis.clusterers.hierarchy import Hierarchy
    from lse.analysis.clusterers.spanning_tree import spanning_tree

    rows = len(task.points)
    size = parameters.min_cluster_size or smallest_cluster(rows)
    if size > rows:
        raise InvalidArgumentError(
            f"There are only {rows} points for clusters of at least {size}: set min_cluster_size lower.",
            reason="PARAMETER_INVALID",
            parameter="min_cluster_size",
            maximum=rows,
        )
    samples = parameters.min_samples or min(5, size)
    if samples >= rows:
        raise InvalidArgumentError(
            f"There are only {rows} points for min_samples {samples}: set it to at most {rows - 1}.",
            reason="PARAMETER_INVALID",
            parameter="min_samples",
            maximum=rows - 1,
        )
    task.monitor.report("grouping", 0, 1)
    if rows > _WIDE_ROWS and task.points.shape[1] > _TREE_COLUMNS:
        tree, task.notes["library"] = _approximate_tree(task.points, samples), "fast_hdbscan's approximate tree"
    else:
        tree = spanning_tree(task.points, min_samples=samples)
    condensed = condense(tree, min_cluster_size=size)
    labels, strengths = select_clusters(
        condensed,
        method=parameters.cluster_selection_method,
        allow_single_cluster=parameters.allow_single_cluster,
    )
    task.chosen.update(min_cluster_size=size, min_samples=samples)
    task.notes["membership"] = "strength: 1 at the densest of the cluster, 0 for noise"
    return Grouping(labels, strengths, Hierarchy.of_densities(condensed))


def _approximate_tree(points: NDArray[np.float32], samples: int) -> SpanningTree:
    from fast_hdbscan.hdbscan import compute_minimum_spanning_tree

    from lse.analysis.clusterers.spanning_tree import SpanningTree

    edges, _, _ = compute_minimum_spanning_tree(points, min_samples=samples, reproducible=True)
    edges = edges[np.argsort(edges[:, 2], kind="stable")]
    return SpanningTree(edges[:, :2].astype(np.int32), np.ascontiguousarray(edges[:, 2]))


METHOD: Method[Run, ClusteringFacts] = Method(
    id="hdbscan",
    title="HDBSCAN",
    summary="Clusters of any shape and of different densities; the rest is noise. Finds the number of clusters itself. "
    "After Campello, Moulavi and Sander (2013) and McInnes and Healy (2017).",
    parameters=HdbscanParameters,
    run=_run,
    facts=ClusteringFacts(reduction="umap", if_noisy="lower min_samples or min_cluster_size"),
    order=40,
)
