"""The one door to all clusterers."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.clusterers.clusterings import (
    Clustering,
    ClusteringFacts,
    ClusteringParameters,
    ClusteringTask,
    Run,
    by_size,
)
from lse.analysis.clusterers.preparation import prepare
from lse.analysis.clusterers.stability import Stability, measure_stability
from lse.analysis.neighbours import Metric, NeighbourGraph, as_vectors, refuse_too_many
from lse.analysis.structure import find_structure
from lse.methods import Method, Registry
from lse.progress import Monitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from lse.progress import ProgressCallback, ShouldStop

__all__ = ["CLUSTERERS", "MEMORY_LIMIT", "cluster"]

CLUSTERERS: Registry[Run, ClusteringFacts] = Registry(
    kind="clustering method",
    package="lse.analysis.clusterers",
    group="lse.clusterers",
    parameters=ClusteringParameters,
    facts=ClusteringFacts,
)
MEMORY_LIMIT = 4 << 30
_MUCH_NOISE = 0.5
_THREADED_ROWS = 5_000


def cluster(
    points: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object] | ClusteringParameters | None = None,
    neighbours: NeighbourGraph | None = None,
    memory_limit: int = MEMORY_LIMIT,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Clustering:
    """Group points.

    Parameters
    ----------
    points
        Latent vectors or the coordinates of a projection, shape (n, D), finite, n ≥ 3, not all equal.
    method
        One of `CLUSTERERS`, such as ``kmeans`` or ``hdbscan``, or the import path of one's own.
    parameters
        The method's parameters, as values, texts, or its own model; what is not given is chosen from the points.  All
        have a ``seed``: the same inputs give the same groups.
    neighbours
        Neighbour graph of the same points, which the reduction by UMAP uses where its metric and its k serve.
    memory_limit
        Bytes that a method may take for tables of pairs before it refuses.
    on_progress, should_stop
        Progress, and cancellation between its moments; a library's single fit cannot be interrupted.

    Returns
    -------
    clustering
        Labels, memberships and a report.

    Raises
    ------
    InvalidArgumentError
        Method, parameters or points are wrong; the sentence says which and what to set.
    ResourceExhaustedError
        ``ANALYSIS_TOO_LARGE``: the method would need more memory than allowed.
    CancelledError
        `should_stop` said so.
    """
    from threadpoolctl import threadpool_limits

    chosen = CLUSTERERS[method]
    asked: ClusteringParameters = CLUSTERERS.parse(method, parameters)
    facts = chosen.facts
    matrix = as_vectors(points, minimum=facts.minimum_rows, what="points")
    refuse_too_many(len(matrix), facts.maximum_rows, chosen.title, "hdbscan or kmeans")
    monitor = Monitor(on_progress, should_stop)
    started = time.monotonic()
    prepared, notes = prepare(matrix, asked, preferred=facts.reduction, neighbours=neighbours, monitor=monitor)
    # After UMAP distances are Euclidean, whatever those of the graph were.
    metric: Metric = "euclidean" if notes["reduce"] == "umap" else notes["metric"]
    task = ClusteringTask(prepared, asked.seed, monitor, memory_limit, metric)
    # Threads that wait for each other cost more than they save on few points, above all where cores are shared.
    with threadpool_limits(1 if len(matrix) < _THREADED_ROWS else None):
        grouping = chosen.run(task, asked)
    with threadpool_limits(1):
        structure = find_structure(matrix, metric=notes["metric"], seed=asked.seed)
    labels = by_size(grouping.labels, prepared)
    n_clusters = int(labels.max()) + 1
    noise = int((labels < 0).sum())
    monitor.report("grouping", 1, 1)
    stability = _stability(chosen, asked, task, labels) if asked.stability_runs else None
    report: dict[str, Any] = {
        "method": chosen.id,
        "parameters": asked.model_dump() | task.chosen,
        "rows": len(matrix),
        "preparation": notes,
        **task.notes,
        "clusters": n_clusters,
        "noise_rows": noise,
        "structure": asdict(structure) if structure else None,
        "seconds": round(time.monotonic() - started, 3),
    }
    if structure and not structure.found:
        report["warning"] = structure.sentence()
    if facts.if_noisy and noise > _MUCH_NOISE * len(matrix):
        what = f"{noise / len(matrix):.0%} of the points are noise" if n_clusters else "All points are noise"
        may_reduce = facts.reduction == "umap" and notes["reduce"] != "umap"
        how = "reduce with umap first, or " if may_reduce else ""
        report["advice"] = f"{what}: {how}{facts.if_noisy}."
    memberships = np.asarray(grouping.memberships, dtype=np.float32)
    return Clustering(labels, memberships, n_clusters, report, stability, grouping.hierarchy)


def _stability(
    chosen: Method[Run, ClusteringFacts], asked: ClusteringParameters, task: ClusteringTask, labels: NDArray[np.int32]
) -> Stability:
    """Group parts of the prepared points again, with what was chosen for all of them."""
    quiet = Monitor(None, task.monitor.should_stop)
    known = {name: value for name, value in task.chosen.items() if name in type(asked).model_fields}

    def regroup(points: NDArray[np.float32], seed: int) -> NDArray[Any]:
        again = replace(task, points=points, seed=seed, monitor=quiet, chosen={}, notes={})
        return chosen.run(again, asked.model_copy(update={**known, "seed": seed})).labels

    return measure_stability(
        task.points,
        labels,
        regroup,
        runs=asked.stability_runs,
        fewest=chosen.facts.minimum_rows,
        seed=asked.seed,
        monitor=task.monitor,
    )
