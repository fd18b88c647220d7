"""Filters of the map by columns: charts of which each shows what passes all the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import param

from lse.errors import LseError
from lse.pointcloud.sets import PointSet
from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring
from lse_dashboard.data.filtering import (
    Chart,
    Interval,
    Kept,
    Limit,
    chart_of,
    fits,
    interval_typed,
    passing,
    passing_others,
)
from lse_dashboard.data.link import Filter
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.scatter import Scatter

__all__ = ["Drawn", "Filters"]

Read = Callable[[str], Callable[[], Colouring | None]]


@dataclass(frozen=True)
class Drawn:
    """A chart as it is shown.

    Attributes
    ----------
    chart
        Bars of the points.
    every, passing
        Points of each bar: all, and those that pass what is asked of the other charts.
    limit
        What is asked of this one, None for nothing.
    """

    chart: Chart
    every: tuple[int, ...]
    passing: tuple[int, ...]
    limit: Limit | None


class Filters(param.Parameterized):
    """Charts that one visitor chose, and what is asked of each.

    Parameters
    ----------
    background
        Runs what waits for the services.
    scatter
        Whose points.
    read
        Makes what reads the values of the points, given what `Session.choose_colour` takes.
    """

    charts: param.Parameter[dict[str, Drawn]] = param.Parameter({}, doc="By what is charted.")
    problem = param.String("", doc="Why there is no chart.")

    def __init__(self, background: Background, scatter: Scatter, read: Read) -> None:
        super().__init__()
        self._newest = Newest(background)
        self._scatter = scatter
        self._read = read
        self._limits: dict[str, Limit | None] = {}
        self._cloud: Cloud | None = None
        scatter.param.watch(lambda *_: self._on_cloud(), "cloud")
        scatter.param.watch(lambda *_: self._on_restricted(), "restricted")

    @property
    def limits(self) -> dict[str, Limit]:
        """What is asked, by what is charted."""
        return {key: limit for key, limit in self._limits.items() if limit is not None}

    def add(self, key: str) -> None:
        """Show a chart of something."""
        if key not in self._limits:
            self.ask({**self._limits, key: None})

    def remove(self, key: str) -> None:
        """Take a chart away, with what is asked of it."""
        self.ask({other: limit for other, limit in self._limits.items() if other != key})

    def limit(self, key: str, limit: Limit | None) -> None:
        """Let only those points of a chart pass."""
        if key in self._limits:
            self.ask({**self._limits, key: limit})

    def type(self, key: str, low: str, high: str) -> None:
        """Let only numbers between two ends pass, as they were typed; empty for no end."""
        interval = interval_typed(low, high)
        if interval is None:
            self.problem = wording.Filters.NOT_A_NUMBER.format(low=low, high=high)
        else:
            self.limit(key, None if interval == Interval() else interval)

    def keep(self, key: str, label: str) -> None:
        """Let a group pass, or no longer; those of all groups where none would be left."""
        drawn = self.charts.get(key)
        if drawn is not None and label in drawn.chart.labels:
            every = frozenset(drawn.chart.labels)
            before = drawn.limit.labels if isinstance(drawn.limit, Kept) else every
            # The first click on a chart of which nothing was asked shows that group alone.
            kept = frozenset({label}) if drawn.limit is None else before ^ {label}
            self.limit(key, Kept(kept) if kept and kept != every else None)

    def clear(self) -> None:
        """Ask nothing any more; the charts stay."""
        self.ask(dict.fromkeys(self._limits))

    def refresh(self) -> None:
        """Chart again what may have changed: other clusters, new labels."""
        if self._limits:
            self.ask(self._limits)

    def said(self) -> dict[str, Filter]:
        """The charts as a link says them."""
        return {key: _said(limit) for key, limit in self._limits.items()}

    def restore(self, said: Mapping[str, Filter]) -> None:
        """Show the charts that a link says."""
        if said:
            self.ask({key: _meant(one) for key, one in said.items()})

    def ask(self, limits: Mapping[str, Limit | None]) -> None:
        """Show these charts, with what is asked of each."""
        self._limits = dict(limits)
        cloud = self._scatter.cloud
        if cloud is None:
            return
        reads = {key: self._read(key) for key in limits}

        def work() -> tuple[dict[str, Drawn], dict[str, PointSet]]:
            charts: dict[str, Chart] = {}
            passes: dict[str, PointSet] = {}
            asked: dict[str, Limit] = {}
            for key, limit in limits.items():
                colouring = reads[key]()
                if colouring is not None:
                    charts[key] = chart_of(colouring)
                    # Groups may have become others meanwhile, as where another clustering is shown.
                    if limit is not None and fits(colouring, limit):
                        asked[key], passes[key] = limit, passing(colouring, limit)
            drawn = {
                key: Drawn(chart, chart.counts(), chart.counts(passing_others(passes, key)), asked.get(key))
                for key, chart in charts.items()
            }
            restricted: dict[str, PointSet] = {}
            for key, points in passes.items():
                title = charts[key].title
                restricted[title] = points & restricted.get(title, points)
            return drawn, restricted

        self._newest.ask(work, lambda found: self._show(cloud, *found), self._failed)

    def _show(self, cloud: Cloud, charts: dict[str, Drawn], passes: dict[str, PointSet]) -> None:
        if cloud is self._scatter.cloud:
            self._cloud = cloud
            self._limits = {key: drawn.limit for key, drawn in charts.items()}
            self.param.update(charts=charts, problem="")
            self._scatter.restrict(passes)

    def _failed(self, error: LseError) -> None:
        self.problem = error.message

    def _on_cloud(self) -> None:
        if not self._limits or self._scatter.cloud is self._cloud:
            return
        same = self._scatter.has_points_of(self._cloud)
        self._newest.drop()
        if same:
            self.ask(self._limits)
        else:
            self._limits, self._cloud = {}, None
            self.param.update(charts={}, problem="")

    def _on_restricted(self) -> None:
        """Where the visitor shows all points again, nothing is asked any more."""
        if not self._scatter.restricted and self.limits and self._cloud is self._scatter.cloud:
            self.clear()


def _said(limit: Limit | None) -> Filter:
    if isinstance(limit, Interval):
        return [limit.low, limit.high]
    return sorted(limit.labels) if isinstance(limit, Kept) else None


def _meant(said: Filter) -> Limit | None:
    if said is None:
        return None
    labels = [one for one in said if isinstance(one, str)]
    if labels:
        return Kept(frozenset(labels))
    low, high = (None if one is None else float(one) for one in said)
    return Interval(low, high)
