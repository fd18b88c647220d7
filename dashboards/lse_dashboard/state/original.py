"""The image in view as its file has it, for one visitor."""

from __future__ import annotations

from lse_dashboard import wording
from lse_dashboard.data.library import Library
from lse_dashboard.data.original import Original, original_of, sky_text
from lse_dashboard.state.background import Background
from lse_dashboard.state.navigation import Navigation
from lse_dashboard.state.question import Question

__all__ = ["OriginalQuestion"]


class OriginalQuestion(Question):
    """What the file of the image in view holds.

    Parameters
    ----------
    library
        Where it is read.
    background
        Runs the reading.
    navigation
        The image in view.
    """

    def __init__(self, library: Library, background: Background, navigation: Navigation) -> None:
        super().__init__(library, background)
        self._navigation = navigation

    def open(self) -> None:
        """Read the image in view."""
        place, details = self._navigation.place, self._navigation.details
        if place is None or details is None:
            return
        client = self._library.client(place.project)

        def read() -> Original:
            return original_of(client.datasets.original(place.dataset.id, details.name), dict(details.preparation))

        self._ask(wording.Original.TITLE.format(name=details.name), read)

    def sky(self, row: float, column: float) -> str:
        """Position on the sky at a pixel, as text; empty where there is none."""
        return "" if self.answer is None else sky_text(self.answer.image, row, column)
