"""The centre: the cloud, what colours it, and what it hides."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.plots.palette import BACKGROUND
from lse_dashboard.plots.screenshot import picture_with_title
from lse_dashboard.plots.solid import MAX_POINTS
from lse_dashboard.state.session import Session
from lse_dashboard.views.flat import LEGEND_PIXELS, FlatView
from lse_dashboard.views.legend import legend, point_group
from lse_dashboard.views.look import compact
from lse_dashboard.views.markup import HoverCard, Html, Markup, html
from lse_dashboard.views.solid import SceneCamera, SolidView

__all__ = ["Stage"]

_NO_CLUSTERING = "none"
_OVER = {"position": "absolute", "z-index": "20"}


class Stage:
    """The latent space.

    Parameters
    ----------
    session
        Whose view.
    thumbnail
        URL of the thumbnail of a row.
    """

    def __init__(self, session: Session, thumbnail: Callable[[int], str]) -> None:
        self._session = session
        self._thumbnail = thumbnail
        self._updating = False
        self._view: FlatView | SolidView | None = None
        self._cloud_shown: Cloud | None = None
        self._projection = pmui.Select(**compact(label="Projection", options=[], css_classes=["lse-projection"]))
        self._clustering = pmui.Select(**compact(label="Clustering", options=[], css_classes=["lse-clustering"]))
        self._colour = pmui.Select(**compact(label="Colour by", options=[], css_classes=["lse-colour"]))
        self._point_size = pmui.IntSlider(
            label="Point size",
            start=1,
            end=12,
            value=4,
            width=84,
            margin=(0, 6),
            size="small",
            css_classes=["lse-point-size"],
            show_value=False,
        )
        self._picture = pmui.FileDownload(
            callback=self._flat_picture,
            filename="cloud.png",
            label="Screenshot",
            icon="photo_camera",
            size="small",
            variant="outlined",
            margin=(5, 0),
            css_classes=["lse-screenshot"],
            embed=False,
            auto=True,
            width=108,
        )
        self._solid_picture = pmui.Button(
            label="Screenshot",
            icon="photo_camera",
            size="small",
            variant="outlined",
            margin=(5, 0),
            visible=False,
            css_classes=["lse-screenshot"],
            width=108,
        )
        self._camera = SceneCamera(margin=0, styles={"position": "absolute", "width": "0", "height": "0"})
        self._solid_picture.on_click(lambda _: self._camera.take(self._picture_title(), self._filename()))
        self._legend = Markup(
            {"toggle": session.space.toggle, "only": session.space.isolate, "all": lambda _: session.space.show_all()},
            css_classes=["lse-legend"],
            margin=0,
            styles={**_OVER, "top": "12px", "right": "12px", "width": "176px", "max-height": "calc(100% - 24px)"},
        )
        self._caption = Markup(
            {"all": lambda _: session.space.show_all(), "clear": lambda _: session.space.select(None)},
            css_classes=["lse-caption"],
            sizing_mode="stretch_width",
            height=30,
            margin=0,
            styles={"background": BACKGROUND, "border-top": "1px solid #1c2430"},
        )
        self._hover = HoverCard(margin=0, styles={"position": "absolute", "width": "0", "height": "0"})
        self._curtain = Markup(
            sizing_mode="stretch_both",
            margin=0,
            css_classes=["lse-curtain"],
            styles={**_OVER, "inset": "0", "background": BACKGROUND, "z-index": "10"},
        )
        self._cloud = pn.Column(sizing_mode="stretch_both", margin=0, styles={"position": "absolute", "inset": "0"})
        self._watch()
        toolbar = pn.Row(
            self._projection,
            self._clustering,
            self._colour,
            self._point_size,
            self._picture,
            self._solid_picture,
            sizing_mode="stretch_width",
            height=56,
            margin=0,
            styles={
                "background": "#131922",
                "border-bottom": "1px solid #243040",
                "padding": "4px 12px",
                "gap": "10px",
                "align-items": "center",
            },
        )
        self.panel = pn.Column(
            toolbar,
            pn.Column(
                self._cloud,
                self._legend,
                self._curtain,
                self._hover,
                self._camera,
                sizing_mode="stretch_both",
                margin=0,
                styles={"position": "relative", "overflow": "hidden", "background": BACKGROUND, "min-height": "0"},
            ),
            self._caption,
            sizing_mode="stretch_both",
            margin=0,
            css_classes=["lse-centre"],
            styles={"min-width": "0", "border-left": "1px solid #243040", "border-right": "1px solid #243040"},
        )
        self._show_choices()
        self._show_cloud()
        self._show_curtain()

    def _watch(self) -> None:
        session, space = self._session, self._session.space
        session.param.watch(lambda *_: self._show_choices(), ["shelf", "projection", "clustering", "colour_by"])
        session.param.watch(lambda *_: self._show_curtain(), ["shelf", "projection", "online", "problem", "loading"])
        space.param.watch(lambda *_: self._show_cloud(), "cloud")
        space.param.watch(self._redraw, ["colouring", "shown", "selected", "point_size"])
        session.walk.param.watch(lambda *_: self._mark(), "row")
        self._projection.param.watch(self._chosen(session.choose_projection), "value")
        self._clustering.param.watch(
            self._chosen(lambda name: session.choose_clustering("" if name == _NO_CLUSTERING else name)), "value"
        )
        self._colour.param.watch(self._chosen(session.choose_colour), "value")
        self._point_size.param.watch(self._chosen(space.resize), "value_throttled")

    def _chosen(self, choose: Callable[[Any], None]) -> Callable[[Any], None]:
        """Act on what the visitor chose, not on what the session tells the widgets."""
        return lambda event: choose(event.new) if not self._updating and event.new != "" else None

    def _show_choices(self) -> None:
        session, shelf = self._session, self._session.shelf
        self._updating = True
        try:
            projections = {
                f"{one.id} · {one.components}-D": one.id for one in shelf.projections if one.state == "ready"
            }
            clusterings = {"none": _NO_CLUSTERING} | {
                one.id: one.id for one in shelf.clusterings if one.state == "ready"
            }
            chosen = session.projection, session.clustering
            if chosen[0] is None:
                projections = {"none": "", **projections}
            self._projection.param.update(
                options=projections, value=chosen[0].id if chosen[0] else "", disabled=chosen[0] is None
            )
            self._clustering.param.update(
                options=clusterings,
                value=chosen[1].id if chosen[1] else _NO_CLUSTERING,
                disabled=len(clusterings) == 1,
            )
            self._colour.param.update(options=session.colours(), value=session.colour_by, disabled=chosen[0] is None)
            self._point_size.value = session.space.point_size
        finally:
            self._updating = False

    def _show_cloud(self) -> None:
        space = self._session.space
        if space.cloud is self._cloud_shown and space.cloud is not None:
            self._redraw()
            return
        self._cloud_shown = space.cloud
        self._hover.html = ""
        if space.cloud is None:
            self._view = None
            self._cloud.objects = []
        elif space.cloud.dimension == 2:
            self._view = FlatView(space, self._on_hover, self._on_click)
            self._cloud.objects = [self._view.pane]
        else:
            self._view = SolidView(space, self._title(), self._on_hover, self._on_click)
            self._cloud.objects = [self._view.pane]
        self._picture.visible = not isinstance(self._view, SolidView)
        self._solid_picture.visible = isinstance(self._view, SolidView)
        self._picture.disabled = self._view is None
        self._mark()
        self._show_legend()
        self._show_caption()

    def _redraw(self, *events: Any) -> None:
        changed = {event.name for event in events}
        if isinstance(self._view, FlatView):
            self._view.redraw(colours="colouring" in changed)
        elif isinstance(self._view, SolidView):
            self._view.redraw()
        self._show_legend()
        self._show_caption()

    def _mark(self) -> None:
        row = self._session.walk.row
        if self._view is not None:
            self._view.mark(None if row is None else self._session.space.index(row))

    def _on_click(self, index: int) -> None:
        cloud = self._session.space.cloud
        if cloud is not None:
            self._session.look_at(int(cloud.rows[index]))

    def _on_hover(self, index: int | None) -> None:
        session, cloud = self._session, self._session.space.cloud
        if index is None or cloud is None or session.images is None:
            self._hover.html = ""
            return
        row = int(cloud.rows[index])
        self._hover.html = str(
            html(
                '<div class="lse hover" data-row="{row}"><img src="{url}" alt=""><b>{name}</b>{group}</div>',
                row=row,
                url=self._thumbnail(row),
                name=session.images.name(row),
                group=point_group(session.space.colouring, index),
            )
        )

    def _title(self) -> str:
        session = self._session
        names = [
            session.experiment.id if session.experiment else "",
            session.projection.id if session.projection else "",
        ]
        return " · ".join(name for name in names if name)

    def _filename(self) -> str:
        return f"{self._title().replace(' · ', '-') or 'cloud'}.png"

    def _picture_title(self) -> str:
        dataset = self._session.shelf.dataset
        return self._title() + (" · SIMULATED images" if dataset is not None and dataset.simulated else "")

    def _flat_picture(self) -> io.BytesIO:
        space = self._session.space
        image = self._view.image(scale=2) if isinstance(self._view, FlatView) else None
        if image is None:
            return io.BytesIO()
        return io.BytesIO(
            picture_with_title(
                image,
                title=self._picture_title(),
                caption=self._counts(),
                colouring=space.colouring,
                hidden=space.hidden(),
                right=2 * LEGEND_PIXELS,
            )
        )

    def _counts(self) -> str:
        space = self._session.space
        if space.cloud is None or space.shown is None:
            return ""
        text = f"{int(space.shown.sum()):,} of {len(space.cloud):,} points shown"
        if isinstance(self._view, SolidView) and len(self._view.drawn) < space.shown.sum():
            text += f", of which a random sample of {MAX_POINTS:,} is drawn"
        if space.cloud.dropped:
            text += f", {space.cloud.dropped:,} without finite coordinates left out"
        return text

    def _show_caption(self) -> None:
        space = self._session.space
        self._picture.filename = self._filename()
        if space.cloud is None or space.shown is None:
            self._caption.html = ""
            return
        filters = space.filters()
        chosen = 0 if space.selected is None else int((space.selected & space.shown).sum())
        self._caption.html = str(
            html(
                '<div class="lse caption"><span class="lse-counts">{counts}</span>{hidden}{selection}'
                '<span class="right">{hint}</span></div>',
                counts=self._counts(),
                hidden=html(
                    '<span>hidden by {filters}</span><button class="link lse-show-all" data-action="all">Show all'
                    "</button>",
                    filters=", ".join(filters),
                )
                if filters
                else "",
                selection=html(
                    '<span class="lse-selected"><b>{count}</b> selected</span>'
                    '<button class="link lse-clear" data-action="clear">Clear</button>',
                    count=f"{chosen:,}",
                )
                if chosen
                else "",
                hint="drag turns, wheel zooms, click opens"
                if isinstance(self._view, SolidView)
                else "drag moves, wheel zooms, click opens; lasso and box at the left",
            )
        )

    def _show_legend(self) -> None:
        space = self._session.space
        self._legend.visible = space.cloud is not None and space.colouring is not None
        self._legend.html = str(legend(space.colouring, space.hidden()))

    def _show_curtain(self) -> None:
        content = _curtain(self._session)
        self._curtain.html = str(content)
        self._curtain.visible = bool(content)


def _curtain(session: Session) -> Html:
    """What to do when there is no cloud to show; empty when there is one."""
    if session.projection is not None:
        return Html("")
    experiment = session.experiment
    if not session.online:
        title, text = session.problem or "Asking the services …", "The explorer looks again by itself."
    elif session.loading:
        title, text = "Opening the experiment …", ""
    elif session.problem:
        title, text = session.problem, ""
    elif experiment is None:
        title = "There is nothing to explore yet"
        text = "Take your images through the whole chain with `lse pipeline run`, then they appear here."
    elif experiment.state != "ready":
        title = f"{experiment.id} is {'being made' if experiment.state == 'creating' else experiment.state}"
        text = "Its cloud appears here when it is ready."
    else:
        title = f"{experiment.id} has no projection yet"
        text = "Run one in the left column: it arranges the images so that like lies beside like."
    return html('<div class="lse curtain"><div><b>{title}</b>{text}</div></div>', title=title, text=text)
