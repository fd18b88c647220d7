"""Long work that one visitor sees: what runs, what ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import param

from lse.client.resources import Projection
from lse.platform.errors import LseError, NotFoundError
from lse_dashboard.data.library import Library, Methods
from lse_dashboard.data.operations import OperationRow, operation_row
from lse_dashboard.state.background import Background

__all__ = ["Work", "free_name"]

_ENDED_KEPT = 4


class Work(param.Parameterized):
    """Operations of a project.

    Parameters
    ----------
    library
        Where operations are asked for.
    background
        Runs what waits for the services.
    """

    methods: param.Parameter[Methods | None] = param.Parameter(None, doc="What can be run.")
    rows: param.Parameter[tuple[OperationRow, ...]] = param.Parameter(
        (), doc="Active operations, then those that ended meanwhile."
    )
    problem = param.String("", doc="Why the last wish was refused.")
    finished: param.Parameter[OperationRow | None] = param.Parameter(None, doc="Operation that ended last.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._started: set[str] = set()

    @property
    def active(self) -> bool:
        """Whether anything goes on."""
        return any(row.active for row in self.rows)

    def started_here(self, name: str) -> bool:
        """Whether this visitor asked for an operation."""
        return name in self._started

    def run_projection(
        self, project: str, experiment: str, *, name: str, method: str, components: int, settings: Mapping[str, str]
    ) -> None:
        """Ask for a projection."""

        def ask() -> OperationRow:
            operation = self._library.client(project).projections.run(
                name, experiment=experiment, method=method, components=components, settings=settings
            )
            return operation_row(operation)

        self._ask(ask)

    def run_clustering(
        self,
        project: str,
        experiment: str,
        *,
        name: str,
        method: str,
        on: Projection | None,
        settings: Mapping[str, str],
    ) -> None:
        """Ask for a clustering, in latent space or on a projection."""

        def ask() -> OperationRow:
            operation = self._library.client(project).clusterings.run(
                name, experiment=experiment, method=method, on="latent" if on is None else on.id, settings=settings
            )
            return operation_row(operation)

        self._ask(ask)

    def run_encoder(self, project: str, dataset: str, *, name: str, method: str, settings: Mapping[str, str]) -> None:
        """Ask for the training of an encoder."""
        self._ask(
            lambda: operation_row(
                self._library.client(project).encoders.train(name, dataset=dataset, method=method, settings=settings)
            )
        )

    def run_prediction(
        self, project: str, experiment: str, *, name: str, method: str, labels: str, settings: Mapping[str, str]
    ) -> None:
        """Ask for a prediction that learns from `labels`: ``label:SCHEME`` or ``column:NAME``."""
        kind, _, source = labels.partition(":")

        def ask() -> OperationRow:
            operation = self._library.client(project).predictions.run(
                name,
                experiment=experiment,
                scheme=source if kind == "label" else None,
                column=source if kind == "column" else None,
                method=method,
                settings=settings,
            )
            return operation_row(operation)

        self._ask(ask)

    def encode(self, project: str, encoder: str) -> None:
        """Ask for an experiment of an encoder and the dataset that it was trained on, named after the encoder."""

        def ask() -> OperationRow:
            client = self._library.client(project)
            taken = {experiment.id for experiment in client.experiments.list()}
            operation = client.experiments.encode(
                free_name(encoder, taken), dataset=client.encoders.get(encoder).dataset, encoder=encoder
            )
            return operation_row(operation)

        self._ask(ask)

    def cancel(self, project: str, name: str) -> None:
        """Ask to end an operation."""
        self._background(
            lambda: self._library.client(project).operations.cancel(name),
            self._cancelled,
            self._refused,
        )

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

    def _ask(self, ask: Callable[[], OperationRow]) -> None:
        self._background(ask, self._accepted, self._refused)

    def _accepted(self, row: OperationRow) -> None:
        self._started.add(row.name)
        self.param.update(rows=(row, *self.rows), problem="")
        if not row.active:
            self.finished = row

    def _cancelled(self, _: None) -> None:
        self.problem = ""

    def _refused(self, error: LseError) -> None:
        self.problem = error.message


def free_name(base: str, taken: set[str]) -> str:
    """The base, or the base with the first number that nobody has taken."""
    if base not in taken:
        return base
    return next(name for i in range(2, len(taken) + 3) if (name := f"{base}-{i}") not in taken)
