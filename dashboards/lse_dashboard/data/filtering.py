"""Charts of the points of a map, and which of them pass what is asked of a number or a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_

import numpy as np

from lse.pointcloud.sets import PointSet
from lse_dashboard.data.colouring import Codes, Colouring, Groups
from lse_dashboard.data.gradient import number_typed

__all__ = [
    "BARS",
    "Chart",
    "Interval",
    "Kept",
    "Limit",
    "chart_of",
    "fits",
    "interval_typed",
    "passing",
    "passing_others",
]

BARS = 40
# Numbers whose middle 98 % take less of their range than this are drawn without the rest, which the outer bars hold.
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`, both included; None for no end.  Missing ones do not pass."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Kept:
    """Groups that pass."""

    labels: frozenset[str]


Limit = Interval | Kept


@dataclass(frozen=True)
class Chart:
    """Points in bars.

    Attributes
    ----------
    title
        What is charted.
    bars
        Bar of each point, shape (n,): a group, or an interval of numbers; `missing` for a point without a number.
    labels
        Names of the groups; empty for numbers.
    edges
        Ends of the intervals, one more than there are bars; empty for groups.
    texts
        The same as people read them.
    """

    title: str
    bars: Codes
    labels: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Bar of points without a number, after all others."""
        return len(self.labels) or BARS

    def counts(self, points: PointSet | None = None) -> tuple[int, ...]:
        """Points of each bar, the missing ones last; only those of a set where one is given."""
        bars = self.bars if points is None else self.bars[points.mask()]
        return tuple(np.bincount(bars, minlength=self.missing + 1).tolist())

    def between(self, first: int, last: int) -> Interval:
        """The interval of some bars; the outer ones have no end."""
        low, high = sorted(min(max(0, one), BARS - 1) for one in (first, last))
        return Interval(
            None if low == 0 else self.edges[low],
            # What lies on an edge is drawn in the bar above it.
            None if high == BARS - 1 else float(np.nextafter(self.edges[high + 1], -np.inf)),
        )

    def bars_of(self, interval: Interval) -> tuple[int, int]:
        """First and last bar that an interval reaches."""
        low = 0 if interval.low is None else int(np.searchsorted(self.edges, interval.low, side="right")) - 1
        high = BARS - 1 if interval.high is None else int(np.searchsorted(self.edges, interval.high, side="right")) - 1
        return min(max(0, low), BARS - 1), min(max(0, high), BARS - 1)

    @property
    def typed(self) -> bool:
        """Whether its ends can be typed: those of times cannot."""
        return bool(self.texts) and number_typed(self.texts[0]) is not None


def interval_typed(low: str, high: str) -> Interval | None:
    """Read two ends, empty for none; None where one is not a number."""
    if any(text.strip() and number_typed(text) is None for text in (low, high)):
        return None
    return Interval(number_typed(low), number_typed(high))


def chart_of(colouring: Colouring) -> Chart:
    """Sort points into bars."""
    if isinstance(colouring, Groups):
        return Chart(colouring.title, colouring.codes, labels=colouring.labels)
    values = colouring.values
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    if colouring.high - colouring.low < _LEAST_SHARE * (high - low):
        low, high = colouring.low, colouring.high
    if high <= low:
        low, high = low - 0.5, low + 0.5
    edges = np.linspace(low, high, BARS + 1)
    bars = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, BARS - 1)
    return Chart(
        colouring.title,
        np.where(known, bars, BARS).astype(np.uint16),
        edges=tuple(edges.tolist()),
        texts=tuple(colouring.text(edge) for edge in edges.tolist()),
    )


def passing(colouring: Colouring, limit: Limit) -> PointSet:
    """The points that pass a limit; none where it is of the other kind."""
    if isinstance(colouring, Groups):
        return colouring.points_in(limit.labels if isinstance(limit, Kept) else frozenset())
    if not isinstance(limit, Interval):
        return PointSet.at(np.empty(0, np.int64), len(colouring.values))
    low = -np.inf if limit.low is None else limit.low
    high = np.inf if limit.high is None else limit.high
    return PointSet.of((colouring.values >= low) & (colouring.values <= high))


def fits(colouring: Colouring, limit: Limit) -> bool:
    """Whether a limit can be asked of these numbers or groups."""
    if isinstance(colouring, Groups):
        return isinstance(limit, Kept) and limit.labels <= set(colouring.labels)
    return isinstance(limit, Interval)


def passing_others(passes: Mapping[str, PointSet], key: str) -> PointSet | None:
    """The points that pass all limits but one; None where there are no others."""
    others = [points for other, points in passes.items() if other != key]
    return reduce(and_, others) if others else None
