"""Images that wait for an expert's word, one after the other: suggested, predicted or likely interesting ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import param
import pyarrow.compute as pc

from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.labelling import Labelling
from lse_dashboard.state.navigation import Navigation, Place
from lse_dashboard.state.remarks import Remarks

__all__ = ["INTEREST", "SECOND", "SUGGESTIONS", "Item", "Review"]

SUGGESTIONS, INTEREST, SECOND = "suggestions", "interest", "second"
_SUGGESTED = 50
_PREDICTED = 1000
_JUDGED_AT_ONCE = 10  # images between which nothing is learnt from the interest that is given
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


_Queue = tuple[tuple[Item, ...], tuple[str, ...]]


class Review(param.Parameterized):
    """A queue of images.

    Parameters
    ----------
    library
        Where suggestions and predictions come from.
    background
        Runs what waits for the services.
    labelling, remarks
        Where the expert's word goes.
    navigation
        Where the visitor is.
    """

    source = param.String("", doc="`suggestions`, `interest`, `second`, or the name of a prediction; empty if none.")
    queue: param.Parameter[tuple[Item, ...]] = param.Parameter((), doc="Images that are left, the next one first.")
    done = param.Integer(0, doc="Images of which something was said in this review.")
    skipped = param.Integer(0, doc="Images that were skipped.")
    waiting = param.Boolean(False, doc="Whether the queue is being made.")
    notes: param.Parameter[tuple[str, ...]] = param.Parameter((), doc="How the queue was made, or why there is none.")

    def __init__(
        self,
        library: Library,
        background: Background,
        labelling: Labelling,
        remarks: Remarks,
        navigation: Navigation,
    ) -> None:
        super().__init__()
        self._library = library
        self._newest = Newest(background)
        self._labelling = labelling
        self._remarks = remarks
        self._navigation = navigation
        self._passed: set[int] = set()

    @property
    def item(self) -> Item | None:
        """Image that is next."""
        return self.queue[0] if self.queue else None

    @property
    def judging(self) -> bool:
        """Whether the images of the queue wait for an interest, not for a class."""
        return self.source == INTEREST

    def leave(self) -> None:
        """Review nothing."""
        self._newest.drop()
        self.param.update(source="", queue=(), done=0, skipped=0, waiting=False, notes=())

    def start(self, source: str) -> None:
        """Make a queue: of suggestions, of what is likely interesting, or of what a prediction is least sure of."""
        self._passed = set()
        self.param.update(source=source, queue=(), done=0, skipped=0, notes=())
        self._ask()

    def _ask(self) -> None:
        place, scheme = self._navigation.place, self._labelling.scheme
        if place is None or not self.source or (scheme is None and not self.judging):
            return
        self.waiting = True
        if self.judging:
            passed = frozenset(self._passed)
            self._newest.ask(lambda: self._interesting(place, passed), self._show, self._failed)
        elif scheme is not None:
            source, labelled = self.source, np.array(sorted(self._labelling.labels.of), dtype=np.int64)
            self._newest.ask(lambda: self._to_label(place, source, scheme.id, labelled), self._show, self._failed)

    def _interesting(self, place: Place, passed: frozenset[int]) -> _Queue:
        client = self._library.client(place.project)
        count = _JUDGED_AT_ONCE + len(passed)
        found = client.remarks.rank(place.experiment.id, count=count, unjudged_only=True)
        rows = [row for row in found["row"].to_pylist() if row not in passed]
        return tuple(Item(row) for row in rows[:_JUDGED_AT_ONCE]), (_WORDS.ROUND,)

    def _to_label(self, place: Place, source: str, scheme: str, labelled: Rows) -> _Queue:
        client = self._library.client(place.project)
        if source == SECOND:
            rows = np.array(sorted(self._labelling.labels.unseen), dtype=np.int64)
            rows = np.random.default_rng(0).permutation(rows[rows < place.experiment.images])
            return tuple(Item(row) for row in rows[:_PREDICTED].tolist()), (_WORDS.SECOND_NOTE,)
        if source == SUGGESTIONS:
            found = client.labels.suggest(scheme, experiment=place.experiment.id, count=_SUGGESTED)
            return tuple(Item(row) for row in found.rows), found.notes
        table = client.predictions.table(place.experiment.id, source, columns=["label", "probability"])
        table = table.filter(np.isin(table["row"].to_numpy(), labelled, invert=True))
        table = table.take(pc.sort_indices(table, sort_keys=[("probability", "ascending")])).slice(0, _PREDICTED)
        columns = (table[name].to_pylist() for name in ("row", "label", "probability"))
        return tuple(Item(*each) for each in zip(*columns, strict=True)), (_WORDS.LEAST_SURE,)

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

    def judge(self, interest: int) -> None:
        """Say how interesting the next image is and go on; after the last one, what follows is learnt from all."""
        if self.item is not None:
            last = len(self.queue) == 1
            rows = np.array([self.item.row], dtype=np.int64)
            self._remarks.say(rows, interest=interest, then=self._ask if last else None)
            self.done += 1
            self._next()

    def skip(self) -> None:
        """Go on without a word."""
        if self.item is not None:
            self._passed.add(self.item.row)
            self.skipped += 1
            last = len(self.queue) == 1
            self._next()
            if last and self.judging:
                self._ask()

    def _next(self) -> None:
        self.queue = self.queue[1:]
        self._look()

    def _look(self) -> None:
        if self.item is not None:
            self._navigation.go(self.item.row)

    def _show(self, found: _Queue) -> None:
        self.param.update(queue=found[0], notes=found[1], waiting=False)
        self._look()

    def _failed(self, error: LseError) -> None:
        self.param.update(waiting=False, notes=(error.message,))
