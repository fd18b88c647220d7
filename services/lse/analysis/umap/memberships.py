"""Fuzzy memberships of neighbours: how much each neighbour of a point belongs to its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["fuzzy_graph", "joined_with_classes", "mean_distance", "memberships"]

# Distance between a known class and an unknown one, and between two classes at a weight of 0.
_UNKNOWN_APART = 1.0
_CLASSES_APART = 2.5
_STEPS = 64
_TOLERANCE = 1e-5
# A scale below this share of the mean distance would follow rounding errors.
_LEAST_SCALE = 1e-3


def mean_distance(distances: NDArray[np.float32]) -> float:
    """Mean distance to a neighbour, the point itself counted as one: the scale below which differences are noise."""
    rows, k = distances.shape
    return float(distances.sum(dtype=np.float64) / (rows * (k + 1)))


@numba.njit(cache=True, nogil=True)
def memberships(distances: NDArray[np.float32], mean: float) -> NDArray[np.float32]:
    """Membership of each neighbour: 1 up to the nearest, then falling with a scale of the point's own.

    The scale is such that the memberships sum to ``log2(k + 1)`` (McInnes, Healy and Melville 2018, algorithm 3).

    Parameters
    ----------
    distances
        To the k neighbours of each point, itself left out, nearest first, shape (n, k), float32.
    mean
        Mean distance of the fitted points.

    Returns
    -------
    memberships
        Shape (n, k), float32, from 0 to 1.
    """
    rows, k = distances.shape
    found = np.empty((rows, k), np.float32)
    wanted = np.log2(k + 1.0)
    for row in range(rows):
        nearest = 0.0
        total = 0.0
        for place in range(k):
            total += distances[row, place]
            if nearest == 0.0:
                nearest = distances[row, place]
        low, high, scale = 0.0, np.inf, 1.0
        for _ in range(_STEPS):
            summed = 0.0
            for place in range(k):
                beyond = distances[row, place] - nearest
                summed += np.exp(-beyond / scale) if beyond > 0 else 1.0
            if abs(summed - wanted) < _TOLERANCE:
                break
            if summed > wanted:
                high = scale
            else:
                low = scale
            scale = (low + high) / 2 if high < np.inf else scale * 2
        scale = max(scale, _LEAST_SCALE * (total / (k + 1) if nearest > 0 else mean))
        for place in range(k):
            beyond = distances[row, place] - nearest
            found[row, place] = np.exp(-beyond / scale) if beyond > 0 and scale > 0 else 1.0
    return found


def fuzzy_graph(graph: NeighbourGraph) -> csr_matrix:
    """Memberships of neighbours either way, joined as fuzzy sets: ``p + q - p q``.

    Returns
    -------
    fuzzy
        Symmetric, shape (n, n), float32, columns of a row in order, no zeros.
    """
    from scipy.sparse import csr_matrix

    values = memberships(graph.distances, mean_distance(graph.distances))
    firsts = np.arange(0, graph.indices.size + 1, graph.k, dtype=np.int64)
    one_way = csr_matrix((values.ravel(), graph.indices.ravel(), firsts), shape=(graph.rows, graph.rows))
    other_way = one_way.T.tocsr()
    fuzzy = (one_way + other_way - one_way.multiply(other_way)).tocsr()
    fuzzy.eliminate_zeros()
    fuzzy.sort_indices()
    return fuzzy


def joined_with_classes(fuzzy: csr_matrix, classes: NDArray[np.integer], target_weight: float) -> csr_matrix:
    """Memberships that also know the classes of points: weaker between two classes, and where one is unknown.

    The intersection of fuzzy sets of McInnes, Healy and Melville (2018, section 4), after which every point again has
    a neighbour that belongs fully.

    Parameters
    ----------
    fuzzy
        Memberships, shape (n, n), symmetric.
    classes
        Class of each point, shape (n,), -1 where it is unknown.
    target_weight
        From 0 to 1: how much classes count.  At 1 points of two classes are no neighbours.
    """
    from scipy.sparse import diags

    rows = np.repeat(np.arange(fuzzy.shape[0]), np.diff(fuzzy.indptr))
    own, other = classes[rows], classes[fuzzy.indices]
    apart = np.exp(-_CLASSES_APART / (1 - target_weight)) if target_weight < 1 else 0.0
    unknown = (own < 0) | (other < 0)
    factors = np.where(unknown, np.exp(-_UNKNOWN_APART), np.where(own != other, apart, 1.0))
    joined = fuzzy.copy()
    joined.data = (joined.data * factors).astype(np.float32)
    joined.eliminate_zeros()
    largest = joined.max(axis=1).toarray().ravel()
    one_way = (diags(1 / np.where(largest > 0, largest, 1.0)) @ joined).tocsr().astype(np.float32)
    other_way = one_way.T.tocsr()
    joined = (one_way + other_way - one_way.multiply(other_way)).tocsr()
    joined.eliminate_zeros()
    joined.sort_indices()
    return joined
