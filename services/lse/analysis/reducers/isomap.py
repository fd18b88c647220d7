"""Isomap, by scikit-learn: geodesic distances along the neighbour graph, then classical scaling."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lse.analysis.neighbours import Metric, unit_vectors
from lse.analysis.reducers.alignment import AlignmentParameters
from lse.analysis.reducers.placements import NeighbourPlacement
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run, chosen_neighbours
from lse.methods import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "IsomapParameters"]

# Geodesic distances of all pairs are kept in float64: 1.8 GiB, and as much again while they are decomposed.
_MOST_ROWS = 15_000
_PLACING_NEIGHBOURS = 5


class IsomapParameters(AlignmentParameters):
    """Parameters of Isomap, named as in scikit-learn."""

    n_neighbors: int | None = Field(
        None, ge=1, le=1000, description="Neighbours per point in the graph of geodesics (default: 15, or all points)."
    )
    metric: Metric = Field("cosine", description="Distance between vectors.")


def _run(task: ReductionTask, parameters: IsomapParameters) -> Fit:
    from sklearn.manifold import Isomap

    rows = len(task.vectors)
    neighbours = chosen_neighbours(rows, parameters.n_neighbors)
    task.monitor.report("arranging", 0, 1)
    isomap = Isomap(n_neighbors=neighbours, n_components=parameters.n_components, eigen_solver="dense")
    with warnings.catch_warnings(record=True) as caught:
        # A graph in several parts is joined by the shortest links between them, which the report says.
        warnings.simplefilter("always")
        coordinates = isomap.fit_transform(_points(task.vectors, parameters.metric))
    task.notes["graph_joined"] = any("connected components" in str(each.message) for each in caught)
    task.chosen["n_neighbors"] = neighbours
    task.notes["reconstruction_error"] = float(isomap.reconstruction_error())
    task.monitor.report("arranging", 1, 1)
    placed = np.asarray(coordinates, dtype=np.float32)
    return Fit(
        placed, NeighbourPlacement(task.vectors, placed, parameters.metric, min(neighbours, _PLACING_NEIGHBOURS))
    )


def _points(vectors: NDArray[np.float32], metric: Metric) -> NDArray[np.float64]:
    """Points whose Euclidean distances rank neighbours as the metric does."""
    return np.asarray(unit_vectors(vectors) if metric == "cosine" else vectors, dtype=np.float64)


METHOD: Method[Run, ReducerFacts] = Method(
    id="isomap",
    title="Isomap",
    summary="Unrolls a curved manifold: keeps distances along the neighbour graph, so that continuous sequences stay "
    "continuous; for up to 15,000 images. After Tenenbaum, de Silva and Langford (2000), by scikit-learn.",
    parameters=IsomapParameters,
    run=_run,
    facts=ReducerFacts(minimum_rows=4, maximum_rows=_MOST_ROWS, restore=NeighbourPlacement.restored),
    order=40,
)
