"""New points on a map that is there already: the old points stay, and a place is a function of the vector alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from lse.analysis.umap.curve import curve_of, forces_of, look_up
from lse.analysis.umap.memberships import memberships

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.umap.drawing import UmapOptions

__all__ = ["place"]

_EPOCHS = 60
_FIRST_STEP = np.float32(0.25)


def place(
    indices: NDArray[np.int32],
    distances: NDArray[np.float32],
    coordinates: NDArray[np.float32],
    options: UmapOptions,
    *,
    mean_distance: float,
) -> NDArray[np.float32]:
    """Place new points among the points of a map.

    A point starts at the mean of its neighbours' places, weighted by their memberships, and then follows the forces of
    the map: of all its neighbours in every epoch, and of random others, which are the same for every new point.

    Parameters
    ----------
    indices, distances
        The nearest points of the map to every new one, shape (m, k), nearest first.
    coordinates
        Places of the points of the map, shape (n, c), float32.
    options
        How the map was drawn.
    mean_distance
        Mean distance between neighbours when the map was drawn.

    Returns
    -------
    places
        Shape (m, c), float32.  The row of a point depends on its own row of the arguments only, bit by bit.
    """
    forces = forces_of(curve_of(options.spread, options.min_dist), options.repulsion_strength)
    drawn = np.random.default_rng(options.seed).integers(
        len(coordinates), size=(_EPOCHS, options.negative_sample_rate), dtype=np.int64
    )
    weights = memberships(distances, mean_distance)
    shares = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray(_settle(indices, shares, coordinates, forces.attraction, forces.repulsion, drawn))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _settle(
    indices: NDArray[np.int32],
    shares: NDArray[np.float32],
    coordinates: NDArray[np.float32],
    attraction: NDArray[np.float32],
    repulsion: NDArray[np.float32],
    drawn: NDArray[np.int64],
) -> NDArray[np.float32]:
    points, k = indices.shape
    axes = coordinates.shape[1]
    epochs, negatives = drawn.shape
    places = np.zeros((points, axes), np.float32)
    force = np.empty(axes, np.float32)
    apart = np.empty(axes, np.float32)
    for point in range(points):
        own = places[point]
        for neighbour in range(k):
            for axis in range(axes):
                own[axis] += shares[point, neighbour] * coordinates[indices[point, neighbour], axis]
        for epoch in range(epochs):
            force[:] = 0
            for other in range(k + negatives):
                row = indices[point, other] if other < k else drawn[epoch, other - k]
                square = np.float32(0)
                for axis in range(axes):
                    apart[axis] = own[axis] - coordinates[row, axis]
                    square += apart[axis] * apart[axis]
                attracts = other < k
                factor = look_up(attraction, square) * shares[point, other] if attracts else look_up(repulsion, square)
                for axis in range(axes):
                    force[axis] += min(max(factor * apart[axis], np.float32(-4)), np.float32(4))
            step = _FIRST_STEP * np.float32(1 - epoch / epochs)
            for axis in range(axes):
                own[axis] += step * force[axis]
    return places
