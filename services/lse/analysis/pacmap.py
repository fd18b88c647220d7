"""PaCMAP: a map by three kinds of pairs, near, mid-near and far (Wang, Huang, Rudin and Shaposhnik 2021, JMLR 22, 201).

Own implementation of the published algorithm.  Pairs are moved one after the other in a fixed order, so that a map is
the same bits on any number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["Pairs", "draw_pacmap", "near_pairs", "sampled_pairs"]

# The sixth neighbour and those before it give a point its scale.
_SCALE = slice(3, 6)
_CANDIDATES = 6
_REPORT_EVERY = 25
_BLOCK_VALUES = 1 << 24
_PHASES = (100, 100)


@dataclass(frozen=True)
class Pairs:
    """Pairs of points, each of shape (n, m), int32: the partners of every point."""

    near: NDArray[np.int32]
    middle: NDArray[np.int32]
    far: NDArray[np.int32]


def near_pairs(graph: NeighbourGraph, count: int) -> NDArray[np.int32]:
    """Nearest neighbours by distances in units of the scales of both points, shape (n, count), int32."""
    distances = graph.distances.astype(np.float64)
    if graph.metric == "cosine":
        # The distance between unit vectors.
        distances = np.sqrt(2 * distances.clip(min=0))
    scales = np.maximum(distances[:, _SCALE].mean(axis=1), 1e-10)
    order = np.argsort(distances**2 / (scales[:, None] * scales[graph.indices]), axis=1, kind="stable")[:, :count]
    return np.asarray(np.take_along_axis(graph.indices, order, axis=1), np.int32)


def sampled_pairs(points: NDArray[np.float32], near: NDArray[np.int32], *, middle: int, far: int, seed: int) -> Pairs:
    """Near pairs with mid-near ones, each the second nearest of six points drawn at random, and far ones.

    Parameters
    ----------
    points
        Shape (n, D), n well above the number of pairs of a point.
    near
        Near pairs.
    middle, far
        Pairs of a point.
    seed
        Seed of all draws.
    """
    random = np.random.default_rng(seed)
    rows, width = points.shape
    middles, fars = np.empty((rows, middle), np.int32), np.empty((rows, far), np.int32)
    step = max(1, _BLOCK_VALUES // (_CANDIDATES * max(middle, 1) * width))
    for start in range(0, rows, step):
        here = np.arange(start, min(start + step, rows))
        drawn = _others(random, here, rows, (middle, _CANDIDATES))
        apart = np.square(points[drawn] - points[here, None, None]).sum(axis=-1)
        second = np.argsort(apart, axis=-1, kind="stable")[..., 1:2]
        middles[here] = np.take_along_axis(drawn, second, axis=-1)[..., 0]
        away = _others(random, here, rows, (far,))
        while (known := (away[:, :, None] == near[here][:, None]).any(axis=-1)).any():
            away[known] = _others(random, here, rows, (far,))[known]
        fars[here] = away
    return Pairs(near, middles, fars)


def _others(
    random: np.random.Generator, here: NDArray[np.intp], rows: int, shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Rows drawn at random for each row, itself left out, shape (m, *shape)."""
    drawn = random.integers(rows - 1, size=(len(here), *shape))
    return np.asarray(drawn + (drawn >= here.reshape(-1, *(1 for _ in shape))))


def draw_pacmap(
    start: NDArray[np.float64], pairs: Pairs, *, n_iter: int, learning_rate: float, monitor: Monitor
) -> NDArray[np.float32]:
    """Move points from their start until the pairs are as near and as far as they should be.

    Parameters
    ----------
    start
        Positions, shape (n, c).
    pairs
        Pairs of every point.
    n_iter
        Iterations after the first two phases of 100 each.
    learning_rate
        Of Adam (Kingma and Ba 2015).
    monitor
        Progress in iterations, and cancellation.
    """
    places = np.array(start, np.float64)
    means, squares = np.zeros_like(places), np.zeros_like(places)
    total = sum(_PHASES) + n_iter
    for step in range(total):
        if step % _REPORT_EVERY == 0:
            monitor.report("arranging", step, total, unit="iterations")
        near, middle = _weights(step)
        gradient = np.zeros_like(places)
        # Derivatives of d / (10 + d), d / (10,000 + d) and 1 / (1 + d), where d is 1 + the squared distance.
        _pull(places, pairs.near, 20 * near, 10.0, gradient)
        if middle:
            _pull(places, pairs.middle, 20_000 * middle, 10_000.0, gradient)
        _pull(places, pairs.far, -2.0, 1.0, gradient)
        means = 0.9 * means + 0.1 * gradient
        squares = 0.999 * squares + 0.001 * gradient**2
        rate = learning_rate * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        places -= rate * means / (np.sqrt(squares) + 1e-7)
    monitor.report("arranging", total, total, unit="iterations")
    return np.asarray(places, np.float32)


def _weights(step: int) -> tuple[float, float]:
    """Weights of near and of mid-near pairs: first the arrangement at large, then ever more the neighbourhoods."""
    first, second = _PHASES
    if step < first:
        return 2.0, 1000 - (1000 - 3) * step / first
    return (3.0, 3.0) if step < first + second else (1.0, 0.0)


@numba.njit(cache=True, nogil=True)
def _pull(
    places: NDArray[np.float64],
    partners: NDArray[np.int32],
    strength: float,
    offset: float,
    gradient: NDArray[np.float64],
) -> None:
    rows, width = places.shape
    for row in range(rows):
        for place in range(partners.shape[1]):
            other = partners[row, place]
            square = 1.0
            for axis in range(width):
                square += (places[row, axis] - places[other, axis]) ** 2
            pull = strength / (offset + square) ** 2
            for axis in range(width):
                moved = pull * (places[row, axis] - places[other, axis])
                gradient[row, axis] += moved
                gradient[other, axis] -= moved
