"""Images that wait for an expert's word, one after the other: suggested ones, or predicted ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import param
import pyarrow.compute as pc

from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.labelling import Labelling
from lse_dashboard.state.navigation import Navigation

__all__ = ["SUGGESTIONS", "Item", "Review"]

SUGGESTIONS = "suggestions"
_SUGGESTED = 50
_PREDICTED = 1000
_WORDS = wording.Review


@dataclass(frozen=True)
class Item:
    """An image to review.

    Attributes
    ----------
    row
        Its row.
    label
        Predicted class, empty where it is merely suggested.
    probability
        That of the class; None where it is merely suggested.
    """

    row: int
    label: str = ""
    probability: float | None = None


class Review(param.Parameterized):
    """A queue of images.

    Parameters
    ----------
    library
        Where suggestions and predictions come from.
    background
        Runs what waits for the services.
    labelling
        Where the expert's word goes.
    navigation
        Where the visitor is.
    """

    source = param.String("", doc="`suggestions`, or the name of a prediction; empty until one is chosen.")
    queue: param.Parameter[tuple[Item, ...]] = param.Parameter((), doc="Images that are left, the next one first.")
    done = param.Integer(0, doc="Images that were labelled from this queue.")
    skipped = param.Integer(0, doc="Images that were skipped.")
    waiting = param.Boolean(False, doc="Whether the queue is being made.")
    notes: param.Parameter[tuple[str, ...]] = param.Parameter((), doc="How the queue was made, or why there is none.")

    def __init__(self, library: Library, background: Background, labelling: Labelling, navigation: Navigation) -> None:
        super().__init__()
        self._library = library
        self._newest = Newest(background)
        self._labelling = labelling
        self._navigation = navigation

    @property
    def item(self) -> Item | None:
        """Image that is next."""
        return self.queue[0] if self.queue else None

    def leave(self) -> None:
        """Review nothing."""
        self._newest.drop()
        self.param.update(source="", queue=(), done=0, skipped=0, waiting=False, notes=())

    def start(self, source: str) -> None:
        """Make a queue of suggestions, or of the images that a prediction is least sure of and nobody labelled."""
        place, scheme = self._navigation.place, self._labelling.scheme
        if place is None or scheme is None or not source:
            return
        labelled = np.array(sorted(self._labelling.labels.of), dtype=np.int64)

        def ask() -> tuple[tuple[Item, ...], tuple[str, ...]]:
            client = self._library.client(place.project)
            if source == SUGGESTIONS:
                found = client.labels.suggest(scheme.id, experiment=place.experiment.id, count=_SUGGESTED)
                return tuple(Item(row) for row in found.rows), found.notes
            table = client.predictions.table(place.experiment.id, source, columns=["label", "probability"])
            table = table.filter(np.isin(table["row"].to_numpy(), labelled, invert=True))
            table = table.take(pc.sort_indices(table, sort_keys=[("probability", "ascending")])).slice(0, _PREDICTED)
            columns = (table[name].to_pylist() for name in ("row", "label", "probability"))
            return tuple(Item(*each) for each in zip(*columns, strict=True)), (_WORDS.LEAST_SURE,)

        self.param.update(source=source, queue=(), done=0, skipped=0, waiting=True, notes=())
        self._newest.ask(ask, self._show, self._failed)

    def accept(self) -> None:
        """Take the predicted class of the next image as its label."""
        if self.item is not None and self.item.label:
            self.label(self.item.label)

    def label(self, label: str) -> None:
        """Give the next image a class and go on."""
        if self.item is not None:
            self._labelling.give(label, np.array([self.item.row], dtype=np.int64))
            self.done += 1
            self._next()

    def skip(self) -> None:
        """Go on without a word."""
        if self.item is not None:
            self.skipped += 1
            self._next()

    def _next(self) -> None:
        self.queue = self.queue[1:]
        self._look()

    def _look(self) -> None:
        if self.item is not None:
            self._navigation.go(self.item.row)

    def _show(self, found: tuple[tuple[Item, ...], tuple[str, ...]]) -> None:
        self.param.update(queue=found[0], notes=found[1], waiting=False)
        self._look()

    def _failed(self, error: LseError) -> None:
        self.param.update(waiting=False, notes=(error.message,))
