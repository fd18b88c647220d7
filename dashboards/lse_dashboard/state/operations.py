"""Long work that one visitor sees: what runs, what has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from lse.client import Operation
from lse.client.resources import Method
from lse.errors import LseError, NotFoundError
from lse_dashboard.data.computations import Computation, Kind, free_name, started
from lse_dashboard.data.library import Library
from lse_dashboard.data.operations import OperationRow, operation_row
from lse_dashboard.state.background import Background

__all__ = ["Operations"]

_ENDED_KEPT = 4


class Operations(param.Parameterized):
    """Operations of a project.

    Parameters
    ----------
    library
        Where operations are asked for.
    background
        Runs what waits for the services.
    """

    methods: param.Parameter[dict[Kind, tuple[Method, ...]]] = param.Parameter({}, doc="What can be run.")
    rows: param.Parameter[tuple[OperationRow, ...]] = param.Parameter(
        (), doc="Active operations, then those that ended meanwhile."
    )
    accepted: param.Parameter[OperationRow | None] = param.Parameter(None, doc="Operation that was asked for last.")
    problem = param.String("", doc="Why the last request was refused.")
    finished: param.Parameter[OperationRow | None] = param.Parameter(None, doc="Operation that ended last.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._started: set[str] = set()

    @property
    def active(self) -> bool:
        """Whether any is under way."""
        return any(row.active for row in self.rows)

    def started_here(self, name: str) -> bool:
        """Whether this visitor asked for an operation."""
        return name in self._started

    def run(self, project: str, computation: Computation) -> None:
        """Ask for a computation."""
        self.ask(lambda: started(self._library.client(project), computation))

    def encode(self, project: str, encoder: str) -> None:
        """Ask for an experiment of an encoder and the dataset that it was trained on, named after the encoder."""

        def ask() -> Operation[Any]:
            client = self._library.client(project)
            taken = {experiment.id for experiment in client.experiments.list()}
            name, dataset = free_name(encoder, taken), client.encoders.get(encoder).dataset
            return client.experiments.encode(name, dataset=dataset, encoder=encoder)

        self.ask(ask)

    def cancel(self, project: str, name: str) -> None:
        """Ask to end an operation."""
        self._background(lambda: self._library.client(project).operations.cancel(name), self._cancelled, self._refused)

    def dismiss(self, name: str) -> None:
        """Forget an operation that ended."""
        self.rows = tuple(row for row in self.rows if row.active or row.name != name)

    def leave(self) -> None:
        """Forget all operations, because the visitor goes to another project."""
        self.param.update(rows=(), problem="", finished=None)

    def look(self, project: str) -> Callable[[], tuple[OperationRow, ...]]:
        """What asks the services for all operations of interest; to be run in the background, then `seen`."""
        before = self.rows

        def ask() -> tuple[OperationRow, ...]:
            client = self._library.client(project)
            active = {operation.name: operation_row(operation) for operation in client.operations.list(active=True)}
            ended = []
            for row in before:
                if row.name in active:
                    continue
                if not row.active:
                    ended.append(row)
                    continue
                try:
                    ended.append(operation_row(client.operations.get(row.name)))
                except NotFoundError:
                    continue
            return (*active.values(), *ended)

        return ask

    def seen(self, rows: tuple[OperationRow, ...]) -> None:
        """Take over what `look` found."""
        before = {row.name: row for row in self.rows}
        # One asked for since then is not among them yet.
        found = {row.name for row in rows}
        new = tuple(row for row in self.rows if row.name not in found and row.active)
        active = [row for row in (*new, *rows) if row.active]
        ended = [row for row in rows if not row.active and (row.name in before)][:_ENDED_KEPT]
        self.rows = (*active, *ended)
        for row in ended:
            if before[row.name].active:
                self.finished = row

    def ask(
        self,
        ask: Callable[[], Operation[Any]],
        then: Callable[[OperationRow], None] = lambda _: None,
        failed: Callable[[LseError], None] | None = None,
    ) -> None:
        """Ask for long work.

        Parameters
        ----------
        ask
            Starts it.
        then
            Called when it was accepted.
        failed
            Called when it was refused, in place of saying so here.
        """
        self.problem = ""

        def accepted(row: OperationRow) -> None:
            self._accepted(row)
            then(row)

        self._background(lambda: operation_row(ask()), accepted, failed or self._refused)

    def _accepted(self, row: OperationRow) -> None:
        self._started.add(row.name)
        self.param.update(rows=(row, *self.rows), accepted=row, problem="")
        if not row.active:
            self.finished = row

    def _cancelled(self, _: None) -> None:
        self.problem = ""

    def _refused(self, error: LseError) -> None:
        self.problem = error.message
