"""A map from a neighbour graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.umap.curve import curve_of, forces_of
from lse.analysis.umap.density import Density, latent_radii, map_radii
from lse.analysis.umap.edges import edges_of
from lse.analysis.umap.layout import FIRST_STEP, optimise
from lse.analysis.umap.memberships import fuzzy_graph, joined_with_classes
from lse.analysis.umap.start import Start, start_at, start_positions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph
    from lse.progress import Monitor

__all__ = ["UmapOptions", "default_epochs", "draw_map"]

# Large steps would forget where points start; measured on digits, neighbours kept are the same down from 0.2.
_STEP_FROM_EARLIER = 0.05


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
    dens_lambda, dens_frac, dens_var_shift
        Weight of the density, the last share of the epochs in which it counts, and what is added to the variance of
        the radii; a weight of 0 leaves density alone.
    target_weight
        How much the classes of points count, where they are given, from 0 to 1.
    """

    n_components: int = 2
    n_epochs: int = 200
    start: Start = "spectral"
    min_dist: float = 0.1
    spread: float = 1.0
    repulsion_strength: float = 1.0
    negative_sample_rate: int = 5
    seed: int = 0
    dens_lambda: float = 0.0
    dens_frac: float = 0.3
    dens_var_shift: float = 0.1
    target_weight: float = 0.5


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
    classes: NDArray[np.integer] | None = None,
    earlier: NDArray[np.float64] | None = None,
    on_density: Callable[[float], None] | None = None,
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
    classes
        Class of each point, shape (n,), -1 where it is unknown: points of a class are drawn together.
    earlier
        Places to start from, shape (n, n_components), instead of what the options say.
    on_density
        Called at the end, where density counts, with the correlation of the logarithms of the local radii in latent
        space and in the map.

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
    if classes is not None:
        fuzzy = joined_with_classes(fuzzy, classes, options.target_weight)
    if earlier is None:
        start = start_positions(fuzzy, vectors, options.start, n_components=options.n_components, seed=options.seed)
    else:
        start = start_at(earlier, seed=options.seed)
    order = np.random.default_rng(options.seed).permutation(graph.rows)
    curve = curve_of(options.spread, options.min_dist)
    forces = forces_of(curve, options.repulsion_strength)
    edges = edges_of(fuzzy[order][:, order].tocsr(), options.n_epochs, seed=options.seed)
    density = None
    if options.dens_lambda > 0:
        radii = latent_radii(graph, fuzzy, options.n_epochs)[order]
        density = Density(radii, curve, options.dens_lambda, options.dens_frac, options.dens_var_shift)
    placed = optimise(
        start[order],
        edges,
        forces,
        n_epochs=options.n_epochs,
        negative_sample_rate=options.negative_sample_rate,
        seed=options.seed,
        on_epoch=lambda done: monitor.report(stage, done, options.n_epochs, unit="epochs"),
        threads=threads,
        density=density,
        first_step=FIRST_STEP if earlier is None else _STEP_FROM_EARLIER,
    )
    if density is not None and on_density is not None:
        on_density(float(np.corrcoef(density.radii, map_radii(placed, edges, curve, forces)[0])[0, 1]))
    monitor.report(stage, options.n_epochs, options.n_epochs, unit="epochs")
    coordinates = np.empty_like(placed)
    coordinates[order] = placed
    return coordinates
