"""Means of groups and distances to them, in float64 and at a cost that does not grow with the number of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Centres", "find_centres", "point_blocks", "relative_closeness"]

_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True)
class Centres:
    """Groups by their means.

    Attributes
    ----------
    means
        Shape (groups, D), float64.
    sizes
        Points of each group, int64.
    squares
        Squared distance of each point to the mean of its group, shape (n,), float64; 0 for points in none.
    """

    means: NDArray[np.float64]
    sizes: NDArray[np.int64]
    squares: NDArray[np.float64]

    def mean_squares(self, places: NDArray[np.integer]) -> NDArray[np.float64]:
        """Mean squared distance to the mean, by group."""
        inside = places >= 0
        return np.asarray(np.bincount(places[inside], self.squares[inside], minlength=len(self.sizes)) / self.sizes)


def point_blocks(points: NDArray[Any], width: int | None = None) -> Iterator[NDArray[Any]]:
    """Points of shape (n, D), some rows at a time, of which each has `width` values to keep in memory."""
    step = max(1, _BLOCK_VALUES // (width or points.shape[1]))
    return (points[start : start + step] for start in range(0, len(points), step))


def find_centres(blocks: Callable[[], Iterable[NDArray[Any]]], places: NDArray[np.integer], groups: int) -> Centres:
    """Means of groups.

    Parameters
    ----------
    blocks
        Gives all points, shape (n, D), some rows at a time; it is called twice.
    places
        Group of each point, shape (n,): 0 to `groups` - 1, each with a point, or negative for none.
    groups
        Number of groups.
    """
    from scipy.sparse import csr_matrix

    sizes = np.bincount(places[places >= 0], minlength=groups)
    sums: Any = 0
    first = 0
    for block in blocks():
        own = places[first : first + len(block)]
        rows = np.flatnonzero(own >= 0)
        members = csr_matrix((np.ones(len(rows)), (own[rows], rows)), shape=(groups, len(block)))
        sums = sums + members @ block.astype(np.float64)
        first += len(block)
    means = np.asarray(sums / sizes[:, None])
    squares = np.zeros(first)
    first = 0
    for block in blocks():
        own = places[first : first + len(block)]
        apart = np.square(block - means[own]).sum(axis=1)
        squares[first : first + len(block)] = np.where(own >= 0, apart, 0)
        first += len(block)
    return Centres(means, sizes, squares)


def relative_closeness(points: NDArray[np.float32], labels: NDArray[Any]) -> NDArray[np.float32]:
    """Closeness to the own centre: 1 - its distance / the distance to the next centre, for labels 0, 1 and on."""
    groups = int(labels.max()) + 1
    if groups == 1:
        return np.ones(len(points), np.float32)
    centres = find_centres(partial(point_blocks, points), labels, groups)
    middle = points.mean(axis=0, dtype=np.float64)
    means = centres.means - middle
    halves = np.square(means).sum(axis=1) / 2
    nearest: list[NDArray[np.float64]] = []
    first = 0
    for block in point_blocks(points, max(groups, points.shape[1])):
        ranks = halves - (block - middle) @ means.T
        ranks[np.arange(len(block)), labels[first : first + len(block)]] = np.inf
        # Named by products, measured by differences, which do not cancel.
        nearest.append(np.square(block - centres.means[ranks.argmin(axis=1)]).sum(axis=1))
        first += len(block)
    other = np.sqrt(np.concatenate(nearest))
    with np.errstate(invalid="ignore", divide="ignore"):
        closeness = np.where(other > 0, 1 - np.sqrt(centres.squares) / other, 0.0)
    return np.asarray(np.clip(closeness, 0, 1), dtype=np.float32)
