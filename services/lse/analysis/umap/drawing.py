"""A map from a neighbour graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.umap.curve import curve_of, forces_of
from lse.analysis.umap.layout import edges_of, optimise
from lse.analysis.umap.memberships import fuzzy_graph
from lse.analysis.umap.start import Start, start_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph
    from lse.progress import Monitor

__all__ = ["UmapOptions", "default_epochs", "draw_map"]


@dataclass(frozen=True)
class UmapOptions:
    """How a map is drawn, by the names of umap-learn.

    Attributes
    ----------
    n_components
        Dimensions of the map.
    n_epochs
        Training epochs.
    start
        Where points start.
    min_dist, spread
        Shape of the memberships in the map.
    repulsion_strength, negative_sample_rate
        Weight and number of random other points.
    seed
        Seed of everything random.
    """

    n_components: int = 2
    n_epochs: int = 200
    start: Start = "spectral"
    min_dist: float = 0.1
    spread: float = 1.0
    repulsion_strength: float = 1.0
    negative_sample_rate: int = 5
    seed: int = 0


def default_epochs(rows: int) -> int:
    """Training epochs for a number of points: 500 up to 10,000, as in umap-learn, and 300 above, where it has 200."""
    return 500 if rows <= 10_000 else 300


def draw_map(
    graph: NeighbourGraph,
    vectors: NDArray[np.float32],
    options: UmapOptions,
    *,
    monitor: Monitor,
    stage: str,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Draw the map of a neighbour graph.

    Parameters
    ----------
    graph
        The k nearest other points of every point; umap-learn's ``n_neighbors`` is k + 1.
    vectors
        The points, shape (n, D), for the start.
    options
        How.
    monitor, stage
        Progress in epochs under the name of the stage, and cancellation at each.
    threads
        Default: all usable cores for many points, one for few.  They change nothing but the time.

    Returns
    -------
    coordinates
        Shape (n, n_components), float32.

    Raises
    ------
    CancelledError
        The monitor said so.
    """
    fuzzy = fuzzy_graph(graph)
    start = start_positions(fuzzy, vectors, options.start, n_components=options.n_components, seed=options.seed)
    order = np.random.default_rng(options.seed).permutation(graph.rows)
    placed = optimise(
        start[order],
        edges_of(fuzzy[order][:, order].tocsr(), options.n_epochs, seed=options.seed),
        forces_of(curve_of(options.spread, options.min_dist), options.repulsion_strength),
        n_epochs=options.n_epochs,
        negative_sample_rate=options.negative_sample_rate,
        seed=options.seed,
        on_epoch=lambda done: monitor.report(stage, done, options.n_epochs, unit="epochs"),
        threads=threads,
    )
    monitor.report(stage, options.n_epochs, options.n_epochs, unit="epochs")
    coordinates = np.empty_like(placed)
    coordinates[order] = placed
    return coordinates
