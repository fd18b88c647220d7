"""Operations in the catalogue."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from prometheus_client import Gauge
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from lse.errors import (
    AbortedError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from lse.filters import Field, Order
from lse.names import OPERATION
from lse.platform.access.quotas import Quotas
from lse.platform.auth import current_caller
from lse.platform.catalogue import Catalogue, Record, Resources
from lse.platform.catalogue.attempts import AttemptStore
from lse.platform.catalogue.operation_record import ACTIVE, Operation, operation_of_row
from lse.platform.catalogue.queries import FieldColumn, PageRequest, select_page
from lse.platform.catalogue.records.record import Facts
from lse.platform.catalogue.tables import OPERATIONS, RESOURCES
from lse.platform.tracing import name_operation

__all__ = ["Operation", "OperationStore"]

_PENDING = Gauge("lse_operations_pending", "Operations of the whole catalogue that wait to be worked on.")
_OLDEST = Gauge("lse_operations_pending_seconds", "How long the oldest operation that waits has waited.")
_WAITING = Gauge("lse_operations_waiting", "As lse_operations_pending, of a kind of work.", ["kind"])
_WAITING_SECONDS = Gauge("lse_operations_waiting_seconds", "As lse_operations_pending_seconds, of a kind.", ["kind"])
_RETRIED = ("failed", "cancelled")
_STATES = (*ACTIVE, "succeeded", *_RETRIED)
_COLUMNS = {
    **{name: FieldColumn(Field("text"), OPERATIONS.c[name]) for name in ("name", "kind", "target", "creator")},
    **{name: FieldColumn(Field("time"), OPERATIONS.c[name]) for name in ("create_time", "update_time", "end_time")},
    "state": FieldColumn(Field("choice", _STATES), OPERATIONS.c.state),
    "done": FieldColumn(Field("boolean"), OPERATIONS.c.state.not_in(ACTIVE)),
}


class OperationStore(AttemptStore):
    """The operations of a catalogue, as those see them who ask for work; see `AttemptStore` for those who do it.

    Parameters
    ----------
    catalogue
        The catalogue.
    quotas
        What projects may use; None for no limits.
    """

    def __init__(self, catalogue: Catalogue, quotas: Quotas | None = None) -> None:
        super().__init__(catalogue)
        self._quotas = quotas
        self._resources = Resources(catalogue)
        self._listeners: list[Callable[[], None]] = []
        self._kinds_seen: set[str] = set()

    def create(
        self,
        kind: str,
        target: Record[Any, Any] | str,
        *,
        parameters: Facts | None = None,
        request_id: str = "",
        request_digest: str = "",
        alone: bool = False,
    ) -> Operation:
        """Keep a new operation and, with it in one step, the resource that it will make.

        Parameters
        ----------
        kind
            Kind of operation.
        target
            New resource, or the name of one that is there.
        parameters
            What the job needs beside its target.
        request_id
            The same one gives the operation that was made with it before.
        request_digest
            Digest of all else in the request.
        alone
            Refuse where another of this kind is at work on the target.

        Raises
        ------
        AlreadyExistsError
            If the name of the new resource is taken.
        FailedPreconditionError
            If it is to be alone and is not.
        InvalidArgumentError
            If the request id was used for another request.
        ResourceExhaustedError
            If the project may have no more operations or bulk data.
        """
        given = {} if parameters is None else parameters.model_dump(mode="json")
        request = {"request_id": request_id or None, "request_digest": request_digest}
        return self._create(kind, target, given, alone=alone, **request)

    def retry(self, name: str, *, request_id: str = "", request_digest: str = "") -> Operation:
        """Do the work of an operation again that failed or was cancelled, as a new one of whoever asks for it.

        Parameters
        ----------
        name
            The operation.
        request_id, request_digest
            As of `create`.

        Raises
        ------
        NotFoundError
            If there is no such operation, or what it was to change is gone.
        AlreadyExistsError
            If it was cancelled and left what it made all the same, as a training does.
        FailedPreconditionError
            If it did not fail and was not cancelled, worked on a file that was sent, or was done again since.
        ResourceExhaustedError
            As of `create`.
        """
        earlier = self.get(name)
        request: dict[str, Any] = {"request_id": request_id or None, "request_digest": request_digest}
        with self._catalogue.reading() as connection:
            if asked := self._by_request(connection, name.rsplit("/", 2)[0], replace(earlier, **request)):
                return asked
        if earlier.state not in _RETRIED:
            raise FailedPreconditionError(
                f"The operation is {earlier.state}: only one that failed or was cancelled can be run again.",
                reason="RETRY_REFUSED",
                name=name,
            )
        if earlier.kind.startswith("Import"):
            raise FailedPreconditionError(
                "It worked on a file that was sent, which is not kept after the end: send the file again.",
                reason="UPLOAD_LOST",
                name=name,
            )
        there = self._resources.any(earlier.target)
        if there.operation == name:
            return self._create(earlier.kind, there.anew(), earlier.parameters, alone=True, **request)
        if there.create_time > earlier.create_time:
            raise FailedPreconditionError(
                f"{there.name} was made again since: see {there.operation or 'it'}.", reason="RETRY_REFUSED", name=name
            )
        there.result  # noqa: B018  # raises where there is nothing to change
        return self._create(earlier.kind, there.name, earlier.parameters, alone=True, **request)

    def _create(
        self, kind: str, target: Record[Any, Any] | str, parameters: Mapping[str, Any], *, alone: bool, **request: Any
    ) -> Operation:
        target_name = target if isinstance(target, str) else target.name
        name = OPERATION.format(target_name.split("/")[1], uuid.uuid4().hex)
        name_operation(name)
        operation = Operation(
            name,
            kind,
            target_name,
            parameters,
            creator=current_caller().name,
            call_id=structlog.contextvars.get_contextvars().get("request_id", ""),
            **request,
        )
        kept = self._keep(operation, target, alone=alone)
        self._tell()
        return kept

    def _keep(self, operation: Operation, target: Record[Any, Any] | str, *, alone: bool) -> Operation:
        project = operation.name.rsplit("/", 2)[0]
        try:
            with self._catalogue.transaction() as connection:
                if earlier := self._by_request(connection, project, operation):
                    return earlier
                if self._quotas is not None:
                    # Whatever it makes has at least a byte.
                    self._quotas.require_within(connection, project, operation_count=1, byte_count=1)
                if isinstance(target, Record):
                    self._resources.create_within(connection, target.model_copy(update={"operation": operation.name}))
                elif alone:
                    self._refuse_second(connection, operation)
                self._insert(connection, project, operation)
        except IntegrityError:
            # Another process kept the same request or name between our look and our write: now it can be seen.
            with self._catalogue.reading() as connection:
                if earlier := self._by_request(connection, project, operation):
                    return earlier
            raise AbortedError(
                "Another request made the same resource at the same moment: look at it and try again.",
                reason="RESOURCE_CONFLICT",
            ) from None
        return operation

    def _insert(self, connection: Connection, project: str, operation: Operation) -> None:
        kept = (
            *("name", "kind", "target", "parameters", "request_id", "request_digest"),
            *("creator", "call_id", "state", "create_time", "update_time"),
        )
        values = {key: getattr(operation, key) for key in kept}
        connection.execute(insert(OPERATIONS).values(project=project, progress={}, stages=[], **values))

    def _by_request(self, connection: Connection, project: str, operation: Operation) -> Operation | None:
        if operation.request_id is None:
            return None
        row = connection.execute(
            select(OPERATIONS).where(OPERATIONS.c.project == project, OPERATIONS.c.request_id == operation.request_id)
        ).one_or_none()
        if row is None:
            return None
        earlier = operation_of_row(row)
        # Operations of version 0.1 have no digest.
        same = (earlier.kind, earlier.target) == (operation.kind, operation.target)
        if not same or earlier.request_digest not in ("", operation.request_digest):
            raise InvalidArgumentError(
                f"The request id '{operation.request_id}' was used for another request: give each its own.",
                reason="REQUEST_ID_TAKEN",
            )
        return earlier

    def _refuse_second(self, connection: Connection, operation: Operation) -> None:
        # Whoever else asks at this moment waits here for the row of the target.
        connection.execute(select(RESOURCES.c.uid).where(RESOURCES.c.name == operation.target).with_for_update())
        first = connection.execute(
            select(OPERATIONS.c.name).where(
                OPERATIONS.c.target == operation.target,
                OPERATIONS.c.kind == operation.kind,
                OPERATIONS.c.state.in_(ACTIVE),
            )
        ).scalar()
        if first is not None:
            raise FailedPreconditionError(
                f"The same is being done already: wait for {first} or cancel it.",
                reason="WORK_IN_PROGRESS",
                operation=first,
            )

    def active(self, target: str) -> list[str]:
        """Names of the operations at work on a resource."""
        with self._catalogue.reading() as connection:
            return list(
                connection.execute(
                    select(OPERATIONS.c.name).where(OPERATIONS.c.target == target, OPERATIONS.c.state.in_(ACTIVE))
                ).scalars()
            )

    def measure_queue(self) -> None:
        """Set the metrics of what waits to be worked on, in the whole catalogue."""
        query = select(OPERATIONS.c.kind, func.count(), func.min(OPERATIONS.c.create_time))
        with self._catalogue.reading() as connection:
            found = connection.execute(query.where(OPERATIONS.c.state == "pending").group_by(OPERATIONS.c.kind)).all()
        counts = {kind: (count, max(0.0, time.time() - since)) for kind, count, since in found}
        self._kinds_seen |= counts.keys()
        for kind in self._kinds_seen:
            count, seconds = counts.get(kind, (0, 0.0))
            _WAITING.labels(kind).set(count)
            _WAITING_SECONDS.labels(kind).set(seconds)
        _PENDING.set(sum(count for count, _ in counts.values()))
        _OLDEST.set(max((seconds for _, seconds in counts.values()), default=0.0))

    def get(self, name: str) -> Operation:
        """Operation of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        with self._catalogue.reading() as connection:
            row = connection.execute(select(OPERATIONS).where(OPERATIONS.c.name == name)).one_or_none()
        if row is None:
            raise NotFoundError(
                f"There is no operation named '{name.rsplit('/', 1)[-1]}' here.",
                reason="OPERATION_NOT_FOUND",
                name=name,
            )
        return operation_of_row(row)

    def page(
        self,
        project: str,
        request: PageRequest = PageRequest(),  # noqa: B008  # it is immutable
    ) -> tuple[list[Operation], str]:
        """Page of the operations of a project, or of all when it is empty, newest first, and the next page's token."""
        query = select(OPERATIONS).where(OPERATIONS.c.project == project) if project else select(OPERATIONS)
        newest = Order("create_time", descending=True)
        with self._catalogue.reading() as connection:
            rows = select_page(connection, query, _COLUMNS, request, scope=f"operations {project}", order=newest)
        return [operation_of_row(row) for row in rows.rows], rows.token_after(len(rows.rows))

    def request_cancel(self, name: str) -> None:
        """Ask that an operation end; does nothing where it has ended."""
        self.get(name)
        now = time.time()
        with self._catalogue.transaction() as connection:
            connection.execute(
                update(OPERATIONS)
                .where(OPERATIONS.c.name == name, OPERATIONS.c.state.in_(ACTIVE))
                .values(cancel_requested=True, update_time=now)
            )
        self._tell()

    def delete(self, name: str) -> None:
        """Forget an operation that has ended."""
        if not self.get(name).done:
            raise FailedPreconditionError(
                "The operation is still running: cancel it before deleting it.", reason="OPERATION_IN_PROGRESS"
            )
        with self._catalogue.transaction() as connection:
            connection.execute(delete(OPERATIONS).where(OPERATIONS.c.name == name))

    def on_changed(self, tell: Callable[[], None]) -> None:
        """Have a function called after each operation that this process creates or is asked to cancel."""
        self._listeners.append(tell)

    def _tell(self) -> None:
        for tell in self._listeners:
            tell()
