"""How well clusters of any shape are separated by sparser regions."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["density_validity"]


def density_validity(
    points: NDArray[np.float64], labels: NDArray[np.integer], *, dimension: int | None = None
) -> float:
    """Density-based cluster validation, DBCV (Moulavi, Jaskowiak, Campello, Zimek and Sander 2014, SDM, 839).

    A cluster is as sparse as the longest inner edge of its spanning tree of mutual reachability distances; it is
    separated from another one by the shortest such distance between inner points of the two. Many of these distances
    are equal, and which of several spanning trees is taken changes the index; here each point hangs from the nearest of
    those that it reaches equally well, so that the order of points does not matter.

    Parameters
    ----------
    points
        Shape (n, D), finite; distances are Euclidean.
    labels
        Shape (n,), -1 for noise; at least two clusters of two points or more.
    dimension
        Columns that count for densities, D where not given.

    Returns
    -------
    index
        From -1 to 1, higher is better: the mean over clusters of how much wider the gap to the nearest cluster is than
        gaps within, weighted by size. Noise, and clusters of a single point, which have no density, count as 0.

    Examples
    --------
    >>> import numpy as np
    >>> line = np.linspace(0, 1, 20)
    >>> points = np.concatenate([np.stack([line, 0 * line], 1), np.stack([line, 0 * line + 5], 1)])
    >>> density_validity(points, np.repeat([0, 1], 20)) > 0.9
    True
    """
    # In an order of their own, which decides where distances are equal, too.
    order = np.lexsort(points.T)
    points, labels = points[order], labels[order]
    clusters = [members for label in np.unique(labels[labels >= 0]) if len(members := points[labels == label]) > 1]
    found = [_inside(members, dimension or points.shape[1]) for members in clusters]
    gaps = np.full(len(clusters), np.inf)
    for one, other in combinations(range(len(clusters)), 2):
        apart = _gap(found[one], found[other])
        gaps[[one, other]] = np.minimum(gaps[[one, other]], apart)
    sparse = np.array([within.sparseness for within in found])
    widest = np.maximum(gaps, sparse)
    # Equal points in both clusters: nothing lies between them.
    validities = np.divide(gaps - sparse, widest, out=np.zeros(len(gaps)), where=widest > 0)
    return float(np.array([len(members) for members in clusters]) @ validities / len(labels))


class _Inside(NamedTuple):
    """A cluster's inner points with their core distances, and its longest inner edge."""

    points: Any
    cores: Any
    sparseness: float


def _inside(points: NDArray[np.float64], dimension: int) -> _Inside:
    from scipy.spatial.distance import cdist

    apart = cdist(points, points)
    cores = _core_distances(apart, dimension)
    reach = _reach(apart, cores, cores)
    ends = _spanning_tree(reach, apart)
    lengths = reach[ends[:, 0], ends[:, 1]]
    inner = np.bincount(ends.ravel(), minlength=len(points)) > 1
    between = inner[ends].all(axis=1)
    # A tree of two or three points, or a star, has no edge between inner points.
    longest = lengths[between] if between.any() else lengths
    kept = inner if inner.any() else np.ones(len(points), bool)
    return _Inside(points[kept], cores[kept], float(longest.max()))


def _core_distances(apart: NDArray[np.float64], dimension: int) -> NDArray[np.float64]:
    """Core distance of each point to all others of its cluster: their mean density, as a distance."""
    from scipy.special import logsumexp

    with np.errstate(divide="ignore"):
        inverse = -dimension * np.log(apart)  # powers of many dimensions are beyond floating point
    np.fill_diagonal(inverse, -np.inf)
    mean = logsumexp(inverse, axis=1) - np.log(len(apart) - 1)
    return np.asarray(np.exp(-mean / dimension))


def _spanning_tree(lengths: NDArray[np.float64], apart: NDArray[np.float64]) -> NDArray[np.intp]:
    """Edges of the minimum spanning tree of a full table, shape (n - 1, 2), by Prim's algorithm.

    Of equally long ones the edge of the points that are less far apart is taken.
    """
    length, distance, source = lengths[0].copy(), apart[0].copy(), np.zeros(len(lengths), np.intp)
    outside = np.ones(len(lengths), bool)
    outside[0] = False
    ends = np.empty((len(lengths) - 1, 2), np.intp)
    for number in range(len(ends)):
        rows = np.flatnonzero(outside)
        shortest = rows[length[rows] == length[rows].min()]
        new = shortest[np.argmin(distance[shortest])]
        ends[number] = source[new], new
        outside[new] = False
        nearer = (lengths[new] < length) | ((lengths[new] == length) & (apart[new] < distance))
        nearer &= outside
        length[nearer], distance[nearer], source[nearer] = lengths[new][nearer], apart[new][nearer], new
    return ends


def _gap(one: _Inside, other: _Inside) -> float:
    from scipy.spatial.distance import cdist

    return float(_reach(cdist(one.points, other.points), one.cores, other.cores).min())


def _reach(apart: NDArray[np.float64], cores: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mutual reachability distances from distances and the core distances of rows and columns."""
    return np.maximum(np.maximum(apart, others), cores[:, None])
