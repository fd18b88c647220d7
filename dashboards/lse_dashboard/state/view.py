"""The view of one visitor as a link, kept up to date, and brought back from one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import get_args

import param

from lse_dashboard import wording
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.link import Link
from lse_dashboard.data.opening import named, ready
from lse_dashboard.state.session import Session, Tab

__all__ = ["KeptView"]

_OVER = ("images", "names", "contours")
_TABS: dict[str, Tab] = {one: one for one in get_args(Tab)}


class KeptView(param.Parameterized):
    """Writes what a session shows into a query, and opens what a query says.

    Parameters
    ----------
    session
        Whose view.
    """

    query = param.String("", doc="Query of the URL that opens this view; empty until there is one.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._settled: Callable[[], None] | None = None
        session.param.watch(lambda *_: self._on_opened(), "loading")
        session.param.watch(
            lambda *_: self._write(), ["contents", "projection", "clustering", "colour_by", "scale", "aside", "theme"]
        )
        session.selection.param.watch(lambda *_: self._write(), "step")
        session.selecting.param.watch(lambda *_: self._on_kept(), "kept")
        session.navigation.param.watch(lambda *_: self._write(), "row")
        session.second_map.param.watch(lambda *_: self._write(), "projection")
        session.filters.param.watch(lambda *_: self._write(), "charts")
        session.labelling.param.watch(lambda *_: self._write(), "blind")
        session.scatter.param.watch(lambda *_: self._write(), ["shown", "viewport", "point_size", *_OVER])

    @property
    def link(self) -> Link:
        """The present view."""
        session, scatter = self._session, self._session.scatter
        name = session.selecting.name_of(session.selection.step)
        row, rows = session.navigation.row, session.selection.rows
        image = None if row is None or session.images is None else session.images.name(row)
        return Link(
            project=session.project,
            experiment=session.experiment.id if session.experiment else "",
            projection=session.projection.id if session.projection else "",
            second=session.second_map.shown_as,
            clustering=session.clustering.id if session.clustering else "",
            colour_by=session.colour_by,
            scale=session.scale,
            image=image or "",
            hidden=scatter.hidden_groups(),
            selected=rows if len(rows) and not name else None,
            isolated=scatter.isolated,
            selection=name,
            viewport=scatter.viewport,
            tab=session.aside,
            point_size=scatter.point_size,
            theme=session.theme.mode,
            over=tuple(one for one in _OVER if getattr(scatter, one)),
            filters=session.filters.said(),
            blind=session.labelling.blind,
        )

    def complete(self, then: Callable[[], None]) -> None:
        """Go on as soon as the query says all: a selection that is too large for it is kept under a name before."""
        link = self.link
        if link.whole or link.selected is None:
            then()
        else:
            self._settled = then
            self._session.selecting.save(wording.Link.SELECTION.format(time=datetime.now(UTC)))

    def _on_kept(self) -> None:
        self._write()
        then, self._settled = self._settled, None
        if then is not None:
            then()

    def _on_opened(self) -> None:
        session = self._session
        if session.loading or session.scatter.cloud is None:
            return
        link, session.view = session.view, None
        if link is not None and link.experiment in {"", session.experiment_id}:
            self._restore(link)
        self._write()

    def _restore(self, link: Link) -> None:
        session, scatter = self._session, self._session.scatter
        if link.point_size is not None:
            scatter.resize(link.point_size)
        for groups in (session.clusters, scatter.colouring):
            if isinstance(groups, Groups) and groups.title in link.hidden:
                scatter.hide(groups, frozenset(link.hidden[groups.title]))
        scatter.param.update(**{one: one in link.over for one in _OVER})
        if "/" in link.second:
            session.second_map.look_elsewhere(link.second)
        else:
            session.second_map.choose(named(ready(session.contents.projections), link.second))
        session.filters.restore(link.filters)
        if link.isolated is not None:
            scatter.isolate_rows(link.isolated)
        if link.selection:
            session.selecting.open(link.selection)
        elif link.selected is not None:
            session.selection.choose(link.selected, wording.Link.ORIGIN, combine="replace")
        elif len(session.selection.rows):
            session.selection.clear()
        row = session.images.row(link.image) if session.images is not None and link.image else None
        if row is not None:
            session.navigation.go(row)
        # Solid and flat maps say different things of what is in view: only the map itself can read it.
        if link.projection and session.projection is not None and link.projection == session.projection.id:
            scatter.viewport = link.viewport
        if link.tab in _TABS:
            session.aside = _TABS[link.tab]

    def _write(self) -> None:
        if self._session.view is None and self._session.experiment is not None:
            self.query = self.link.query()
