"""The toolbar above the scatter plot: what is shown, and what colours it."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui

from lse_dashboard import wording
from lse_dashboard.data.opening import ready
from lse_dashboard.state.session import Session
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.markup import Markup, html

__all__ = ["ScatterToolbar"]

_WORDS = wording.Scatter
_NO_CLUSTERING = "none"


class ScatterToolbar:
    """Choices of projection, clustering, colour and point size.

    Parameters
    ----------
    session
        Whose choices.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._projection = Choice(
            session.choose_projection, label=_WORDS.PROJECTION, options=[], css_classes=["lse-projection"]
        )
        self._clustering = Choice(
            lambda name: session.choose_clustering("" if name == _NO_CLUSTERING else name),
            label=_WORDS.CLUSTERING,
            options=[],
            css_classes=["lse-clustering"],
        )
        self._colour = Choice(
            session.choose_colour,
            label=_WORDS.COLOUR_BY,
            groups={},
            searchable=True,
            dropdown_height=560,
            css_classes=["lse-colour"],
        )
        self._point_size = pmui.IntSlider(
            label=_WORDS.POINT_SIZE,
            start=1,
            end=12,
            value=4,
            width=84,
            margin=(0, 6),
            size="small",
            css_classes=["lse-point-size"],
            show_value=False,
        )
        self._point_size.param.watch(lambda event: session.scatter.resize(event.new), "value_throttled")
        session.param.watch(
            lambda *_: self._show(), ["contents", "columns", "projection", "clustering", "clusters", "colour_by"]
        )
        session.scatter.param.watch(lambda *_: self._show(), "point_size")
        self.panel = pn.Row(
            _fold("left", _WORDS.FOLD_LEFT, session.fold),
            self._projection.select,
            self._clustering.select,
            self._colour.select,
            self._point_size,
            _fold("right", _WORDS.FOLD_RIGHT, session.fold),
            sizing_mode="stretch_width",
            height=56,
            margin=0,
            styles={
                "background": "var(--panel)",
                "border-bottom": "1px solid var(--line)",
                "padding": "4px 12px",
                "gap": "10px",
            },
        )
        for one in self.panel:
            one.align = "center"
        self._show()

    def _show(self) -> None:
        session, contents = self._session, self._session.contents
        projection, clustering = session.projection, session.clustering
        projections = {
            _WORDS.PROJECTION_TITLE.format(name=one.id, components=one.components): one.id
            for one in ready(contents.projections)
        }
        clusterings = {_WORDS.NONE: _NO_CLUSTERING} | {one.id: one.id for one in ready(contents.clusterings)}
        if projection is None:
            projections = {_WORDS.NONE: "", **projections}
        self._projection.show(
            options=projections, value=projection.id if projection else "", disabled=projection is None
        )
        self._clustering.show(
            options=clusterings, value=clustering.id if clustering else _NO_CLUSTERING, disabled=len(clusterings) == 1
        )
        self._colour.show(groups=self._colours(), value=session.colour_by, disabled=projection is None)
        self._point_size.value = session.scatter.point_size

    def _colours(self) -> dict[str, dict[str, str]]:
        """What can colour the points; a column in use is among them before all are known."""
        session, colours = self._session, self._session.colour_groups()
        if session.colour_by not in session.colours():
            colours[wording.Colours.MAP][session.colour_by.partition(":")[2]] = session.colour_by
        return colours


def _fold(side: str, help: str, act: Callable[[str], None]) -> Markup:  # noqa: A002
    """A button that folds the column beside it away, or opens it."""
    return Markup(
        {"fold": act},
        html=html(
            '<div class="lse"><button class="tool tall fold {side}" data-action="fold" data-value="{side}" '
            'title="{help}" aria-label="{help}"></button></div>',
            side=side,
            help=help,
        ),
        sizing_mode=None,
        margin=(5, 0),
    )
