"""The images that one visitor has selected, and the way back: what survives zoom, colours and another map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import param

from lse_dashboard.data.images import Rows

__all__ = ["Combine", "Selection", "Step"]

Combine = Literal["replace", "add", "subtract", "intersect"]

# Steps kept: a step takes eight bytes a selected image, and nobody goes back further.
_STEPS = 100


@dataclass(frozen=True, eq=False)
class Step:
    """One state of the selection.

    Attributes
    ----------
    rows
        Selected rows of the dataset, ascending, shape (n,).
    origin
        What made it, such as ``lasso``.
    """

    rows: Rows
    origin: str = ""


_NOTHING = Step(np.zeros(0, dtype=np.int64))


class Selection(param.Parameterized):
    """Selected rows of a dataset.

    The selection is a set of images, not of points: it stays the same whatever map shows them, whatever hides them.
    """

    step: param.Parameter[Step] = param.Parameter(_NOTHING, doc="What is selected.")
    combine: param.Parameter[Combine] = param.Parameter(
        "replace", doc="What the next selection does with the present one."
    )

    held: param.Parameter[Combine | None] = param.Parameter(
        None, doc="What it does with it as long as a key is held, whatever is set."
    )

    def __init__(self) -> None:
        super().__init__()
        self._dataset = ""
        self._undone: list[Step] = []
        self._done: list[Step] = []

    @property
    def rows(self) -> Rows:
        """Selected rows, ascending, shape (n,)."""
        return self.step.rows

    @property
    def can_undo(self) -> bool:
        """Whether there is a state before this one."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a state that was undone."""
        return bool(self._undone)

    def enter(self, dataset: str) -> None:
        """Go to a dataset, given its uid; the selection stays as long as the dataset does."""
        if dataset != self._dataset:
            self._dataset = dataset
            self._done, self._undone = [], []
            self.step = _NOTHING

    def choose(self, rows: Rows, origin: str, *, combine: Combine | None = None) -> None:
        """Combine the selection with other rows.

        Parameters
        ----------
        rows
            Rows in any order, shape (n,).
        origin
            What chose them.
        combine
            How; as the visitor set it when not given.
        """
        before, given = self.rows, _ascending(rows)
        how = combine or self.held or self.combine
        if how == "add":
            given = np.union1d(before, given)
        elif how == "subtract":
            given = np.setdiff1d(before, given, assume_unique=True)
        elif how == "intersect":
            given = np.intersect1d(before, given, assume_unique=True)
        self._go(Step(given, origin))

    def invert(self, every: Rows, origin: str) -> None:
        """Select all others of `every` row."""
        self._go(Step(np.setdiff1d(every, self.rows, assume_unique=True), origin))

    def clear(self) -> None:
        """Select nothing."""
        self._go(_NOTHING)

    def undo(self) -> None:
        """Go back to the state before."""
        if self._done:
            self._undone.append(self.step)
            self.step = self._done.pop()

    def redo(self) -> None:
        """Go again to the state that was undone."""
        if self._undone:
            self._done.append(self.step)
            self.step = self._undone.pop()

    def _go(self, step: Step) -> None:
        if np.array_equal(step.rows, self.rows):
            return
        self._done = [*self._done, self.step][-_STEPS:]
        self._undone = []
        self.step = step


def _ascending(rows: Rows) -> Rows:
    """Rows in order, each once; those of a map are so already, and a million would take long to sort."""
    given = np.asarray(rows, dtype=np.int64)
    return given if (given[1:] > given[:-1]).all() else np.unique(given)
