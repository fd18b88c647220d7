"""The centre: the cloud, what colours it, and what it hides."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Gradient, Groups
from lse_dashboard.plots.palette import BACKGROUND, gradient_css, group_colours
from lse_dashboard.plots.screenshot import picture_with_title
from lse_dashboard.plots.solid import MAX_POINTS
from lse_dashboard.state.session import Session
from lse_dashboard.views.flat import LEGEND_PIXELS, FlatView
from lse_dashboard.views.look import compact
from lse_dashboard.views.markup import Html, HoverCard, Markup, html
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
            label="Point size", start=1, end=12, value=4, width=110, margin=(0, 6), size="small",
            css_classes=["lse-point-size"], show_value=False,
        )
        self._picture = pmui.FileDownload(
            callback=self._flat_picture, filename="cloud.png", label="Screenshot", icon="photo_camera", size="small",
            variant="outlined", margin=(5, 0), css_classes=["lse-screenshot"], embed=False, auto=True, width=122,
        )
        self._solid_picture = pmui.Button(
            label="Screenshot", icon="photo_camera", size="small", variant="outlined", margin=(5, 0), visible=False,
            css_classes=["lse-screenshot"], width=122,
        )
        self._camera = SceneCamera(margin=0, styles={"position": "absolute", "width": "0", "height": "0"})
        self._solid_picture.on_click(lambda _: self._camera.take(self._picture_title(), self._picture.filename))
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
        self._point_size.param.watch(self._chosen(lambda size: space.param.update(point_size=size)), "value_throttled")

    def _chosen(self, choose: Callable[[Any], None]) -> Callable[[Any], None]:
        """Act on what the visitor chose, not on what the session tells the widgets."""
        return lambda event: choose(event.new) if not self._updating and event.new is not None else None

    def _show_choices(self) -> None:
        session, shelf = self._session, self._session.shelf
        self._updating = True
        try:
            projections = {
                f"{one.id} · {one.components}-D": one.id for one in shelf.projections if one.state == "ready"
            }
            clusterings = {"none": _NO_CLUSTERING} | {one.id: one.id for one in shelf.clusterings if one.state == "ready"}
            chosen = session.projection, session.clustering
            self._projection.param.update(
                options=projections, value=chosen[0].id if chosen[0] else None, disabled=not projections
            )
            self._clustering.param.update(
                options=clusterings,
                value=chosen[1].id if chosen[1] else _NO_CLUSTERING,
                disabled=len(clusterings) == 1,
            )
            self._colour.param.update(options=session.colours(), value=session.colour_by, disabled=not projections)
            self._point_size.value = session.space.point_size
        finally:
            self._updating = False

    def _show_cloud(self) -> None:
        session, space = self._session, self._session.space
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
            self._session.walk.go(int(cloud.rows[index]))

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
                group=_group(session.space.colouring, index),
            )
        )

    def _title(self) -> str:
        session = self._session
        names = [
            session.experiment.id if session.experiment else "",
            session.projection.id if session.projection else "",
        ]
        return " · ".join(name for name in names if name)

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
        self._picture.filename = f"{self._title().replace(' · ', '-') or 'cloud'}.png"
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
        if isinstance(space.colouring, Groups):
            self._legend.html = str(_groups_legend(space.colouring, space.hidden()))
        elif isinstance(space.colouring, Gradient):
            self._legend.html = str(_gradient_legend(space.colouring))

    def _show_curtain(self) -> None:
        content = _curtain(self._session)
        self._curtain.html = str(content)
        self._curtain.visible = bool(content)


def _group(colouring: object, index: int) -> Html:
    if isinstance(colouring, Groups):
        code = colouring.codes[index]
        return html(
            '<div><i style="background:{colour}"></i>{label}</div>',
            colour=group_colours(colouring)[code],
            label=colouring.labels[code],
        )
    if isinstance(colouring, Gradient):
        return html("<div>{title} {value}</div>", title=colouring.title, value=f"{colouring.values[index]:.4g}")
    return Html("")


def _groups_legend(groups: Groups, hidden: frozenset[str]) -> Html:
    entries = Html("").join(
        html(
            '<div class="group {hidden}"><button class="toggle" data-action="toggle" data-value="{label}" '
            'title="Hide or show {label}"><span class="swatch" style="border-color:{colour};background:{colour}">'
            '</span><span class="label">{label}</span><span class="count">{count}</span></button>'
            '<button class="only" data-action="only" data-value="{label}" title="Show only {label}">only</button></div>',
            hidden="hidden" if label in hidden else "",
            label=label,
            colour=colour,
            count=f"{count:,}",
        )
        for label, colour, count in zip(groups.labels, group_colours(groups), groups.counts, strict=True)
    )
    return html(
        '<div class="lse legend"><h2>{title}<button class="more all" data-action="all">{all}</button></h2>'
        '<div class="list" data-scroll="groups">{entries}</div></div>',
        title=groups.title,
        all="show all" if hidden else "",
        entries=entries,
    )


def _gradient_legend(gradient: Gradient) -> Html:
    return html(
        '<div class="lse legend"><h2>{title}</h2><div class="scale" style="background:{css}"></div>'
        '<div class="ends"><span>{low}</span><span>{high}</span></div><div class="quiet">1st to 99th percentile</div>'
        "{missing}</div>",
        title=gradient.title,
        css=gradient_css(),
        low=f"{gradient.low:.4g}",
        high=f"{gradient.high:.4g}",
        missing=html('<div class="quiet">grey: {count} without a value</div>', count=f"{gradient.missing:,}")
        if gradient.missing
        else "",
    )


def _curtain(session: Session) -> Html:
    """What to do when there is no cloud to show; empty when there is one."""
    if not session.online:
        return html(
            '<div class="lse curtain lse-away"><div><b>{problem}</b>The explorer looks again by itself.</div></div>',
            problem=session.problem or "Asking the services …",
        )
    if session.projection is not None:
        return Html("")
    if session.loading:
        return Html('<div class="lse curtain"><div><b>Opening the experiment …</b></div></div>')
    if session.problem:
        return html('<div class="lse curtain"><div><b>{problem}</b></div></div>', problem=session.problem)
    experiment = session.experiment
    if experiment is None:
        return Html(
            '<div class="lse curtain"><div><b>There is nothing to explore yet</b>Take your images through the whole '
            "chain with <code>lse pipeline run FILE.yaml</code>, or encode a dataset with <code>lse experiment encode"
            "</code>.</div></div>"
        )
    if experiment.state != "ready":
        return html(
            '<div class="lse curtain"><div><b>{name} is {state}</b>Its cloud appears here when it is ready.</div></div>',
            name=experiment.id,
            state="being made" if experiment.state == "creating" else experiment.state,
        )
    return html(
        '<div class="lse curtain"><div><b>{name} has no projection yet</b>Run one in the left column: it arranges the '
        "images so that like lies beside like.</div></div>",
        name=experiment.id,
    )
