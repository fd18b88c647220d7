"""Where points of a map start: by the spectrum of their graph, by principal components, or at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from lse.analysis.principal import principal_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

__all__ = ["SPECTRAL_ROWS", "Start", "spectral_by_parts", "start_at", "start_positions"]

Start = Literal["spectral", "pca", "random"]

# The spectral start needs more rows than eigenvectors with room to spare.
SPECTRAL_ROWS = 32
_EXTENT = 10.0
_NOISE = 1e-3
_TOLERANCE = 1e-4


def start_positions(
    fuzzy: csr_matrix, vectors: NDArray[np.float32], start: Start, *, n_components: int, seed: int
) -> NDArray[np.float32]:
    """Positions to start from, within a box of 10, with a little noise so that equal points part.

    Parameters
    ----------
    fuzzy
        Graph of memberships, shape (n, n).
    vectors
        Shape (n, D).
    start
        ``spectral``: by the eigenvectors of the graph's Laplacian, each connected part about its place among the
        principal components; ``pca``; ``random``.
    n_components
        Columns of the positions.
    seed
        Seed of the noise and of the random start.

    Returns
    -------
    positions
        Shape (n, n_components), float32; the same for any number of threads.
    """
    random = np.random.default_rng(seed)
    rows = len(vectors)
    if start == "random":
        return random.uniform(0, _EXTENT, size=(rows, n_components)).astype(np.float32)
    with threadpool_limits(1):
        positions = _principal(vectors, n_components)
        if start == "spectral":
            positions = spectral_by_parts(fuzzy, positions)
    positions = positions + random.normal(scale=_NOISE, size=positions.shape)
    return np.asarray(_EXTENT * _unit_box(positions), dtype=np.float32)


def start_at(earlier: NDArray[np.float64], *, seed: int) -> NDArray[np.float32]:
    """Positions of an earlier map in the box, in its own proportions, with the same noise."""
    lowest = earlier.min(axis=0)
    positions = _EXTENT * (earlier - lowest) / max(float(np.ptp(earlier, axis=0).max()), 1e-300)
    positions += np.random.default_rng(seed).normal(scale=_NOISE, size=positions.shape)
    return np.asarray(positions, np.float32)


def _principal(vectors: NDArray[np.float32], n_components: int) -> NDArray[np.float64]:
    axes = principal_axes(vectors, n_components)
    return _EXTENT * _unit_box(axes.transform(vectors))


def _unit_box(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    widths = np.ptp(positions, axis=0)
    return np.asarray((positions - positions.min(axis=0)) / np.where(widths > 0, widths, 1.0))


def spectral_by_parts(fuzzy: csr_matrix, principal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spectral positions of each connected part of the graph, about the middle of its principal components."""
    from scipy.sparse.csgraph import connected_components

    parts, part_of = connected_components(fuzzy, directed=False)
    if parts == 1:
        return _spectral(fuzzy, principal.shape[1])
    positions = principal.copy()
    order = np.argsort(part_of, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(part_of))[:-1])
    middles = np.stack([principal[rows].mean(axis=0) for rows in members])
    for part, rows in enumerate(members):
        if len(rows) >= SPECTRAL_ROWS:
            own = _spectral(fuzzy[rows][:, rows].tocsr(), principal.shape[1])
            positions[rows] = middles[part] + own * _reach(middles, part)
    return positions


def _reach(middles: NDArray[np.float64], part: int) -> float:
    """Half the distance from the middle of a part to the nearest other one."""
    apart = np.linalg.norm(middles - middles[part], axis=1)
    others = apart[apart > 0]
    return float(others.min() / 2) if len(others) else 1.0


def _spectral(fuzzy: csr_matrix, n_components: int) -> NDArray[np.float64]:
    """Leading eigenvectors of the normalised graph without the trivial one, each within -1 and 1.

    The Laplacian eigenmaps of Belkin and Niyogi (2003).
    """
    from scipy.sparse import diags
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    degrees = np.asarray(fuzzy.sum(axis=1), dtype=np.float64).ravel()
    scale = diags(1 / np.sqrt(degrees))
    normalised: Any = (scale @ fuzzy @ scale).tocsr()
    wanted = n_components + 1
    try:
        values, found = eigsh(
            normalised,
            k=wanted,
            which="LA",
            tol=_TOLERANCE,
            ncv=min(len(degrees), max(2 * wanted + 1, 20)),
            v0=np.random.default_rng(0).normal(size=len(degrees)),
            maxiter=200,
        )
    except ArpackNoConvergence as stopped:
        # A start need not be exact: what has converged is filled up with nothing.
        values, found = stopped.eigenvalues, stopped.eigenvectors
    leading = found[:, np.argsort(-values)][:, 1:]
    positions = np.zeros((len(degrees), n_components))
    positions[:, : leading.shape[1]] = leading
    # Back to the random walk's eigenvectors, which few points of small degree do not dominate.
    largest = np.abs(positions).max(axis=0)
    return np.asarray(positions / np.where(largest > 0, largest, 1.0))
