"""The filters: charts that show what passes the others, and take what is to pass themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import panel as pn
import param

from lse_dashboard import wording
from lse_dashboard.data.filtering import BARS, Interval, Kept
from lse_dashboard.state.filters import Drawn
from lse_dashboard.state.session import Session
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.component import Component
from lse_dashboard.views.markup import STYLE, Markup, button, html, nothing, problem

__all__ = ["FiltersView"]

_WORDS = wording.Filters


class FilterCharts(Component):
    """Draws the charts and says what is done with them.

    Parameters
    ----------
    session
        Whose filters.
    """

    charts = param.List([], doc="What each shows.")
    words = param.Dict(_WORDS.WORDS, doc="What it says.")

    _esm = Path(__file__).with_name("filters.js").read_text()

    def __init__(self, session: Session, **params: Any) -> None:
        super().__init__(**{"stylesheets": [STYLE], "sizing_mode": "stretch_width", "margin": 0, **params})
        self._filters = session.filters

    def _handle_msg(self, msg: Any) -> None:
        key = str(msg.get("key")) if isinstance(msg, dict) else ""
        drawn = self._filters.charts.get(key)
        if drawn is None:
            return
        action, value = msg.get("action"), msg.get("value")
        if action == "drag" and isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value):
            self._filters.limit(key, drawn.chart.between(*value))
        elif action == "type" and isinstance(value, list) and len(value) == 2:
            self._filters.type(key, *map(str, value))
        elif action == "group":
            self._filters.keep(key, str(value))
        elif action == "all":
            self._filters.limit(key, None)
        elif action == "remove":
            self._filters.remove(key)


class FiltersView:
    """Charts, a field to add one, and what can be done with what passes.

    Parameters
    ----------
    session
        Whose filters.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._add = Choice(
            self._on_add,
            label=_WORDS.ADD,
            groups={},
            searchable=True,
            dropdown_height=480,
            css_classes=["lse-add-chart"],
        )
        self._charts = FilterCharts(session, css_classes=["lse-filters"])
        self._foot = Markup(
            {"select": lambda _: self._select(), "clear": lambda _: session.filters.clear()},
            css_classes=["lse-filtered"],
            margin=(10, 0, 0, 0),
        )
        self.panel = pn.Column(self._add.select, self._foot, self._charts, sizing_mode="stretch_width", margin=0)
        session.param.watch(lambda *_: self._show_choices(), ["contents", "columns", "projection", "clusters"])
        session.filters.param.watch(lambda *_: self._show(), ["charts", "problem"])
        session.scatter.param.watch(lambda *_: self._show_foot(), "shown")
        self._show_choices()
        self._show()

    def _on_add(self, key: str) -> None:
        self._session.filters.add(key)
        self._add.show(value="")

    def _select(self) -> None:
        scatter = self._session.scatter
        if scatter.cloud is not None:
            scatter.select(scatter.cloud.every, ", ".join(scatter.filters()))

    def _show_choices(self) -> None:
        choices = {
            title: {name: key for name, key in some.items() if key != "nothing"}
            for title, some in self._session.colour_groups().items()
        }
        self._add.show(
            groups={"": {_WORDS.CHOOSE: ""}, **{title: some for title, some in choices.items() if some}}, value=""
        )

    def _show(self) -> None:
        self._charts.charts = [_facts(key, drawn) for key, drawn in self._session.filters.charts.items()]
        self._show_foot()

    def _show_foot(self) -> None:
        filters, scatter = self._session.filters, self._session.scatter
        if filters.problem:
            self._foot.html = problem(filters.problem)
        elif not filters.charts:
            self._foot.html = nothing(*_WORDS.NONE)
        elif scatter.shown is not None and scatter.cloud is not None and scatter.restricted:
            self._foot.html = html(
                '<div class="lse acts"><span>{text}</span>{select}{clear}</div>',
                text=_WORDS.PASSING.format(passing=len(scatter.shown), total=len(scatter.cloud)),
                select=button(_WORDS.SELECT, "select", css="tool", help=_WORDS.SELECT_HELP),
                clear=button(_WORDS.CLEAR, "clear", css="tool", help=_WORDS.CLEAR_HELP),
            )
        else:
            self._foot.html = ""


def _facts(key: str, drawn: Drawn) -> dict[str, Any]:
    chart, limit = drawn.chart, drawn.limit
    missing = 0 if chart.labels else drawn.every[-1]
    interval = limit if isinstance(limit, Interval) else Interval()
    first, last = (0, BARS - 1) if chart.labels else chart.bars_of(interval)
    low, high = ("" if one is None else f"{one:.9g}" for one in (interval.low, interval.high))
    ends = (chart.texts[first], chart.texts[last + 1]) if chart.texts else ("", "")
    return {
        "key": key,
        "title": chart.title,
        "labels": list(chart.labels),
        "kept": [not isinstance(limit, Kept) or label in limit.labels for label in chart.labels],
        "every": list(drawn.every[: chart.missing]),
        "passing": list(drawn.passing[: chart.missing]),
        "texts": list(chart.texts),
        "range": "" if limit is None or chart.typed else " – ".join(ends),
        "typed": chart.typed,
        "low": low,
        "high": high,
        "first": first,
        "last": last,
        "limited": limit is not None,
        "missing": _WORDS.MISSING.format(count=missing) if missing else "",
        "said": _WORDS.SAID.format(title=chart.title, passing=sum(drawn.passing), total=sum(drawn.every)),
    }
