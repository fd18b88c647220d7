"""The selected images, or those similar to them, page by page in an order that the visitor chooses."""

from __future__ import annotations

from typing import Literal

import numpy as np
import param

from lse.client.resources import Match
from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.library import Library
from lse_dashboard.data.ordering import distances, sorted_rows, values_at
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.navigation import Navigation
from lse_dashboard.state.selection import Selection

__all__ = ["CENTRE", "NAME", "PAGE_IMAGES", "ROW", "Gallery", "Shown", "TileSize", "sort_titles"]

ROW, NAME, CENTRE = "row", "name", "centre"
PAGE_IMAGES = 120
_SIMILAR = 120

Shown = Literal["selected", "similar"]
TileSize = Literal["small", "medium", "large"]
_NO_ROWS = np.zeros(0, dtype=np.int64)


class Gallery(param.Parameterized):
    """Thumbnails of the selection.

    Parameters
    ----------
    library
        Where columns, vectors and thumbnails come from.
    background
        Runs what waits for the services.
    selection
        What is shown.
    navigation
        Where the visitor is.
    """

    shown: param.Parameter[Shown] = param.Parameter("selected", doc="Selected images, or those similar to them.")
    rows: param.Parameter[Rows] = param.Parameter(_NO_ROWS, doc="Rows of the images, in their order.")
    page = param.Integer(0, bounds=(0, None), doc="Page in view, from 0.")
    size: param.Parameter[TileSize] = param.Parameter("medium", doc="How large the thumbnails are.")
    sort = param.String(ROW, doc="`row`, `name`, `centre`, or `column:NAME`.")
    descending = param.Boolean(False, doc="Whether the largest come first.")
    waiting = param.Boolean(False, doc="Whether the order is being found.")
    problem = param.String("", doc="Why there is no such order.")

    def __init__(self, library: Library, background: Background, selection: Selection, navigation: Navigation) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._selection = selection
        self._navigation = navigation
        self._ordering = Newest(background)
        selection.param.watch(lambda *_: self._anew(), "step")

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-len(self.rows) // PAGE_IMAGES))

    @property
    def page_rows(self) -> list[int]:
        """Rows of the page in view."""
        start = self.page * PAGE_IMAGES
        return [int(row) for row in self.rows[start : start + PAGE_IMAGES]]

    def turn(self, page: int) -> None:
        """Go to a page, the nearest one where there is none of the number."""
        self.page = min(max(0, page), self.pages - 1)
        self._prefetch()

    def resize(self, size: TileSize) -> None:
        """Show larger or smaller thumbnails."""
        self.size = size

    def order(self, sort: str, *, descending: bool) -> None:
        """Order the images by something else."""
        self.param.update(sort=sort, descending=descending)
        if self.shown == "selected":
            self._order()

    def similar(self) -> None:
        """Show the images that are most similar to the selected ones, nearest first, without these."""
        place, rows = self._navigation.place, self._selection.rows
        if place is None or len(rows) == 0:
            return

        def search() -> Rows:
            matches: list[Match] = self._library.client(place.project).search.similar(
                place.experiment.id, like=rows.tolist(), k=_SIMILAR
            )
            return np.array([match.row for match in matches], dtype=np.int64)

        self.param.update(shown="similar", rows=_NO_ROWS, page=0, waiting=True, problem="")
        self._ordering.ask(search, self._show, self._failed)

    def selected(self) -> None:
        """Show the selected images again."""
        self._anew()

    def _anew(self) -> None:
        self.param.update(shown="selected", page=0)
        self._order()

    def _order(self) -> None:
        place, rows, sort, descending = self._navigation.place, self._selection.rows, self.sort, self.descending
        if place is None or len(rows) == 0 or sort == ROW:
            self._ordering.drop()
            self._show(rows[::-1] if descending else rows)
            return

        def arrange() -> Rows:
            if sort == CENTRE:
                away = distances(self._library.client(place.project), place.experiment.id, rows)
                return rows[np.argsort(-away if descending else away, kind="stable")]
            images = self._library.images(place.project, place.dataset)
            kind, _, column = sort.partition(":")
            values = images.names if kind == NAME else self._library.column(place.project, place.dataset, column)
            return sorted_rows(rows, values_at(images, values, rows), descending=descending)

        self.param.update(waiting=True, problem="")
        self._ordering.ask(arrange, self._show, self._failed)

    def _show(self, rows: Rows) -> None:
        self.param.update(
            rows=rows, page=min(self.page, max(0, -(-len(rows) // PAGE_IMAGES) - 1)), waiting=False, problem=""
        )
        self._prefetch()

    def _failed(self, error: LseError) -> None:
        rows = self._selection.rows if self.shown == "selected" else _NO_ROWS
        self.param.update(rows=rows, page=0, waiting=False, problem=error.message)

    def _prefetch(self) -> None:
        """Have the thumbnails of the page at hand before the browser asks for each."""
        place, rows = self._navigation.place, self.page_rows
        if place is not None and rows:
            self._background(
                lambda: self._library.prefetch(place.project, place.dataset, rows), lambda _: None, lambda _: None
            )


def sort_titles(columns: dict[str, str]) -> dict[str, str]:
    """What the gallery can be ordered by: title to what `Gallery.order` takes.

    Parameters
    ----------
    columns
        Metadata columns that can be ordered by, title to name.
    """
    words = wording.Gallery
    fixed = {words.BY_ROW: ROW, words.BY_NAME: NAME, words.BY_CENTRE: CENTRE}
    return fixed | {title: f"column:{name}" for title, name in columns.items()}
