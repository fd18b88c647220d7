"""Long work as an object that one can watch, wait for and cancel."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, cast

from google.longrunning import operations_pb2 as pb

from latentspace.access.v1.access_pb2 import RetryOperationRequest
from latentspace.type.v1.operation_pb2 import OperationMetadata
from lse.client.connection import Connection
from lse.client.progress import OperationProgress, ProgressBar, someone_watches
from lse.client.resources.fields import Received, received
from lse.client.subject import Subject
from lse.errors import (
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    LseError,
    UnavailableError,
)
from lse.names import OPERATION
from lse.status import error_of

__all__ = ["Operation", "OperationState", "Operations"]

OperationState = Literal["pending", "running", "cancelling", "succeeded", "failed", "cancelled"]
T = TypeVar("T")

# How long services may be away, as when they are restarted, before a wait gives up: operations outlive them.
_PATIENCE = 60.0
_POLL_SECONDS = 1.0
_EVERYWHERE = "projects/-"
_GRACE_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class _Look(Received, message=OperationMetadata, attempts="attempt_count"):
    """What was seen of an operation at one moment."""

    kind: str
    target: str
    state: OperationState | Literal[""]
    progress: OperationProgress | None
    stages: dict[str, float]
    create_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    attempts: int
    request_id: str
    creator: str


class Operation(Generic[T]):
    """Long work that the services do, whoever watches.

    Its attributes are those of the last look; `refresh`, `progress`, `watch` and `wait` look again.
    """

    def __init__(self, message: pb.Operation, connection: Connection) -> None:
        self._connection = connection
        self._update(message)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.kind} of {self.target}, {self.state}>"

    def _update(self, message: pb.Operation) -> None:
        metadata = OperationMetadata()
        message.metadata.Unpack(metadata)
        self._message = message
        self._look = _Look.from_pb(metadata)

    @property
    def name(self) -> str:
        """Full resource name."""
        return str(self._message.name)

    @property
    def id(self) -> str:
        """Last part of the name."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def kind(self) -> str:
        """What is being done, such as ``IngestDataset``."""
        return self._look.kind

    @property
    def target(self) -> str:
        """Name of the resource that it makes or changes."""
        return self._look.target

    @property
    def request_id(self) -> str:
        """Identifier with which it was asked for."""
        return self._look.request_id

    @property
    def creator(self) -> str:
        """Who asked for it."""
        return self._look.creator

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return bool(self._message.done)

    @property
    def state(self) -> OperationState:
        """Where it stands."""
        if self._look.state:
            return self._look.state
        if not self.done:
            return "running"
        return "failed" if self._message.HasField("error") else "succeeded"

    @property
    def error(self) -> LseError | None:
        """What it ended with; None while it runs and where it succeeded."""
        return error_of(self._message.error) if self._message.HasField("error") else None

    @property
    def stages(self) -> list[tuple[str, float]]:
        """Finished stages, each with its wall-clock seconds over all attempts."""
        return list(self._look.stages.items())

    @property
    def attempts(self) -> int:
        """How often work began: more than 1 after a process was lost."""
        return self._look.attempts

    @property
    def create_time(self) -> datetime | None:
        """When it was asked for."""
        return self._look.create_time

    @property
    def start_time(self) -> datetime | None:
        """When work began, last time if it was resumed."""
        return self._look.start_time

    @property
    def end_time(self) -> datetime | None:
        """When it ended."""
        return self._look.end_time

    @property
    def last_progress(self) -> OperationProgress:
        """Progress of the last look."""
        return self._look.progress or OperationProgress("")

    def refresh(self) -> Operation[T]:
        """Look again, and return this operation."""
        self._update(self._connection.call(pb.GetOperationRequest(name=self.name)))
        return self

    def progress(self) -> OperationProgress:
        """Progress of this moment."""
        return self.refresh().last_progress

    def poll(self, seconds: float, *, patience: float = _PATIENCE) -> bool:
        """Wait a short while for the end; whether it has come.

        Parameters
        ----------
        seconds
            How long the services hold the answer back while the operation runs.
        patience
            Seconds that the services may be away.
        """
        request = pb.WaitOperationRequest(name=self.name)
        request.timeout.FromMilliseconds(max(1, int(1000 * seconds)))
        lost: float | None = None
        while not self.done:
            try:
                self._update(self._connection.call(request, timeout=seconds + _GRACE_SECONDS))
                break
            except (UnavailableError, DeadlineExceededError, CancelledError):
                # A server that goes down may cut the call short with any of these.
                now = time.monotonic()
                lost = now if lost is None else lost
                if now - lost >= patience:
                    raise
                time.sleep(min(0.5, patience))
        return self.done

    def watch(
        self, timeout: float | None = None, *, interval: float = _POLL_SECONDS, patience: float = _PATIENCE
    ) -> Iterator[OperationProgress]:
        """Progress now, about once an interval, and at the end.

        Parameters
        ----------
        timeout
            Seconds after which waiting, not the work, ends; None waits for as long as it takes.
        interval
            Seconds between two looks.
        patience
            Seconds that the services may be away, as when they are restarted.

        Raises
        ------
        DeadlineExceededError
            If the timeout passes before the end.
        UnavailableError
            If the services stay away for longer than `patience`.
        """
        start = time.monotonic()
        yield self.last_progress
        while not self.done:
            left = float("inf") if timeout is None else timeout - (time.monotonic() - start)
            if left <= 0:
                raise DeadlineExceededError(
                    f"The operation {self.id} still runs after {timeout:g} s: wait for it again or cancel it.",
                    reason="OPERATION_TIMEOUT",
                    name=self.name,
                )
            self.poll(min(interval, left), patience=patience)
            yield self.last_progress

    def wait(
        self,
        timeout: float | None = None,
        *,
        show_progress: bool | None = None,
        label: str = "",
        patience: float = _PATIENCE,
    ) -> T:
        """Wait for the end and return what was made.

        Parameters
        ----------
        timeout
            Seconds after which waiting, not the work, ends; None waits for as long as it takes.
        show_progress
            Whether to draw a progress bar; None draws one in a terminal and in a notebook.
        label
            Put before the stage on the progress bar.
        patience
            Seconds that the services may be away, as when they are restarted.

        Raises
        ------
        LseError
            What the work ended with, `CancelledError` if it was cancelled; `DeadlineExceededError` and
            `UnavailableError` as for `watch`.
        """
        if show_progress is None:
            show_progress = someone_watches()
        if show_progress:
            with ProgressBar(label) as bar:
                for progress in self.watch(timeout, patience=patience):
                    bar.show(progress)
        else:
            for _ in self.watch(timeout, interval=10 * _POLL_SECONDS, patience=patience):
                pass
        return self.result()

    def cancel(self) -> None:
        """Ask the services to end the work; it ends as soon as the present step allows."""
        self._connection.call(pb.CancelOperationRequest(name=self.name))

    def result(self) -> T:
        """What was made.

        Raises
        ------
        FailedPreconditionError
            If it has not ended.
        LseError
            What it ended with.
        """
        if not self.done:
            raise FailedPreconditionError(
                f"The operation {self.id} is still {self.state}: wait for it.",
                reason="OPERATION_IN_PROGRESS",
                name=self.name,
            )
        error = self.error
        if error is not None:
            raise error
        made = received(self._message.response)
        if made is None:
            raise InternalError(
                f"The operation {self.id} ended without a result that this client knows: "
                "client and services may be of different versions.",
                reason="RESULT_UNKNOWN",
                type_url=self._message.response.type_url,
            )
        return cast("T", made)


class Operations(Subject):
    """The operations of a project."""

    def list(
        self,
        *,
        active: bool = False,
        filter: str = "",  # noqa: A002  # the word of the API
        everywhere: bool = False,
        limit: int | None = None,
    ) -> list[Operation[Any]]:
        """Operations, newest first.

        Parameters
        ----------
        active
            Only those that have not ended.
        filter
            Only those that fulfil a filter such as ``kind = TrainEncoder AND creator = ada`` (default: all).
        everywhere
            In all projects, for operators.
        limit
            At most so many (default: all).
        """
        wanted = [*(["done = false"] if active else []), *([f"({filter})"] if filter else [])]
        request = pb.ListOperationsRequest(
            name=_EVERYWHERE if everywhere else self._parent, filter=" AND ".join(wanted)
        )
        pages = self._connection.pages(request, limit=limit)
        return [Operation(message, self._connection) for message in pages]

    def get(self, name: str) -> Operation[Any]:
        """Find an operation by its name."""
        request = pb.GetOperationRequest(name=self._name(OPERATION, name))
        return Operation(self._connection.call(request), self._connection)

    def cancel(self, name: str) -> None:
        """Ask the services to end an operation; does nothing where it has ended."""
        self._connection.call(pb.CancelOperationRequest(name=self._name(OPERATION, name)))

    def retry(self, name: str, *, request_id: str | None = None) -> Operation[Any]:
        """Have the work of an operation done again that failed or was cancelled; the new operation.

        The same `request_id` twice gives the same operation (default: a new one each time).
        """
        request = RetryOperationRequest(name=self._name(OPERATION, name), request_id=request_id or uuid.uuid4().hex)
        return Operation(self._connection.call(request), self._connection)
