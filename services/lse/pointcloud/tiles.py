"""Tiles: the boxes in which the points of a cloud are kept together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.window import Window

__all__ = ["Spans", "Tiles"]

_ALL = slice(None)


@dataclass(frozen=True)
class Spans:
    """Points of a cloud that follow each other, a span for each tile.

    Attributes
    ----------
    tiles
        Tile of each span, shape (s,).
    firsts, counts
        First point and number of points, shape (s,).
    exact
        Whether these are all points of what was asked for, not a sample.
    """

    tiles: NDArray[np.int64]
    firsts: NDArray[np.int64]
    counts: NDArray[np.int64]
    exact: bool = True

    @property
    def total(self) -> int:
        """Number of points."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class Tiles:
    """The tiles of a cloud, by level and along the space-filling curve.

    A point belongs to one tile of one level. Levels are random subsets, so that the levels up to any one are a fair
    sample of the cloud, and so is any number of first points of a tile among its points.

    Attributes
    ----------
    levels
        Level of each tile, shape (t,).
    firsts, counts
        First point and number of points of each tile, shape (t,).
    boxes
        Least and greatest coordinates of the points of each tile, shape (t, 2, d), float32.
    shares
        Share of all points that lies in the levels up to each one, on the average, ascending to 1, shape (levels,).
    """

    levels: NDArray[np.uint8]
    firsts: NDArray[np.int64]
    counts: NDArray[np.int64]
    boxes: NDArray[np.float32]
    shares: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.firsts)

    @cached_property
    def all_spans(self) -> Spans:
        """All points."""
        return Spans(np.arange(len(self)), self.firsts, self.counts)

    @cached_property
    def _runs(self) -> tuple[list[slice], ...]:
        """Tiles of each level: those that follow each other, and those of each addition."""
        edges = [0, *(np.flatnonzero(np.diff(self.levels)) + 1).tolist(), len(self)] if len(self) else [0]
        runs: tuple[list[slice], ...] = tuple([] for _ in self.shares)
        for begin, end in pairwise(edges):
            runs[self.levels[begin]].append(slice(begin, end))
        return runs

    def within(self, window: Window, *, margin: float = 0.0, among: slice = _ALL) -> NDArray[np.int64]:
        """Tiles that may have points in a window, or within a margin of data units around it; of some, or all."""
        (x0, x1), (y0, y1) = window.x_range, window.y_range
        low, high = self.boxes[among, 0], self.boxes[among, 1]
        seen = (high[:, 0] >= x0 - margin) & (low[:, 0] <= x1 + margin)
        seen &= (high[:, 1] >= y0 - margin) & (low[:, 1] <= y1 + margin)
        return np.flatnonzero(seen) + (among.start or 0)

    def estimate(self, spans: Spans, window: Window) -> float:
        """About how many points of spans lie in a window: those of a tile by the share of its box."""
        low, high = self.boxes[spans.tiles, 0, :2], self.boxes[spans.tiles, 1, :2]
        begin = np.array([window.x_range[0], window.y_range[0]])
        end = np.array([window.x_range[1], window.y_range[1]])
        inside = np.clip(np.minimum(high, end) - np.maximum(low, begin), 0, None)
        width = (high - low).astype(np.float64)
        shares = np.divide(inside, width, out=np.ones_like(width), where=width > 0)
        return float((spans.counts * shares.prod(axis=1)).sum())

    def spans(self, window: Window, *, budget: int | None = None, margin: float = 0.0) -> Spans:
        """Points to read for a window.

        Parameters
        ----------
        window
            What is looked at.
        budget
            Most points, about: a fair sample where there are more. All points where not given.
        margin
            Data units around the window that matter too.
        """
        if budget is None:
            tiles = self.within(window, margin=margin)
            return Spans(tiles, self.firsts[tiles], self.counts[tiles])
        # Levels lie one behind the other, and those that no sample of this size reaches are not looked at.
        found, numbers, left, exact = [], [], budget, True
        for runs in self._runs:
            own = [self.within(window, margin=margin, among=run) for run in runs]
            tiles = np.concatenate(own) if own else np.empty(0, np.int64)
            counts = self.counts[tiles]
            total = int(counts.sum())
            if exact := total <= left:
                left -= total
            else:
                # Rounding up or down by the place of the tile, so that small tiles are neither always nor never seen.
                rounding = (tiles * 0.6180339887498949) % 1.0
                counts = (counts * (left / total) + rounding).astype(np.int64)
                tiles, counts = tiles[counts > 0], counts[counts > 0]
            found.append(tiles)
            numbers.append(counts)
            if not exact:
                break
        tiles, counts = np.concatenate(found), np.concatenate(numbers)
        order = np.argsort(tiles, kind="stable")
        tiles, counts = tiles[order], counts[order]
        return Spans(tiles, self.firsts[tiles], counts, exact)
