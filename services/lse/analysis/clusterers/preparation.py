"""What is done to points before they are grouped: unit length for the cosine, and fewer dimensions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.clusterers.clusterings import ClusteringParameters, Reduction, distinct_points
from lse.analysis.exact_neighbours import MetricSpace
from lse.analysis.neighbours import Metric, NeighbourGraph, build_neighbour_graph
from lse.errors import InvalidArgumentError
from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEW_DIMENSIONS", "default_metric", "prepare"]

# Density is estimated well in about this many dimensions without help.
FEW_DIMENSIONS = 10
_DIMENSIONS = {"pca": 16, "umap": 5}
# UMAP of fewer points shows its own accidents.
_UMAP_ROWS = 100
_UMAP_NEIGHBOURS = 30
_UMAP_EPOCHS = 200


def default_metric(width: int) -> Metric:
    """Cosine for latent vectors, Euclidean for a projection."""
    return "euclidean" if width <= 3 else "cosine"


def prepare(
    points: NDArray[np.float32],
    parameters: ClusteringParameters,
    *,
    preferred: Reduction,
    neighbours: NeighbourGraph | None,
    monitor: Monitor,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Points among which Euclidean distance is right, and the lines of the report about it.

    Parameters
    ----------
    points
        Shape (n, D).
    parameters
        What was asked for.
    preferred
        Reduction of the method for points of many dimensions, when none was asked for.
    neighbours
        Neighbour graph of the points, where there is one.
    monitor
        Progress and cancellation.

    Raises
    ------
    InvalidArgumentError
        The reduction asked for does not fit the points.
    """
    rows, width = points.shape
    metric = parameters.metric or default_metric(width)
    prepared = _around_their_mean(points, metric)
    if not np.ptp(prepared, axis=0).any():
        raise InvalidArgumentError(
            f"All {rows} points are equal by {metric} distance, so there is nothing to group: "
            "check the encoder and its images.",
            reason="VECTORS_CONSTANT",
        )
    reduction: Reduction = parameters.reduce or _automatic(preferred, distinct_points(prepared, _UMAP_ROWS), width)
    notes: dict[str, Any] = {"metric": metric, "reduce": reduction, "columns": width}
    if reduction == "none":
        return prepared, notes
    dimensions = parameters.dimensions or min(_DIMENSIONS[reduction], rows, width)
    if dimensions > min(rows, width):
        raise InvalidArgumentError(
            f"{rows} points of {width} columns cannot be reduced to {dimensions} dimensions: "
            f"set dimensions to at most {min(rows, width)}.",
            reason="PARAMETER_INVALID",
            parameter="dimensions",
        )
    notes["dimensions"] = dimensions
    monitor.report("reducing")
    if reduction == "pca":
        from lse.analysis.principal import principal_axes

        axes = principal_axes(prepared, dimensions, seed=parameters.seed)
        notes["variance_kept"] = float(axes.shares.sum())
        return np.asarray(axes.transform(prepared), dtype=np.float32), notes
    if rows < _UMAP_ROWS:
        raise InvalidArgumentError(
            f"There are only {rows} points and UMAP needs at least {_UMAP_ROWS}: set reduce to none or pca.",
            reason="PARAMETER_INVALID",
            parameter="reduce",
        )
    graph, notes["neighbour_graph"] = _graph(prepared, neighbours, metric, seed=parameters.seed, monitor=monitor)
    return _umap(prepared, graph, dimensions, seed=parameters.seed, monitor=monitor), notes


def _around_their_mean(points: NDArray[np.float32], metric: Metric) -> NDArray[np.float32]:
    """Points whose Euclidean distances rank as the metric does, without their common mean, which drowns differences."""
    space = MetricSpace(points, metric)
    centred = space.coarse * np.float32(space.unit)
    # The last column is a direction for rows of zeros.
    return centred if np.ptp(centred[:, -1]) else np.ascontiguousarray(centred[:, :-1])


def _automatic(preferred: Reduction, distinct: int, width: int) -> Reduction:
    if width <= FEW_DIMENSIONS:
        return "none"
    # UMAP of few different points shows its own accidents, however often they are repeated.
    chosen = "pca" if preferred == "umap" and distinct < _UMAP_ROWS else preferred
    return "none" if chosen == "pca" and min(distinct, width) <= _DIMENSIONS["pca"] else chosen


def _graph(
    points: NDArray[np.float32], shared: NeighbourGraph | None, metric: Metric, *, seed: int, monitor: Monitor
) -> tuple[NeighbourGraph, dict[str, Any]]:
    """Euclidean graph of the prepared points, and the line of the report about it: the shared one where it serves."""
    k = min(_UMAP_NEIGHBOURS, len(points)) - 1
    if shared is not None and shared.metric == metric and shared.k >= k:
        graph, source = shared.nearest(k), "shared"
        if metric == "cosine":
            # Between unit vectors the squared Euclidean distance is twice the cosine distance.
            graph = replace(graph, distances=np.sqrt(2 * graph.distances.clip(min=0)), metric="euclidean")
    else:
        source = "built"
        graph = build_neighbour_graph(
            points,
            k=k,
            metric="euclidean",
            seed=seed,
            on_progress=monitor.on_progress,
            should_stop=monitor.should_stop,
        )
    return graph, {"source": source, **graph.facts(), "metric": metric}


def _umap(
    points: NDArray[np.float32], graph: NeighbourGraph, dimensions: int, *, seed: int, monitor: Monitor
) -> NDArray[np.float32]:
    """UMAP made for grouping: packed tightly, and with enough neighbours that accidents do not become groups."""
    from lse.analysis.umap import UmapOptions, draw_map

    options = UmapOptions(n_components=dimensions, n_epochs=_UMAP_EPOCHS, min_dist=0.0, seed=seed)
    return draw_map(graph, points, options, monitor=monitor, stage="reducing")
