"""Ways to a selection beside the pointer: names, queries, groups, what was saved before."""

from __future__ import annotations

import numpy as np
import param

from lse.client.resources import Selection as SavedSelection
from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.images import Rows
from lse_dashboard.data.library import Library
from lse_dashboard.data.ordering import rows_meant
from lse_dashboard.data.results import saved
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.navigation import Navigation
from lse_dashboard.state.scatter import Scatter
from lse_dashboard.state.selection import Step

__all__ = ["Selecting"]

_WORDS = wording.Selection


class Selecting(param.Parameterized):
    """Selects images of the open experiment, and keeps selections under a name.

    Parameters
    ----------
    library
        Where images and selections are.
    background
        Runs what waits for the services.
    scatter
        Whose selection.
    navigation
        Where the visitor is.
    """

    kept: param.Parameter[tuple[SavedSelection, ...]] = param.Parameter((), doc="Saved selections of the dataset.")
    saved = param.String("", doc="What became of the selection that was saved last.")
    not_found = param.String("", doc="Why the last text selected nothing.")

    def __init__(self, library: Library, background: Background, scatter: Scatter, navigation: Navigation) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._scatter = scatter
        self._selection = scatter.selection
        self._navigation = navigation
        # The steps are kept too, so that no other one gets the identity of one of them.
        self._names: dict[int, tuple[str, Step | None]] = {}
        self._finding, self._reading = Newest(background), Newest(background)

    def name_of(self, step: Step) -> str:
        """Name under which a state of the selection is kept, empty where it is not."""
        return self._names.get(id(step), ("", None))[0]

    def read(self) -> None:
        """See what was saved: people save selections all the time."""
        place = self._navigation.place
        if place is not None:
            self._reading.ask(
                lambda: self._library.selections(place.project, place.dataset), self._show_kept, self._not_found
            )

    def text(self, text: str) -> None:
        """Select what a text means: a query on metadata, names, or a part of names."""
        place = self._navigation.place
        if place is None or not text.strip():
            return

        def find() -> Rows:
            images = self._library.images(place.project, place.dataset)
            return rows_meant(self._library.client(place.project), place.dataset.id, images, text)

        def choose(rows: Rows) -> None:
            self.not_found = "" if len(rows) else _WORDS.NOTHING_FOUND.format(text=text)
            if len(rows):
                self._selection.choose(rows, text)

        self._finding.ask(find, choose, self._not_found)

    def group(self, label: str) -> None:
        """Select the shown points of a group of the present colours."""
        colouring = self._scatter.colouring
        if isinstance(colouring, Groups) and label in colouring.labels:
            self._scatter.select(colouring.points_in({label}), f"{colouring.title} {label}")

    def invert(self) -> None:
        """Select the other images of those that are shown."""
        cloud, shown = self._scatter.cloud, self._scatter.shown
        if cloud is not None and shown is not None:
            self._selection.invert(np.sort(cloud.rows[shown.places()]), _WORDS.INVERTED)

    def save(self, name: str) -> None:
        """Keep the selection under a name."""
        place, step = self._navigation.place, self._selection.step
        if place is None or len(step.rows) == 0:
            return
        self._background(
            lambda: saved(
                self._library.client(place.project),
                name,
                dataset=place.dataset.id,
                rows=step.rows,
                description=step.origin,
            ),
            lambda selection: self._kept(selection, step),
            self._not_saved,
        )

    def tell(self, text: str) -> None:
        """Say what became of the selection."""
        self.saved = text

    def open(self, name: str) -> None:
        """Select what was saved under a name."""
        place = self._navigation.place
        if place is not None:
            client = self._library.client(place.project)
            self._finding.ask(lambda: client.selections.get(name), self._opened, self._not_found)

    def _opened(self, selection: SavedSelection) -> None:
        self._selection.choose(selection.rows, selection.id)
        step = self._selection.step
        if step.origin == selection.id:
            self._names[id(step)] = (selection.id, step)

    def _kept(self, selection: SavedSelection, step: Step) -> None:
        self._names[id(step)] = (selection.id, step)
        self.param.update(saved=_WORDS.SAVED.format(name=selection.id), kept=(*self.kept, selection))

    def _show_kept(self, kept: tuple[SavedSelection, ...]) -> None:
        self.kept = kept

    def _not_saved(self, error: LseError) -> None:
        self.saved = error.message

    def _not_found(self, error: LseError) -> None:
        self.not_found = error.message
