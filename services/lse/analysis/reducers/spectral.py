"""Laplacian eigenmaps of the neighbour graph."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from lse.analysis.neighbours import Metric
from lse.analysis.reducers.alignment import AlignmentParameters
from lse.analysis.reducers.placements import NeighbourPlacement
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run, chosen_neighbours
from lse.methods import Method

__all__ = ["METHOD", "SpectralParameters"]

# Eigenvectors of larger graphs converge slowly.
_MOST_ROWS = 200_000
_PLACING_NEIGHBOURS = 5


class SpectralParameters(AlignmentParameters):
    """Parameters of spectral embedding, named as in scikit-learn."""

    n_neighbors: int | None = Field(
        None, ge=2, le=1000, description="Neighbours per point in the graph (default: 15, or all points)."
    )
    metric: Metric = Field("cosine", description="Distance between vectors.")


def _run(task: ReductionTask, parameters: SpectralParameters) -> Fit:
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components
    from threadpoolctl import threadpool_limits

    from lse.analysis.principal import principal_axes
    from lse.analysis.umap.start import spectral_by_parts

    rows = len(task.vectors)
    neighbours = chosen_neighbours(rows, parameters.n_neighbors)
    graph = task.graph(neighbours, parameters.metric)
    task.monitor.report("arranging", 0, 1)
    ends = np.arange(0, rows * neighbours + 1, neighbours)
    joined = csr_matrix((np.ones(rows * neighbours), graph.indices.ravel(), ends), shape=(rows, rows))
    joined = (joined + joined.T) / 2
    axes = principal_axes(task.vectors, parameters.n_components)
    places = axes.transform(task.vectors)
    # One thread: sums in another order would give other bits.
    with threadpool_limits(1):
        coordinates = spectral_by_parts(joined.tocsr(), places / max(float(np.abs(places).max()), 1e-300))
    task.chosen["n_neighbors"] = neighbours
    task.notes["parts"] = int(connected_components(joined, directed=False)[0])
    task.monitor.report("arranging", 1, 1)
    placed = np.asarray(coordinates, np.float32)
    k = min(_PLACING_NEIGHBOURS, rows)
    return Fit(placed, NeighbourPlacement(task.vectors, placed, parameters.metric, k))


METHOD: Method[Run, ReducerFacts] = Method(
    id="spectral",
    title="Spectral embedding",
    summary="The slowest directions of a walk along the neighbour graph: shows chains and branches, and groups as "
    "corners; parts that are not joined lie about their principal components. After Belkin and Niyogi (2003).",
    parameters=SpectralParameters,
    run=_run,
    facts=ReducerFacts(minimum_rows=5, maximum_rows=_MOST_ROWS, restore=NeighbourPlacement.restored),
    order=60,
)
