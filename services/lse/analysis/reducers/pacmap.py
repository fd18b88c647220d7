"""PaCMAP, drawn by `lse.analysis.pacmap`."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from lse.analysis.neighbours import Metric, NeighbourGraph, unit_vectors
from lse.analysis.reducers.alignment import AlignmentParameters, start_from
from lse.analysis.reducers.placements import NeighbourPlacement
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run
from lse.errors import InvalidArgumentError
from lse.methods import Method

__all__ = ["METHOD", "PacmapParameters"]

_PLACING_NEIGHBOURS = 15
# Neighbours among which the near ones are chosen by scaled distances.
_CANDIDATES = 50
_LEAST_ROWS = 12


class PacmapParameters(AlignmentParameters):
    """Parameters of PaCMAP, named as in the package pacmap."""

    n_neighbors: int | None = Field(
        None,
        ge=2,
        le=500,
        description="Near pairs per point (default: 10 up to 10,000 images, and 15 more for every ten times as many).",
    )
    MN_ratio: float = Field(0.5, ge=0, le=20, description="Mid-near pairs per near pair, which keep all together.")
    FP_ratio: float = Field(2.0, gt=0, le=20, description="Far pairs per near pair, which keep groups apart.")
    metric: Metric = Field("cosine", description="Distance between vectors.")
    lr: float = Field(1.0, gt=0, le=100, description="Learning rate.")
    num_iters: int = Field(250, ge=1, le=20_000, description="Iterations after the first two phases of 100 each.")


def _run(task: ReductionTask, parameters: PacmapParameters) -> Fit:
    from lse.analysis.pacmap import draw_pacmap, near_pairs, sampled_pairs
    from lse.analysis.principal import principal_axes

    rows = len(task.vectors)
    wanted = parameters.n_neighbors or round(10 + 15 * max(0.0, np.log10(rows) - 4))
    near = min(wanted, rows // 3)
    if parameters.n_neighbors is not None and near < wanted:
        raise InvalidArgumentError(
            f"{rows} images have too few others for {wanted} neighbours: set n_neighbors to at most {near}.",
            reason="PARAMETER_INVALID",
            parameter="n_neighbors",
            maximum=near,
        )
    far = min(max(1, round(near * parameters.FP_ratio)), rows // 2)
    graph = task.graph(_candidates(near, rows, task.shared, parameters.metric), parameters.metric)
    points = unit_vectors(task.vectors) if parameters.metric == "cosine" else task.vectors
    axes = principal_axes(points, parameters.n_components, seed=parameters.seed)
    places = axes.transform(points)
    # Differences are taken after the mean, without which float32 would not know them.
    centred = np.asarray(points - axes.mean, np.float32)
    middle = round(near * parameters.MN_ratio)
    pairs = sampled_pairs(centred, near_pairs(graph, near), middle=middle, far=far, seed=parameters.seed)
    # As in the package, a hundredth of the principal components, here of unit extent.
    if task.earlier is not None:
        places = start_from(task.earlier, graph)
        places -= places.mean(axis=0)
    start = 0.01 * places / max(float(places[:, 0].std()), 1e-300)
    coordinates = draw_pacmap(
        start, pairs, n_iter=parameters.num_iters, learning_rate=parameters.lr, monitor=task.monitor
    )
    task.chosen["n_neighbors"] = near
    task.notes["pairs"] = {"near": near, "middle": middle, "far": far}
    k = min(_PLACING_NEIGHBOURS, rows)
    return Fit(coordinates, NeighbourPlacement(task.vectors, coordinates, parameters.metric, k))


def _candidates(near: int, rows: int, shared: NeighbourGraph | None, metric: Metric) -> int:
    """Neighbours to choose the near ones of; fewer where the experiment's graph has fewer, but enough."""
    most = min(near + _CANDIDATES, rows - 1)
    serves = shared is not None and shared.metric == metric and shared.k >= max(near, 6)
    return min(most, shared.k) if shared is not None and serves else most


METHOD: Method[Run, ReducerFacts] = Method(
    id="pacmap",
    title="PaCMAP",
    summary="Preserves neighbourhoods and, by pairs at middle distances, the arrangement of groups; deterministic and "
    "fast on many images. After Wang, Huang, Rudin and Shaposhnik (2021).",
    parameters=PacmapParameters,
    run=_run,
    facts=ReducerFacts(minimum_rows=_LEAST_ROWS, if_diverged="lower lr", restore=NeighbourPlacement.restored),
    order=35,
)
