"""PLSCAN, by fast-plscan."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from lse.analysis.clusterers.clusterings import ClusteringFacts, ClusteringParameters, ClusteringTask, Grouping, Run
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.errors import InvalidArgumentError
from lse.hardware import usable_cores
from lse.methods import Method

__all__ = ["METHOD", "PlscanParameters"]

_USUAL_SAMPLES = 5


class PlscanParameters(ClusteringParameters):
    """Parameters of PLSCAN, named as in fast-plscan."""

    min_samples: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Neighbours used to estimate the local density; higher values give smoother densities and fewer "
        "clusters (default: 5, or a sixth of few points).",
    )
    min_cluster_size: int | None = Field(
        None, ge=2, description="Smallest size of a cluster that is considered (default: min_samples)."
    )
    max_cluster_size: int | None = Field(
        None, ge=3, description="Largest size of a cluster that is considered (default: no limit)."
    )
    persistence_measure: Literal["size", "distance", "density", "size-distance", "size-density"] = Field(
        "size",
        description="Range over which a cluster must persist: of sizes, distances or densities, or areas of two of "
        "them.",
    )


def _run(task: ClusteringTask, parameters: PlscanParameters) -> Grouping:
    from fast_plscan import PLSCAN

    rows = len(task.points)
    samples = parameters.min_samples or max(2, min(_USUAL_SAMPLES, rows // 6))
    size = parameters.min_cluster_size or samples
    largest = parameters.max_cluster_size or rows
    _check(rows, samples, size, largest)
    task.monitor.report("grouping", 0, 1)
    model = PLSCAN(
        min_samples=samples,
        min_cluster_size=float(size),
        max_cluster_size=float("inf") if parameters.max_cluster_size is None else float(largest),
        persistence_measure=parameters.persistence_measure,
        num_threads=usable_cores(),
    ).fit(task.points)
    task.chosen.update(min_samples=samples, min_cluster_size=size)
    task.notes["library"] = "fast_plscan PLSCAN"
    task.notes["membership"] = "strength: 1 at the densest of the cluster, 0 for noise"
    labels = np.asarray(model.labels_)
    strengths = np.where(labels >= 0, np.nan_to_num(model.probabilities_), 0.0)
    return Grouping(labels, strengths, _hierarchy(model, rows, size))


def _hierarchy(model: Any, rows: int, size: int) -> Hierarchy:
    """Leaves under every smallest size."""
    leaves, condensed = model._leaf_tree, model._condensed_tree  # noqa: SLF001  # the public ones only plot
    homes, points = np.empty(rows, np.int64), np.asarray(condensed.child) < rows
    homes[condensed.child[points]] = condensed.parent[points].astype(np.int64) - rows
    least, most = (np.asarray(each, np.float64) for each in (leaves.min_size, leaves.max_size))
    parents = np.r_[-1, leaves.parent[1:].astype(np.int64)]
    return Hierarchy.of_sizes(parents, least, most, homes=homes, finest=float(size))


def _check(rows: int, samples: int, size: int, largest: int) -> None:
    faults = (
        (samples >= rows, "min_samples", f"There are only {rows} points for min_samples {samples}", rows - 1),
        (size > rows, "min_cluster_size", f"There are only {rows} points for clusters of at least {size}", rows),
        (size < samples, "min_cluster_size", f"min_cluster_size {size} is below min_samples {samples}", None),
        (largest <= size, "max_cluster_size", f"max_cluster_size {largest} is not above the smallest, {size}", None),
    )
    for wrong, name, what, most in faults:
        if wrong:
            how = f"set {name} to at most {most}" if most is not None else "change one of the two"
            more = {} if most is None else {"maximum": most}
            raise InvalidArgumentError(f"{what}: {how}.", reason="PARAMETER_INVALID", parameter=name, **more)


METHOD: Method[Run, ClusteringFacts] = Method(
    id="plscan",
    title="PLSCAN",
    summary="HDBSCAN's leaves at the smallest cluster size under which most of them persist, which it finds itself: "
    "clusters of any shape, the rest is noise. After Bot, McInnes and Aerts (2025).",
    parameters=PlscanParameters,
    run=_run,
    facts=ClusteringFacts(minimum_rows=6, reduction="umap", if_noisy="lower min_samples"),
    order=42,
)
