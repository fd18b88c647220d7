"""Operations in the catalogue."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from lse.platform.catalogue import Catalogue, Resource, Resources
from lse.platform.catalogue.resources import decode_page_token, encode_page_token, page_limit
from lse.platform.catalogue.tables import OPERATIONS, RESOURCES, TASKS
from lse.platform.errors import (
    AbortedError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
    error_class,
)
from lse.platform.names import OPERATION
from lse.platform.progress import Progress

__all__ = ["Operation", "OperationStore"]

ACTIVE = ("pending", "running")


@dataclass(frozen=True)
class Operation:
    """An operation as the catalogue keeps it.

    Attributes
    ----------
    name
        ``projects/{project}/operations/{operation}``.
    kind
        Method that asked for it, such as ``IngestDataset``.
    target
        Name of the resource that it makes or changes.
    parameters
        All that its job needs, as JSON.
    request_id
        Identifier of the request, None where it had none.
    state
        ``pending``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
    cancel_requested
        Whether it is to end.
    progress
        Last progress, with its ``rate`` in units a second.
    stages
        Finished stages and their seconds, over all attempts.
    error
        What it ended with.
    response
        Serialized ``google.protobuf.Any``, once it succeeded.
    attempts
        How often work on it began.
    create_time, start_time, update_time, end_time
        Seconds since 1970, UTC.
    """

    name: str
    kind: str
    target: str
    parameters: Mapping[str, Any]
    request_id: str | None = None
    state: str = "pending"
    cancel_requested: bool = False
    progress: Mapping[str, Any] = field(default_factory=dict)
    stages: Sequence[tuple[str, float]] = ()
    error: LseError | None = None
    response: bytes | None = None
    attempts: int = 0
    create_time: float = field(default_factory=time.time)
    start_time: float | None = None
    update_time: float = field(default_factory=time.time)
    end_time: float | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state not in ACTIVE


class OperationStore:
    """The operations of a catalogue.

    Parameters
    ----------
    catalogue
        The catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._resources = Resources(catalogue)

    def create(
        self,
        kind: str,
        project: str,
        target: Resource | str,
        *,
        parameters: Mapping[str, Any],
        request_id: str = "",
        alone: bool = False,
    ) -> Operation:
        """Keep a new operation and, with it in one step, the resource that it will make.

        Parameters
        ----------
        kind
            Kind of operation.
        project
            Name of the project.
        target
            New resource, or the name of one that is there.
        parameters
            What the job needs, as JSON.
        request_id
            The same one gives the operation that was made with it before.
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
        """
        name = OPERATION.format(project.split("/")[1], uuid.uuid4().hex)
        target_name = target if isinstance(target, str) else target.name
        operation = Operation(name, kind, target_name, parameters, request_id or None)
        try:
            with self._catalogue.transaction() as connection:
                if earlier := self._by_request(connection, project, operation):
                    return earlier
                if isinstance(target, Resource):
                    self._resources.create_within(connection, replace(target, operation=name))
                elif alone:
                    self._refuse_second(connection, operation)
                connection.execute(
                    insert(OPERATIONS).values(
                        name=name,
                        project=project,
                        kind=kind,
                        target=target_name,
                        parameters=dict(parameters),
                        request_id=operation.request_id,
                        state="pending",
                        progress={},
                        stages=[],
                        create_time=operation.create_time,
                        update_time=operation.update_time,
                    )
                )
        except IntegrityError:
            # Another process kept the same request or name between our look and our write: now it can be seen.
            with self._catalogue.transaction() as connection:
                if earlier := self._by_request(connection, project, operation):
                    return earlier
            raise AbortedError(
                "Another request made the same resource at the same moment: look at it and try again.",
                reason="CONFLICT",
            ) from None
        return operation

    def _by_request(self, connection: Connection, project: str, operation: Operation) -> Operation | None:
        if operation.request_id is None:
            return None
        row = connection.execute(
            select(OPERATIONS).where(OPERATIONS.c.project == project, OPERATIONS.c.request_id == operation.request_id)
        ).one_or_none()
        if row is None:
            return None
        earlier = _from_row(row)
        same = (earlier.kind, earlier.target) == (operation.kind, operation.target)
        if not same or dict(earlier.parameters) != dict(operation.parameters):
            raise InvalidArgumentError(
                f"The request id '{operation.request_id}' was used for another request: give each its own.",
                reason="REQUEST_ID_REUSED",
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
                reason="ALREADY_UNDER_WAY",
                operation=first,
            )

    def active(self, target: str) -> list[str]:
        """Names of the operations at work on a resource."""
        with self._catalogue.transaction() as connection:
            return list(
                connection.execute(
                    select(OPERATIONS.c.name).where(OPERATIONS.c.target == target, OPERATIONS.c.state.in_(ACTIVE))
                ).scalars()
            )

    def get(self, name: str) -> Operation:
        """Operation of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        with self._catalogue.transaction() as connection:
            row = connection.execute(select(OPERATIONS).where(OPERATIONS.c.name == name)).one_or_none()
        if row is None:
            raise NotFoundError(
                f"There is no operation named '{name.rsplit('/', 1)[-1]}' here.",
                reason="OPERATION_NOT_FOUND",
                name=name,
            )
        return _from_row(row)

    def page(
        self, project: str, *, active: bool = False, page_size: int = 0, page_token: str = ""
    ) -> tuple[list[Operation], str]:
        """Page of the operations of a project, newest first, and the token of the next page."""
        size = page_limit(page_size)
        query = select(OPERATIONS).where(OPERATIONS.c.project == project)
        if active:
            query = query.where(OPERATIONS.c.state.in_(ACTIVE))
        if page_token:
            created, _, name = decode_page_token(page_token).partition(" ")
            query = query.where(
                or_(
                    OPERATIONS.c.create_time < float(created),
                    and_(OPERATIONS.c.create_time == float(created), OPERATIONS.c.name < name),
                )
            )
        query = query.order_by(OPERATIONS.c.create_time.desc(), OPERATIONS.c.name.desc()).limit(size + 1)
        with self._catalogue.transaction() as connection:
            found = [_from_row(row) for row in connection.execute(query).all()]
        last = found[size - 1] if len(found) > size else None
        return found[:size], encode_page_token(f"{last.create_time!r} {last.name}") if last else ""

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

    def delete(self, name: str) -> None:
        """Forget an operation that has ended."""
        if not self.get(name).done:
            raise InvalidArgumentError(
                "The operation is still running: cancel it before deleting it.", reason="OPERATION_ACTIVE"
            )
        with self._catalogue.transaction() as connection:
            connection.execute(delete(OPERATIONS).where(OPERATIONS.c.name == name))

    # What runners do

    def release(self, owner: str) -> None:
        """Give up all operations of an owner, so that they are claimed again at once."""
        with self._catalogue.transaction() as connection:
            connection.execute(update(OPERATIONS).where(OPERATIONS.c.owner == owner).values(owner=None))

    def claim(self, owner: str, kinds: Iterable[str], *, stale_seconds: float, limit: int) -> list[Operation]:
        """Take operations that nobody works on, oldest first.

        Parameters
        ----------
        owner
            Who takes them.
        kinds
            Kinds that the owner can do.
        stale_seconds
            After so long without a heartbeat an owner counts as lost.
        limit
            At most so many.
        """
        now = time.time()
        free = and_(
            OPERATIONS.c.state.in_(ACTIVE),
            OPERATIONS.c.kind.in_(list(kinds)),
            or_(OPERATIONS.c.owner.is_(None), OPERATIONS.c.heartbeat < now - stale_seconds),
        )
        with self._catalogue.transaction() as connection:
            rows = connection.execute(
                select(OPERATIONS)
                .where(free)
                .order_by(OPERATIONS.c.create_time)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            claimed = []
            for row in rows:
                connection.execute(
                    update(OPERATIONS)
                    .where(OPERATIONS.c.name == row.name)
                    .values(
                        owner=owner,
                        heartbeat=now,
                        state="running",
                        attempts=row.attempts + 1,
                        start_time=now,
                        update_time=now,
                    )
                )
                claimed.append(replace(_from_row(row), state="running", attempts=row.attempts + 1, start_time=now))
        return claimed

    def heartbeat(self, owner: str, names: Sequence[str]) -> dict[str, bool]:
        """Tell that an owner works on some operations; whether each, if still its own, is to be cancelled."""
        mine = and_(OPERATIONS.c.owner == owner, OPERATIONS.c.state == "running", OPERATIONS.c.name.in_(list(names)))
        with self._catalogue.transaction() as connection:
            connection.execute(update(OPERATIONS).where(mine).values(heartbeat=time.time()))
            rows = connection.execute(select(OPERATIONS.c.name, OPERATIONS.c.cancel_requested).where(mine)).all()
        return {row.name: row.cancel_requested for row in rows}

    def save_progress(self, name: str, progress: Progress, *, rate: float, stages: Sequence[tuple[str, float]]) -> None:
        """Keep how far an operation has come."""
        with self._catalogue.transaction() as connection:
            connection.execute(
                update(OPERATIONS)
                .where(OPERATIONS.c.name == name)
                .values(
                    progress={
                        "stage": progress.stage,
                        "done": progress.done,
                        "total": progress.total,
                        "unit": progress.unit,
                        "rate": rate,
                        "metrics": dict(progress.metrics),
                    },
                    stages=[list(stage) for stage in stages],
                    update_time=time.time(),
                )
            )

    def task_results(self, name: str, stage: str) -> dict[str, Any]:
        """Results of the finished tasks of a stage."""
        with self._catalogue.transaction() as connection:
            rows = connection.execute(
                select(TASKS.c.task, TASKS.c.result).where(TASKS.c.operation == name, TASKS.c.stage == stage)
            ).all()
        return {row.task: row.result for row in rows}

    def save_task(self, name: str, stage: str, task: str, result: Any) -> None:
        """Keep the result of a finished task."""
        with self._catalogue.transaction() as connection:
            connection.execute(insert(TASKS).values(operation=name, stage=stage, task=task, result=result))

    def finish(
        self,
        name: str,
        owner: str,
        *,
        state: str,
        stages: Sequence[tuple[str, float]] = (),
        error: LseError | None = None,
        response: bytes | None = None,
        resource: Resource | None = None,
    ) -> bool:
        """End an operation and, in the same step, keep the resource that it made.

        Returns
        -------
        bool
            False where the operation belongs to another owner by now: nothing was kept.
        """
        now = time.time()
        record = None
        if error is not None:
            record = {
                "code": error.code,
                "message": error.message,
                "reason": error.reason,
                "metadata": dict(error.metadata),
            }
        with self._catalogue.transaction() as connection:
            ended = connection.execute(
                update(OPERATIONS)
                .where(OPERATIONS.c.name == name, OPERATIONS.c.owner == owner, OPERATIONS.c.state == "running")
                .values(
                    state=state,
                    error=record,
                    response=base64.b64encode(response).decode() if response is not None else None,
                    stages=[list(stage) for stage in stages],
                    owner=None,
                    update_time=now,
                    end_time=now,
                )
            ).rowcount
            if not ended:
                return False
            if resource is not None:
                self._resources.save_within(connection, resource)
            connection.execute(delete(TASKS).where(TASKS.c.operation == name))
        return True


def _from_row(row: Row[Any]) -> Operation:
    error = None
    if row.error is not None:
        error = error_class(row.error["code"])(row.error["message"], reason=row.error["reason"])
        error.metadata = dict(row.error["metadata"])
    return Operation(
        name=row.name,
        kind=row.kind,
        target=row.target,
        parameters=row.parameters,
        request_id=row.request_id,
        state=row.state,
        cancel_requested=row.cancel_requested,
        progress=row.progress,
        stages=tuple((stage, seconds) for stage, seconds in row.stages),
        error=error,
        response=base64.b64decode(row.response) if row.response else None,
        attempts=row.attempts,
        create_time=row.create_time,
        start_time=row.start_time,
        update_time=row.update_time,
        end_time=row.end_time,
    )
