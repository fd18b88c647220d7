"""The centre: the scatter plot, its toolbar, its legend, and what it shows and hides."""

from __future__ import annotations

import json
from typing import Any

import panel as pn

from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.plots.flight import flight
from lse_dashboard.plots.palette import point_colours
from lse_dashboard.plots.scatter_2d import FIRST_POINTS
from lse_dashboard.plots.scatter_3d import MAX_POINTS
from lse_dashboard.state.levels import Levels
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import LEGEND_PIXELS, OVER
from lse_dashboard.views.flight import FlightView
from lse_dashboard.views.hover import PointCard
from lse_dashboard.views.legend import legend
from lse_dashboard.views.levels import levels_bar
from lse_dashboard.views.markup import Html, Markup, button, html, join
from lse_dashboard.views.minimap import MinimapView
from lse_dashboard.views.point_stream import PointStream
from lse_dashboard.views.scatter_2d import Scatter2D
from lse_dashboard.views.scatter_3d import Scatter3D
from lse_dashboard.views.scatter_toolbar import ScatterToolbar
from lse_dashboard.views.screenshot import Screenshot
from lse_dashboard.views.second_map import SecondMapView

__all__ = ["ScatterView"]

_WORDS = wording.Scatter


class ScatterView:
    """The latent space, projected.

    Parameters
    ----------
    session
        Whose view.
    addresses
        Where the page finds what is not in it.

    Attributes
    ----------
    buttons
        What saves the plot.
    """

    def __init__(self, session: Session, addresses: Addresses) -> None:
        self._session, scatter = session, session.scatter
        self._thumbnail = addresses.thumbnail
        self._stream = PointStream()
        self._points = addresses.answer(self._stream.answer)
        self._view: Scatter2D | Scatter3D | None = None
        self._shown: Cloud | None = None
        self._screenshot = Screenshot(session, addresses)
        self.buttons = self._screenshot.buttons
        self._legend = Markup(
            {
                "toggle": scatter.toggle,
                "only": scatter.isolate,
                "select": session.selecting.group,
                "all": lambda _: scatter.show_all(),
                "name": lambda _: self._name_clusters(),
                "scale": lambda fields: session.type_scale(json.loads(fields)),
            },
            css_classes=["lse-legend"],
            sizing_mode=None,
            styles={
                **OVER,
                "top": "12px",
                "right": "12px",
                "width": f"{LEGEND_PIXELS}px",
                "max-height": "calc(100% - 24px)",
            },
        )
        self._levels = Levels(session)
        self._caption = self._below()
        self._flight = FlightView(
            sizing_mode="stretch_both",
            margin=0,
            css_classes=["lse-flight"],
            styles={"position": "absolute", "inset": "0", "pointer-events": "none"},
        )
        self._minimap = MinimapView(scatter, session.background)
        self._hover = PointCard(session, scatter, addresses.thumbnail)
        self._second = SecondMapView(session, addresses, self._look)
        self._curtain = Markup(
            sizing_mode="stretch_both",
            css_classes=["lse-curtain"],
            styles={**OVER, "inset": "0", "background": "var(--ground)", "z-index": "10"},
        )
        self.panel = self._column()
        self._watch()
        self._show_cloud()
        self._show_curtain()

    def _below(self) -> Markup:
        """The line below the map: what is shown, and what may lie over it."""
        session, scatter = self._session, self._session.scatter
        return Markup(
            {
                "all": lambda _: scatter.show_all(),
                "clear": lambda _: session.selection.clear(),
                "images": lambda _: scatter.lay_over("images"),
                "second": lambda _: self._second.toggle(),
                "names": lambda _: scatter.lay_over("names"),
                "contours": lambda _: scatter.lay_over("contours"),
                "far": lambda _: self._show_whole(),
                "levels": lambda _: self._levels.toggle(),
            },
            css_classes=["lse-caption"],
            height=30,
            styles={"background": "var(--ground)", "border-top": "1px solid var(--line)"},
        )

    def _name_clusters(self) -> None:
        """Open the window of names for the clustering that was chosen last, once it is there."""
        session = self._session
        if not session.loading:
            session.cluster_names.open()
            return

        def arrived(*_: object) -> None:
            session.param.unwatch(watcher)
            self._name_clusters()

        watcher = session.param.watch(arrived, "loading")

    def _column(self) -> pn.Column:
        self._cloud = pn.Column(sizing_mode="stretch_both", margin=0, styles={"position": "absolute", "inset": "0"})
        plot = pn.Column(
            self._cloud,
            self._flight,
            self._legend,
            self._minimap.panel,
            self._curtain,
            self._hover,
            sizing_mode="stretch_both",
            margin=0,
            styles={"position": "relative", "overflow": "hidden", "background": "var(--ground)", "min-height": "0"},
        )
        edge = "1px solid var(--line)"
        return pn.Column(
            ScatterToolbar(self._session).panel,
            pn.Row(plot, self._second.panel, sizing_mode="stretch_both", margin=0, styles={"min-height": "0"}),
            levels_bar(self._levels),
            self._caption,
            sizing_mode="stretch_both",
            margin=0,
            css_classes=["lse-centre"],
            styles={"min-width": "0", "border-left": edge, "border-right": edge},
        )

    def _watch(self) -> None:
        session, scatter = self._session, self._session.scatter
        session.param.watch(lambda *_: self._show_curtain(), ["contents", "projection", "online", "problem", "loading"])
        session.param.watch(lambda *_: self._show_cloud(anew=True), "theme")
        session.param.watch(lambda *_: self._explain(), "scale_problem")
        session.navigation.param.watch(lambda *_: self._mark(), "row")
        scatter.param.watch(lambda *_: self._show_cloud(), "cloud")
        session.selection.param.watch(self._on_selected, "step")
        scatter.param.watch(lambda *_: self._view.show_viewport() if self._view is not None else None, "viewport")
        session.second_map.param.watch(lambda *_: self._count(), "projection")
        self._levels.param.watch(lambda *_: self._count(), "levels")
        scatter.param.watch(
            self._redraw, ["colouring", "shown", "selected", "point_size", "images", "names", "contours"]
        )

    def _show_cloud(self, *, anew: bool = False) -> None:
        session, scatter, before = self._session, self._session.scatter, self._view
        if scatter.cloud is self._shown and scatter.cloud is not None and not anew:
            self._redraw()
            return
        gone, self._shown = self._shown, scatter.cloud
        if isinstance(before, Scatter3D):
            before.close()
        self._hover.html = ""
        if scatter.cloud is None:
            self._view = None
        elif scatter.cloud.dimension == 2:
            self._view = Scatter2D(
                scatter,
                session.theme,
                self._hover.point,
                self._on_click,
                background=session.background,
                on_frame=self._on_frame,
                thumbnail=self._thumbnail,
                free=LEGEND_PIXELS,
            )
            if anew and isinstance(before, Scatter2D):
                self._view.view = before.view
            elif isinstance(before, Scatter2D) and gone is not None:
                self._fly(gone, before, scatter.cloud, self._view)
        else:
            self._view = Scatter3D(
                scatter,
                session.theme,
                self._hover.point,
                self._on_click,
                background=session.background,
                on_frame=self._on_frame,
                stream=self._stream,
                address=self._points,
                free=LEGEND_PIXELS,
            )
        if not isinstance(self._view, Scatter3D):
            self._stream.show(None)
        self._cloud.objects = [] if self._view is None else [self._view.pane]
        self._screenshot.show(self._view)
        self._minimap.show(self._view)
        self._mark()
        self._explain()

    def _fly(self, gone: Cloud, before: Scatter2D, cloud: Cloud, view: Scatter2D) -> None:
        """Show where points go from the map before to the one that comes."""
        old, scatter = before.view, self._session.scatter
        found = None if old is None else flight(gone, old, cloud, view.first_view(old.width, old.height))
        if found is not None:
            colours = point_colours(scatter.colouring, len(cloud), self._session.theme)
            self._flight.fly(found, colours[found.indices], scatter.point_size)

    def _redraw(self, *_: Any) -> None:
        if self._view is not None:
            self._view.redraw()
            self._minimap.show(self._view)
        self._explain()

    def _explain(self) -> None:
        """Say what the colours mean, what is shown and what is hidden."""
        scatter = self._session.scatter
        self._legend.visible = scatter.cloud is not None and scatter.colouring is not None
        named = scatter.colouring is not None and scatter.colouring is self._session.clusters
        self._legend.html = legend(
            scatter.colouring,
            scatter.hidden(),
            self._session.theme,
            named=named,
            refused=self._session.scale_problem,
        )
        self._count()

    def _on_frame(self) -> None:
        self._count()
        self._minimap.follow()

    def _count(self) -> None:
        """Say how much is shown, and of how much the picture is made."""
        scatter = self._session.scatter
        counts = self._counts(scatter)
        self._screenshot.caption = counts
        self._caption.html = self._caption_html(scatter, counts) if counts else ""

    def _show_whole(self) -> None:
        if isinstance(self._view, Scatter2D):
            self._view.show_whole()

    def _counts(self, scatter: Scatter) -> str:
        if scatter.cloud is None or scatter.shown is None:
            return ""
        if isinstance(self._view, Scatter2D) and self._view.frame is None:
            return ""  # nothing is, before the first picture
        shown = len(scatter.shown)
        text = _WORDS.SHOWN.format(shown=shown, total=len(scatter.cloud))
        if isinstance(self._view, Scatter3D) and self._view.drawn is not None:
            drawn, view, complete = self._view.drawn
            if not complete or len(scatter.cloud) > MAX_POINTS:
                text += (_WORDS.DRAWN_IN_VIEW if complete else _WORDS.ARRIVING).format(drawn=drawn, view=view)
        if isinstance(self._view, Scatter2D) and len(scatter.cloud) > FIRST_POINTS and self._view.frame is not None:
            frame = self._view.frame
            text += (_WORDS.ALL_IN_VIEW if frame.exact else _WORDS.SAMPLE_IN_VIEW).format(count=frame.points)
        if scatter.cloud.dropped:
            text += _WORDS.DROPPED.format(count=scatter.cloud.dropped)
        return text

    def _caption_html(self, scatter: Scatter, counts: str) -> Html:
        far, hidden, selection, filters = Html(""), Html(""), Html(""), scatter.filters()
        if isinstance(self._view, Scatter2D) and scatter.cloud is not None and scatter.cloud.far:
            said = _WORDS.FAR.format(count=scatter.cloud.far)
            far = button(said, "far", css="link lse-far", help=_WORDS.FAR_HELP)
        if filters:
            hidden = html("<span>{text}</span>", text=_WORDS.HIDDEN_BY.format(filters=", ".join(filters)))
            hidden += button(_WORDS.SHOW_ALL, "all", css="link lse-show-all")
        if scatter.selected is not None and scatter.shown is not None:
            template = '<span class="lse-selected"><b>{count:,}</b> {selected}</span>'
            count = len(scatter.selected & scatter.shown)
            selection = html(template, count=count, selected=_WORDS.SELECTED)
            selection += button(_WORDS.CLEAR, "clear", css="link lse-clear")
        return html(
            '<div class="lse caption"><span class="lse-counts">{counts}</span>{far}{over}{hidden}{selection}'
            '<span class="right">{hint}</span></div>',
            counts=counts,
            far=far,
            over=_over(self._session, self._levels, flat=isinstance(self._view, Scatter2D)),
            hidden=hidden,
            selection=selection,
            hint=_WORDS.HINT_3D if isinstance(self._view, Scatter3D) else _WORDS.HINT_2D,
        )

    def _on_selected(self, event: Any) -> None:
        """Whoever selects on the map wants to see the images."""
        if len(event.new.rows):
            self._session.aside = "selection"

    def _mark(self) -> None:
        row = self._session.navigation.row
        if self._view is not None:
            self._view.mark(None if row is None else self._session.scatter.index(row))

    def _on_click(self, index: int) -> None:
        cloud = self._session.scatter.cloud
        if cloud is not None:
            self._look(int(cloud.rows[index]))

    def _look(self, row: int) -> None:
        self._session.look_at(row)
        self._session.aside = "image"

    def _show_curtain(self) -> None:
        says = _curtain(self._session)
        template = '<div class="lse curtain"><div><b>{title}</b>{text}</div></div>'
        self._curtain.html = html(template, title=says[0], text=says[1]) if says else ""
        self._curtain.visible = says is not None


def _over(session: Session, levels: Levels, *, flat: bool) -> Html:
    """What can lie over a flat map or beside it, and whether it does."""
    scatter, choices = session.scatter, []
    if flat:
        choices.append(("images", _WORDS.IMAGES, _WORDS.IMAGES_HELP, scatter.images))
    if flat and isinstance(scatter.colouring, Groups):
        choices.append(("names", _WORDS.NAMES, _WORDS.NAMES_HELP, scatter.names))
    if flat:
        choices.append(("contours", _WORDS.CONTOURS, _WORDS.CONTOURS_HELP, scatter.contours))
    if levels.clustering is not None:
        choices.append(("levels", wording.Levels.OPEN, wording.Levels.OPEN_HELP, bool(levels.levels)))
    choices.append(("second", _WORDS.SECOND_MAP, _WORDS.SECOND_MAP_HELP, session.second_map.projection is not None))
    return join(
        html(
            '<button class="chip" data-action="{action}" aria-pressed="{on}" title="{help}">{label}</button>',
            action=action,
            on="true" if on else "false",
            help=help,
            label=label,
        )
        for action, label, help, on in choices  # noqa: A001
    )


def _curtain(session: Session) -> tuple[str, str] | None:  # one for each reason
    """What to do when there is nothing to show: a title and a text."""
    words, experiment = wording.Curtain, session.experiment
    if session.projection is not None:
        return None
    if not session.online:
        return (session.problem, words.OFFLINE[1]) if session.problem else words.OFFLINE
    if session.loading:
        return words.OPENING
    if session.problem:
        return (session.problem, "")
    if experiment is None:
        return words.EMPTY
    title, text = words.NO_PROJECTION
    if experiment.state != "ready":
        title, text = words.CREATING if experiment.state == "creating" else words.FAILED
    return (title.format(name=experiment.id), text)
