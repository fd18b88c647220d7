"""How umap-learn and openTSNE ask for neighbours, answered from a neighbour graph that is there already.

Both libraries let a caller give the neighbours of the fitted rows, and for new rows ask an index of theirs.  These
indexes answer from the graph and search new rows exactly, so neither library builds an index of its own.
Imports both libraries: only the methods themselves import this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from openTSNE.nearest_neighbors import KNNIndex
from pynndescent import NNDescent

from lse.platform.neighbours import Metric, NeighbourGraph, find_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OpenTsneIndex", "UmapIndex"]


class OpenTsneIndex(KNNIndex):  # type: ignore[misc]
    """Index of openTSNE over a graph.

    Parameters
    ----------
    vectors
        The fitted rows.
    graph
        Their neighbours.
    """

    VALID_METRICS = ("cosine", "euclidean")

    def __init__(self, vectors: NDArray[np.float32], graph: NeighbourGraph) -> None:
        super().__init__(vectors, graph.k, metric=graph.metric)
        self.graph = graph

    def build(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Neighbours of the fitted rows."""
        return self.graph.indices, self.graph.distances.astype(np.float64)

    def query(self, query: NDArray[Any], k: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Neighbours of new rows among the fitted ones."""
        indices, distances = find_neighbours(query, self.data, k=k, metric=self.graph.metric)
        return indices, distances.astype(np.float64)


class UmapIndex(NNDescent):  # type: ignore[misc]
    """Index of umap-learn, which insists on this class, that only answers queries.

    Parameters
    ----------
    vectors
        The fitted rows.
    metric
        Distance of the graph.
    """

    def __init__(self, vectors: NDArray[np.float32], metric: Metric) -> None:
        # The base class would build its own graph here.
        self.vectors = vectors
        self.graph_metric = metric
        self._angular_trees = metric == "cosine"

    def query(self, query_data: NDArray[Any], k: int = 10, epsilon: float = 0.1) -> Any:  # noqa: ARG002 -- exact
        """Neighbours of new rows among the fitted ones."""
        return find_neighbours(query_data, self.vectors, k=k, metric=self.graph_metric)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
