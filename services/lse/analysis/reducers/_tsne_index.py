"""How openTSNE asks for neighbours, answered from a neighbour graph that is there already.

The library asks an index for the neighbours of the fitted rows and of new ones.  This index answers from the graph and
searches new rows exactly, so that the library builds none of its own.  Imports it: only t-SNE imports this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from openTSNE.nearest_neighbors import KNNIndex

from lse.analysis.neighbours import NeighbourGraph, find_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["OpenTsneIndex"]


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
