"""A second map beside the first."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from lse_dashboard import wording
from lse_dashboard.data.opening import ready
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import OVER
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.hover import PointCard
from lse_dashboard.views.markup import Markup, button, html, problem
from lse_dashboard.views.point_stream import PointStream
from lse_dashboard.views.scatter_2d import Scatter2D
from lse_dashboard.views.scatter_3d import Scatter3D

__all__ = ["SecondMapView"]

_WORDS = wording.Scatter


class SecondMapView:
    """The second map of one visitor, with a field that chooses it.

    Parameters
    ----------
    session
        Whose map.
    addresses
        Where the page finds what is not in it.
    click
        Shows the image of a row.
    """

    def __init__(self, session: Session, addresses: Addresses, click: Callable[[int], None]) -> None:
        self._session = session
        self._thumbnail = addresses.thumbnail
        self._stream = PointStream()
        self._points = addresses.answer(self._stream.answer)
        self._click = click
        self._map = session.second_map
        self._view: Scatter2D | Scatter3D | None = None
        self._card = PointCard(session, self._map.scatter, addresses.thumbnail)
        self._choice = Choice(
            self.show, label=_WORDS.SECOND_MAP, options=[], sizing_mode=None, width=190, css_classes=["lse-second-map"]
        )
        close = button("×", "close", css="tool tall", help=_WORDS.CLOSE_SECOND_MAP)
        self._close = Markup(
            {"close": lambda _: self._map.choose(None)},
            html=html('<div class="lse">{close}</div>', close=close),
            sizing_mode=None,
            margin=(5, 0),
        )
        ground = {"position": "absolute", "inset": "0", "background": "var(--ground)"}
        self._plot = pn.Column(sizing_mode="stretch_both", margin=0, styles=ground)
        head = pn.Row(
            self._choice.select, self._close, margin=0, styles={**OVER, "top": "6px", "right": "10px", "gap": "6px"}
        )
        self.panel = pn.Column(
            self._plot,
            head,
            self._card,
            visible=False,
            sizing_mode="stretch_both",
            margin=0,
            css_classes=["lse-second"],
            styles={
                "position": "relative",
                "overflow": "hidden",
                "min-height": "0",
                "border-left": "1px solid var(--line)",
            },
        )
        self._map.param.watch(lambda *_: self._show_choice(), ["projection", "elsewhere"])
        self._map.param.watch(lambda *_: self._show(), "problem")
        # Before what it draws with: another cloud may have another number of axes.
        self._map.scatter.param.watch(lambda *_: self._show(), "cloud")
        self._map.scatter.param.watch(
            lambda *_: self._redraw(), ["colouring", "shown", "selected", "point_size", "images", "names"]
        )
        session.param.watch(lambda *_: self._show_choice(), "contents")
        session.param.watch(lambda *_: self._show(), "theme")
        session.navigation.param.watch(lambda *_: self._mark(), "row")

    def toggle(self) -> None:
        """Open the second map with a projection that the first does not show, or close it."""
        if self._map.projection is not None:
            self._map.choose(None)
            return
        self._map.look_elsewhere()
        shown, every = self._session.projection, ready(self._session.contents.projections)
        others = [one for one in every if shown is None or one.id != shown.id] or list(every)
        self._map.choose(others[0] if others else None)

    def show(self, projection: str) -> None:
        """Show a projection."""
        every = (*ready(self._session.contents.projections), *self._map.elsewhere)
        self._map.choose(next((one for one in every if self._map.name_of(one) == projection), None))

    def _show(self) -> None:
        scatter, theme = self._map.scatter, self._session.theme
        self._card.html = ""
        if isinstance(self._view, Scatter3D):
            self._view.close()
        self._view = None
        if scatter.cloud is not None and scatter.cloud.dimension == 2:
            self._view = Scatter2D(
                scatter,
                theme,
                self._card.point,
                self._on_click,
                background=self._session.background,
                on_frame=lambda: None,
                thumbnail=self._thumbnail,
            )
        elif scatter.cloud is not None:
            self._view = Scatter3D(
                scatter,
                theme,
                self._card.point,
                self._on_click,
                background=self._session.background,
                on_frame=lambda: None,
                stream=self._stream,
                address=self._points,
            )
        if not isinstance(self._view, Scatter3D):
            self._stream.show(None)
        content = Markup(html=problem(self._map.problem)) if self._map.problem else None
        self._plot.objects = [one for one in (content, getattr(self._view, "pane", None)) if one is not None]
        self.panel.visible = len(self._plot.objects) > 0
        self._show_choice()
        self._mark()

    def _show_choice(self) -> None:
        if self._map.projection is None:
            return  # a select of which no entry is chosen may answer with its first
        names = {
            self._map.name_of(one): one.components
            for one in (*ready(self._session.contents.projections), *self._map.elsewhere)
        }
        options = {_WORDS.PROJECTION_TITLE.format(name=name, components=axes): name for name, axes in names.items()}
        self._choice.show(options=options, value=self._map.shown_as)

    def _redraw(self) -> None:
        if self._view is not None:
            self._view.redraw()

    def _mark(self) -> None:
        row = self._session.navigation.row
        if self._view is not None:
            self._view.mark(None if row is None else self._map.scatter.index(row))

    def _on_click(self, index: int) -> None:
        cloud = self._map.scatter.cloud
        if cloud is not None:
            self._click(int(cloud.rows[index]))
