"""The one door to all clusterers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.clustering.clusterers import agglomerative, dbscan, gaussian_mixture, hdbscan, kmeans
from lse.clustering.clusterers.clusterings import (
    Clustering,
    ClusteringParameters,
    ClusteringTask,
    Reduction,
    Run,
    by_size,
)
from lse.clustering.clusterers.preparation import prepare
from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import Monitor
from lse.platform.neighbours import as_vectors
from lse.platform.parameters import Method, MethodDescription, Parameters, find_method, parse_parameters

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lse.platform.progress import ProgressCallback, ShouldStop

__all__ = ["MEMORY_LIMIT", "cluster", "list_methods", "read_parameters"]

MEMORY_LIMIT = 4 << 30
_METHODS: Mapping[str, Method[Run]] = {
    module.METHOD.name: module.METHOD for module in (kmeans, gaussian_mixture, dbscan, hdbscan, agglomerative)
}
_REDUCTIONS: Mapping[str, Reduction] = {"gaussian_mixture": "pca", "dbscan": "umap", "hdbscan": "umap"}
_MUCH_NOISE = 0.5
_THREADED_ROWS = 5_000


def list_methods() -> list[MethodDescription]:
    """All clusterers with their parameters, for forms and help pages."""
    return [method.describe() for method in _METHODS.values()]


def read_parameters(method: str, parameters: Mapping[str, object]) -> Parameters:
    """Parameters of a method in force, of values or texts; what is not given takes its default.

    Raises
    ------
    InvalidArgumentError
        The method or a key is unknown, or a value is wrong.
    """
    return parse_parameters(find_method(_METHODS, method).parameters, parameters)


def cluster(
    points: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object] | Parameters | None = None,
    seed: int = 0,
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
        ``kmeans``, ``gaussian_mixture``, ``dbscan``, ``hdbscan`` or ``agglomerative``.
    parameters
        The method's parameters, as values, texts, or its own model; what is not given is chosen from the points.
    seed
        Seed of everything random: the same inputs give the same groups.
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
        ``MEMORY_LIMIT``: the method would need more memory than allowed.
    CancelledError
        `should_stop` said so.
    """
    from threadpoolctl import threadpool_limits

    chosen = find_method(_METHODS, method)
    if isinstance(parameters, Parameters):
        if not isinstance(parameters, chosen.parameters):
            raise InvalidArgumentError(
                f"{type(parameters).__name__} are not the parameters of {method}.", reason="BAD_PARAMETER"
            )
        asked: Parameters = parameters
    else:
        asked = parse_parameters(chosen.parameters, parameters or {})
    assert isinstance(asked, ClusteringParameters)
    matrix = as_vectors(points, minimum=3, what="points")
    monitor = Monitor(on_progress, should_stop)
    started = time.monotonic()
    prepared, notes = prepare(matrix, asked, preferred=_REDUCTIONS.get(method, "none"), seed=seed, monitor=monitor)
    task = ClusteringTask(prepared, seed, monitor, memory_limit)
    # Threads that wait for each other cost more than they save on few points, above all where cores are shared.
    with threadpool_limits(1 if len(matrix) < _THREADED_ROWS else None):
        grouping = chosen.run(task, asked)
    labels = by_size(grouping.labels, prepared)
    n_clusters = int(labels.max()) + 1
    noise = int((labels < 0).sum())
    monitor.report("grouping", 1, 1)
    report: dict[str, Any] = {
        "method": method,
        "rows": len(matrix),
        "seed": seed,
        "preparation": notes,
        **task.notes,
        "clusters": n_clusters,
        "noise_rows": noise,
        "seconds": round(time.monotonic() - started, 3),
    }
    advice = _advice(noise / len(matrix), n_clusters, notes["reduce"])
    if advice:
        report["advice"] = advice
    return Clustering(labels, np.asarray(grouping.memberships, dtype=np.float32), n_clusters, report)


def _advice(noise: float, clusters: int, reduction: Reduction) -> str:
    if noise <= _MUCH_NOISE:
        return ""
    what = f"{noise:.0%} of the points are noise" if clusters else "All points are noise"
    how = "" if reduction == "umap" else "reduce with umap first, or "
    return f"{what}: {how}lower min_samples, or raise eps."
