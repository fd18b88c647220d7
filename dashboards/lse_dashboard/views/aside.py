"""The right column: one image, the selection, or what is to be reviewed."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import panel as pn

from lse_dashboard import wording
from lse_dashboard.state.samp import Samp
from lse_dashboard.state.session import Session, Tab
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import scrolling
from lse_dashboard.views.filters import FiltersView
from lse_dashboard.views.image import ImageView
from lse_dashboard.views.labels import LabelBar
from lse_dashboard.views.markup import Markup, html, join
from lse_dashboard.views.remarks import RemarkBar
from lse_dashboard.views.review import ReviewView
from lse_dashboard.views.samp import SampView
from lse_dashboard.views.selection import SelectionView

__all__ = ["Aside"]

_WORDS = wording.Aside
_TABS: dict[str, Tab] = {one: one for one in get_args(Tab)}


class Aside:
    """Tabs, and what the chosen one holds.

    Parameters
    ----------
    session
        Whose column.
    addresses
        Where things are.
    original
        Shows the image in view as its file has it.
    samp
        Other programs on the visitor's machine.
    """

    def __init__(self, session: Session, addresses: Addresses, original: Callable[[], None], samp: Samp) -> None:
        self._session = session
        self._tabs = Markup({"tab": self._choose}, css_classes=["lse-tabs"])
        # Each is made when it is first looked at: a page with all of them would open more slowly.
        self._making: dict[str, Callable[[], pn.viewable.Viewable]] = {
            "image": lambda: ImageView(session, addresses.thumbnail, original).panel,
            "selection": lambda: SelectionView(session, addresses).panel,
            "filters": lambda: FiltersView(session).panel,
            "review": lambda: ReviewView(session, addresses.thumbnail).panel,
        }
        self._views: dict[str, pn.viewable.Viewable] = {}
        bars = (LabelBar(session, addresses).panel, RemarkBar(session).panel)
        self.panel = pn.Column(
            self._tabs,
            *bars,
            # Folded away, and above what may be long: a gallery has a hundred images.
            SampView(session, samp, addresses).panel,
            **scrolling(width=368, narrow=328, css_classes=["lse-right"]),
        )
        session.param.watch(lambda *_: self._show(), "aside")
        session.selection.param.watch(lambda *_: self._show(), "step")
        session.filters.param.watch(lambda *_: self._show(), "charts")
        self._show()

    def _choose(self, name: str) -> None:
        if name in _TABS:
            self._session.aside = _TABS[name]

    def _show(self) -> None:
        session, count = self._session, len(self._session.selection.rows)
        limits = len(session.filters.limits)
        titles = {
            "image": _WORDS.IMAGE,
            "selection": _WORDS.SELECTION_COUNT.format(count=count) if count else _WORDS.SELECTION,
            "filters": _WORDS.FILTERS_COUNT.format(count=limits) if limits else _WORDS.FILTERS,
            "review": _WORDS.REVIEW,
        }
        self._tabs.html = html(
            '<div class="lse tabs" role="tablist">{tabs}</div>',
            tabs=join(
                html(
                    '<button role="tab" aria-selected="{chosen}" data-action="tab" data-value="{name}">'
                    "{title}</button>",
                    name=name,
                    title=title,
                    chosen="true" if name == session.aside else "false",
                )
                for name, title in titles.items()
            ),
        )
        if session.aside in self._making:
            view = self._views[session.aside] = self._making.pop(session.aside)()
            self.panel.append(view)
        for name, view in self._views.items():
            view.visible = name == session.aside
