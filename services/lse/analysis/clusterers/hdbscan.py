"""HDBSCAN: the spanning tree by fast_plscan and the clusters by fast_hdbscan; by scikit-learn for few points."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
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

__all__ = ["METHOD", "HdbscanParameters"]

Points: TypeAlias = NDArray[np.floating[Any]]
Found: TypeAlias = tuple[NDArray[Any], NDArray[Any], str]

_COMPILED_ROWS = 10_000  # up to here scikit-learn is done before what is compiled has begun
_TREE_COLUMNS = 16  # beyond, a k-d tree no longer leaves much out


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
    if rows <= _COMPILED_ROWS:
        find = _by_scikit_learn
    else:
        find = _by_trees if task.points.shape[1] <= _TREE_COLUMNS else _by_fast_hdbscan
    labels, strengths, library = find(task.points, size, samples, parameters)
    task.chosen.update(min_cluster_size=size, min_samples=samples)
    task.notes["library"] = library
    task.notes["membership"] = "strength: 1 at the densest of the cluster, 0 for noise"
    return Grouping(labels, np.where(labels >= 0, strengths, 0.0))


def _by_scikit_learn(points: Points, size: int, samples: int, parameters: HdbscanParameters) -> Found:
    from sklearn.cluster import HDBSCAN

    # scikit-learn counts the point itself, the others do not.
    model = HDBSCAN(
        min_cluster_size=size,
        min_samples=min(samples + 1, len(points)),
        cluster_selection_method=parameters.cluster_selection_method,
        allow_single_cluster=parameters.allow_single_cluster,
        copy=True,
    ).fit(points)
    return np.asarray(model.labels_), model.probabilities_, "sklearn HDBSCAN"


def _by_trees(points: Points, size: int, samples: int, parameters: HdbscanParameters) -> Found:
    """In few dimensions, where a k-d tree finds the spanning tree in a fraction of the time.

    One thread at a time: of edges that are equally long another thread may take another one.
    """
    from fast_hdbscan.hdbscan import clusters_from_spanning_tree
    from fast_plscan import compute_mutual_spanning_tree
    from threadpoolctl import threadpool_limits

    centred = (points - points.mean(axis=0, dtype=np.float64)).astype(np.float32)
    with threadpool_limits(1):
        _, tree, _, _ = compute_mutual_spanning_tree(centred, min_samples=samples)
    edges = np.column_stack([tree.parent, tree.child, tree.distance]).astype(np.float64)
    labels, strengths, *_ = clusters_from_spanning_tree(
        edges,
        min_cluster_size=size,
        cluster_selection_method=parameters.cluster_selection_method,
        allow_single_cluster=parameters.allow_single_cluster,
    )
    return np.asarray(labels), strengths, "fast_plscan's spanning tree, fast_hdbscan's clusters"


def _by_fast_hdbscan(points: Points, size: int, samples: int, parameters: HdbscanParameters) -> Found:
    import fast_hdbscan

    model = fast_hdbscan.HDBSCAN(
        min_cluster_size=size,
        min_samples=samples,
        cluster_selection_method=parameters.cluster_selection_method,
        allow_single_cluster=parameters.allow_single_cluster,
        reproducible=True,
    ).fit(points)
    return np.asarray(model.labels_), model.probabilities_, "fast_hdbscan HDBSCAN"


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
