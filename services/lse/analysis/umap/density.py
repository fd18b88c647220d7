"""densMAP: points that are sparse in latent space are sparse in the map (Narayan, Berger and Cho 2021).

"Assessing single-cell transcriptomic variability through density-preserving data visualization", Nature Biotechnology
39, 765.  The local radius of a point is its mean squared distance from its neighbours, weighted by their memberships.
In the last epochs every passage of an edge also follows the gradient of the correlation between the logarithms of the
radii in latent space and in the map.  All sums are of a point's own edges, in their order, so that a map is the same
bits on any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from lse.analysis.umap.curve import look_up

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from lse.analysis.neighbours import NeighbourGraph
    from lse.analysis.umap.curve import Curve, Forces
    from lse.analysis.umap.edges import Edges

__all__ = ["Density", "latent_radii", "map_radii"]

# Keeps the logarithm of the radius finite between equal points.
_LEAST_RADIUS = 1e-8


def latent_radii(graph: NeighbourGraph, fuzzy: csr_matrix, n_epochs: int) -> NDArray[np.float64]:
    """Logarithm of the local radius of every point in latent space, shape (n,), over the edges that are ever passed."""
    from scipy.sparse import csr_matrix

    firsts = np.arange(0, graph.indices.size + 1, graph.k, dtype=np.int64)
    one_way = csr_matrix(
        (graph.distances.ravel().astype(np.float64), graph.indices.ravel(), firsts), shape=(graph.rows, graph.rows)
    )
    squares = one_way.maximum(one_way.T).power(2)
    passed = fuzzy.astype(np.float64)
    passed.data[passed.data < passed.data.max() / n_epochs] = 0
    summed = np.asarray(passed.multiply(squares).sum(axis=1)).ravel()
    weights = np.asarray(passed.sum(axis=1)).ravel()
    return np.asarray(np.log(_LEAST_RADIUS + summed / np.where(weights > 0, weights, 1.0)))


def map_radii(
    positions: NDArray[np.float32], edges: Edges, curve: Curve, forces: Forces
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logarithm of the local radius of every point in a map, and the sum of its memberships, each of shape (n,)."""
    summed, weights = _sums(positions, edges.firsts, edges.others, forces.attraction, 1 / (2 * curve.b))
    return np.log(_LEAST_RADIUS + summed / np.where(weights > 0, weights, 1.0)), weights


@dataclass(frozen=True)
class Density:
    """What pulls the radii of a map towards those in latent space.

    Attributes
    ----------
    radii
        Logarithms of the radii in latent space, shape (n,).
    curve
        Memberships in the map.
    dens_lambda
        Weight of the correlation.
    dens_frac
        Last share of the epochs, in which it counts.
    dens_var_shift
        Added to the variance of the radii in the map, which keeps the gradient finite.
    """

    radii: NDArray[np.float64]
    curve: Curve
    dens_lambda: float
    dens_frac: float
    dens_var_shift: float

    def counts(self, epoch: int, n_epochs: int) -> bool:
        """Whether the correlation counts in an epoch."""
        return self.dens_lambda > 0 and (epoch + 1) / n_epochs > 1 - self.dens_frac

    def pressures(
        self, positions: NDArray[np.float32], edges: Edges, forces: Forces
    ) -> tuple[NDArray[np.float32], np.float32]:
        """Two factors of every point, shape (n, 2), and one of all, as `layout` uses them for a passage of an edge."""
        spread = self.radii.std()
        wanted = (self.radii - self.radii.mean()) / (spread if spread > 0 else 1.0)
        found, weights = map_radii(positions, edges, self.curve, forces)
        off = found - found.mean()
        variance = np.square(off).mean() + self.dens_var_shift
        # Sums of products, not a dot product, which threads of the linear algebra would sum in another order.
        covariance = (found * wanted).sum() / max(len(found) - 1, 1)
        # Every edge lies in the graph in both directions, and both count.
        of_own = (wanted - covariance * off / variance) / np.maximum(2 * weights, 1e-12)
        factors = np.stack([of_own, of_own / np.exp(found)], axis=1).astype(np.float32)
        scale = self.dens_lambda * float(edges.rates.sum(dtype=np.float64)) / (np.sqrt(variance) * len(found))
        return factors, np.float32(scale)


@numba.njit(cache=True, nogil=True)
def _sums(
    positions: NDArray[np.float32],
    firsts: NDArray[np.int64],
    others: NDArray[np.int32],
    attraction: NDArray[np.float32],
    half_over_b: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, axes = positions.shape
    summed, weights = np.zeros(rows), np.zeros(rows)
    for row in range(rows):
        for edge in range(firsts[row], firsts[row + 1]):
            square = np.float32(0)
            for axis in range(axes):
                apart = positions[row, axis] - positions[others[edge], axis]
                square += apart * apart
            # The attraction is -2ab d^(2b-2) / (1 + a d^2b), from which the membership follows without a power.
            membership = max(1 + look_up(attraction, square) * square * half_over_b, 0.0)
            summed[row] += membership * square
            weights[row] += membership
    return summed, weights
