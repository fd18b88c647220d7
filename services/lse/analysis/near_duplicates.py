"""Images that are nearly the same, by the graph of the nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["NearDuplicates", "find_near_duplicates", "usual_threshold"]

# Of the distance of usual nearest neighbours.  Of points spread evenly in d dimensions, a share of 2**-(s**(d/2)) has
# no neighbour within s times the median of 1 - cos: at a tenth and d = 10, one point in 144,000 has one by chance.
_SHARE = 0.1
# Below this, 1 - cos of vectors of 32 bits is rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class NearDuplicates:
    """Images that have a near duplicate, group by group.

    Attributes
    ----------
    groups
        Group of each, int64 (n,), ascending from 0, the largest first: images linked by pairs of near duplicates.
    rows
        Their rows, int64 (n,), ascending in a group.
    others
        Row of the most similar image, in the same group, int64 (n,).
    similarities
        Cosine similarity with it, float64 (n,).
    min_similarity
        Cosine similarity from which two images count as nearly the same.
    """

    groups: NDArray[np.int64]
    rows: NDArray[np.int64]
    others: NDArray[np.int64]
    similarities: NDArray[np.float64]
    min_similarity: float


def usual_threshold(graph: NeighbourGraph) -> float:
    """Cosine similarity from which two images count as nearly the same where nobody chose one.

    Their distance ``1 - cos`` is a tenth of the median of the nearest neighbours'.
    """
    return 1 - max(_SHARE * float(np.median(graph.distances[:, 0])), _ROUNDING)


def find_near_duplicates(graph: NeighbourGraph, min_similarity: float | None = None) -> NearDuplicates:
    """Groups of images that are linked by pairs with a similarity.

    Parameters
    ----------
    graph
        Graph of the nearest neighbours by cosine.
    min_similarity
        Cosine similarity of a pair; `usual_threshold` where not given.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    threshold = usual_threshold(graph) if min_similarity is None else min_similarity
    # Distances are of 32 bits: those that differ from the limit by rounding alone are not beyond it.
    near = graph.distances <= np.float32(1 - threshold) + np.float32(_ROUNDING) * np.float32(0.1)
    sources, places = np.nonzero(near)
    targets = graph.indices[sources, places].astype(np.int64)
    links = coo_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(graph.rows, graph.rows))
    _, component = connected_components(links, directed=False)
    # One image may be among the neighbours of another and not the other way round: both have the pair.
    ends, others = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    distances = np.tile(graph.distances[sources, places].astype(np.float64), 2)
    order = np.lexsort((others, distances, ends))
    rows, first = np.unique(ends[order], return_index=True)
    best = order[first]
    _, group, sizes = np.unique(component[rows], return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    shown = np.lexsort((rows, rank[group]))
    return NearDuplicates(
        rank[group][shown], rows[shown], others[best][shown], 1 - distances[best][shown], float(threshold)
    )
