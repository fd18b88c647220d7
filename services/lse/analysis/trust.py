"""Where a map cannot be trusted: false and missed neighbours of each point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["TRUST_COLUMNS", "MapTrust", "measure_trust"]

TRUST_COLUMNS = {
    "false_neighbours": "Share of the nearest images on the map that are not near in latent space, 0 to 1.",
    "missed_neighbours": "Share of the nearest images in latent space that are not near on the map, 0 to 1.",
}
_NEAREST = 15
_BLOCK_ROWS = 8192


@dataclass(frozen=True)
class MapTrust:
    """False and missed neighbours of each point.

    Attributes
    ----------
    false_neighbours
        Share of the `nearest` points on the map that are not among the `near` ones in latent space, shape (n,),
        float32.
    missed_neighbours
        Share of the `nearest` points in latent space that are not among the `near` ones on the map.
    nearest, near
        How many neighbours are looked at, and among how many they are looked for; `near` is larger, so that a
        neighbour is false or missed only where it is far.
    """

    false_neighbours: NDArray[np.float32]
    missed_neighbours: NDArray[np.float32]
    nearest: int
    near: int

    def figures(self) -> dict[str, float]:
        """Means over all points."""
        return {name: float(getattr(self, name).mean(dtype=np.float64)) for name in TRUST_COLUMNS}


def measure_trust(
    coordinates: NDArray[np.float32], graph: NeighbourGraph, *, monitor: Monitor | None = None
) -> MapTrust | None:
    """Compare the neighbours of every point on a map with those in latent space.

    Parameters
    ----------
    coordinates
        Shape (n, 2) or (n, 3), finite.
    graph
        Neighbours in latent space: its own number of them is what counts as near, or a third of few points.
    monitor
        Progress in rows, and cancellation.

    Returns
    -------
    trust
        None of graphs with fewer than 4 neighbours, or of fewer than 12 points.
    """
    from scipy.spatial import KDTree

    rows = graph.rows
    # Of few points a third is near, of which more would be all of them.
    near = min(graph.k, rows // 3)
    nearest = min(_NEAREST, near // 2)
    if nearest < 2:
        return None
    tree = KDTree(coordinates)
    false, missed = np.empty(rows, np.float32), np.empty(rows, np.float32)
    for start in range(0, rows, _BLOCK_ROWS):
        if monitor is not None:
            monitor.report("measuring", start, rows, unit="rows")
        here = np.arange(start, min(start + _BLOCK_ROWS, rows))
        # One more, since a point is its own neighbour; among equal places it may come anywhere, or not at all.
        found = tree.query(coordinates[here], k=near + 1, workers=-1)[1]
        order = np.argsort(found == here[:, None], axis=1, kind="stable")[:, :near]
        on_map, latent = np.take_along_axis(found, order, axis=1), graph.indices[here, :near]
        false[here] = _absent(on_map[:, :nearest], latent)
        missed[here] = _absent(latent[:, :nearest], on_map)
    return MapTrust(false, missed, nearest, near)


def _absent(neighbours: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of each row's neighbours that are not among the others."""
    return np.asarray(1 - (neighbours[:, :, None] == others[:, None, :]).any(axis=2).mean(axis=1))
