"""The optimiser of a map: stochastic gradient descent that gives the same bits on any number of threads.

umap-learn moves both ends of a sampled edge at once, so that two threads race for the same points.  Here a point is
moved only by its own edges, each with twice the pull, which is the same on average since every edge lies in the graph
in both directions.  Points are passed in blocks of a fixed, random order: those of earlier blocks are seen where they
have just moved, those of the own block and of later ones where they were.  Random numbers are a function of seed,
epoch and point.  So every point of a block can be moved at the same time, and nothing depends on who moves it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from lse.analysis.umap.curve import Forces, look_up
from lse.hardware import usable_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.umap.density import Density
    from lse.analysis.umap.edges import Edges

__all__ = ["FIRST_STEP", "optimise"]

_BLOCKS = 4
# Half of that of umap-learn, as a pull is twice as strong: at 1 sheets tear more often.
FIRST_STEP = 0.5
# Below, threads cost more than they save.
_THREADED_ROWS = 5_000
_MIX = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1


def optimise(
    positions: NDArray[np.float32],
    edges: Edges,
    forces: Forces,
    *,
    n_epochs: int,
    negative_sample_rate: int,
    seed: int,
    on_epoch: Callable[[int], None],
    threads: int | None = None,
    density: Density | None = None,
    first_step: float = FIRST_STEP,
) -> NDArray[np.float32]:
    """Move points along their edges and away from random others.

    Parameters
    ----------
    positions
        Where points start, shape (n, c), float32; the points in random order.
    edges
        Edges of the points.
    forces
        Attraction along an edge and repulsion from a random point.
    n_epochs
        Epochs, during which steps shrink linearly to 0.
    negative_sample_rate
        Random points for each passage of an edge.
    seed
        Seed of these.
    on_epoch
        Called with the number of finished epochs before each; may raise to stop.
    threads
        Default: all usable cores for many points, one for few.
    density
        Local radii that the map is to have as well.
    first_step
        Step of the first epoch.

    Returns
    -------
    positions
        Where they end, shape (n, c), float32.
    """
    rows = len(positions)
    threads = threads or (usable_cores() if rows >= _THREADED_ROWS else 1)
    none = np.zeros((1, 2), np.float32), np.float32(0)
    b = np.float32(density.curve.b if density else 0)
    before, after = positions.copy(), positions.copy()
    bounds = [rows * block // _BLOCKS for block in range(_BLOCKS + 1)]
    shares = np.arange(threads + 1)
    with ThreadPoolExecutor(threads) as pool:
        for epoch in range(n_epochs):
            on_epoch(epoch)
            step = np.float32(first_step * (1 - epoch / n_epochs))
            key = np.uint64((seed + 1) * _MIX + epoch * _MIX * _MIX & _WORD)
            dense = density is not None and density.counts(epoch, n_epochs)
            pressures = density.pressures(before, edges, forces) if density is not None and dense else none
            sweep = _sweep(positions.shape[1], dense=dense)
            for low, high in pairwise(bounds):
                cuts = (low + (high - low) * shares // threads).tolist()
                parts = pairwise(cuts)

                def move(
                    part: tuple[int, int],
                    block: Any = (before, after, low, epoch, step, key, *pressures),
                    compiled: Any = sweep,
                ) -> None:
                    old, new, first_of_block, number, size, random, pressure, scale = block
                    compiled(
                        *(old, new, first_of_block, *part),
                        *(edges.firsts, edges.others, edges.rates, edges.phases),
                        *(forces.attraction, forces.repulsion, negative_sample_rate, number, size, random),
                        *(pressure, scale, b),
                    )

                if threads == 1:
                    move((low, high))
                else:
                    list(pool.map(move, parts))
            before, after = after, before
    return before


@numba.njit(inline="always")
def _clipped(value: np.float32) -> np.float32:
    return min(max(value, np.float32(-4)), np.float32(4))


@numba.njit(inline="always")
def _generator(point: int, key: np.uint64) -> np.uint64:
    """State of a generator for a point and an epoch, by the finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    state = np.uint64(point) * np.uint64(0x9E3779B97F4A7C15) ^ key
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    return state ^ (state >> np.uint64(27))


@numba.njit(inline="always")
def _square(
    own: NDArray[np.float32], seen: NDArray[np.float32], row: Any, apart: NDArray[np.float32], n_components: int
) -> np.float32:
    """Squared distance to a row, whose difference is left in `apart`."""
    square = np.float32(0)
    for axis in range(n_components):
        apart[axis] = own[axis] - seen[row, axis]
        square += apart[axis] * apart[axis]
    return square


@numba.njit(inline="always")
def _denser(
    own: NDArray[np.float32], other: NDArray[np.float32], pull: np.float32, square: np.float32, b: np.float32
) -> Any:
    """Gradient of the correlation of the radii for an edge, but for a factor: `density.Density.pressures`."""
    slope = np.float32(-0.5) * pull
    membership = np.float32(1) - slope * square / b
    level = np.float32(1) - b * (np.float32(1) - membership)
    return np.float32(2) * membership * ((own[1] + other[1]) * level + (own[0] + other[0]) * slope)


@cache
def _sweep(n_components: int, *, dense: bool) -> Any:
    """Compiled move of some points in one epoch; the compiler knows the dimensions, and whether density counts."""

    @numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
    def sweep(
        before: NDArray[np.float32],
        after: NDArray[np.float32],
        block: int,
        first: int,
        last: int,
        firsts: NDArray[np.int64],
        others: NDArray[np.int32],
        rates: NDArray[np.float32],
        phases: NDArray[np.float32],
        attraction: NDArray[np.float32],
        repulsion: NDArray[np.float32],
        negatives: int,
        epoch: int,
        step: np.float32,
        key: np.uint64,
        pressure: NDArray[np.float32],
        scale: np.float32,
        b: np.float32,
    ) -> None:
        rows = np.uint64(before.shape[0])
        moment = np.float32(epoch)
        own = np.empty(n_components, np.float32)
        apart = np.empty(n_components, np.float32)
        push = np.empty(n_components, np.float32)
        for point in range(first, last):
            for axis in range(n_components):
                own[axis] = before[point, axis]
            state = _generator(point, key)
            for edge in range(firsts[point], firsts[point + 1]):
                passages = moment * rates[edge] + phases[edge]
                if np.int32(passages + rates[edge]) == np.int32(passages):
                    continue
                other = others[edge]
                seen = after if other < block else before
                square = _square(own, seen, other, apart, n_components)
                force = look_up(attraction, square)
                denser = np.float32(0)
                if dense:
                    denser = scale / rates[edge] * _denser(pressure[point], pressure[other], force, square, b)
                for axis in range(n_components):
                    own[axis] += np.float32(2) * step * (_clipped(force * apart[axis]) + _clipped(denser * apart[axis]))
                    push[axis] = np.float32(0)
                for _ in range(negatives):
                    # Knuth's 64-bit linear congruential generator, of which the upper half is used.
                    state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                    drawn = np.int64(((state >> np.uint64(32)) * rows) >> np.uint64(32))
                    seen = after if drawn < block else before
                    force = look_up(repulsion, _square(own, seen, drawn, apart, n_components))
                    for axis in range(n_components):
                        push[axis] += _clipped(force * apart[axis])
                for axis in range(n_components):
                    own[axis] += step * push[axis]
            for axis in range(n_components):
                after[point, axis] = own[axis]

    return sweep
