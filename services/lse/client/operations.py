"""Long work as an object that one can watch, wait for and cancel."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.any_pb2 import Any as AnyMessage

from latentspace.clustering.v1 import clustering_pb2
from latentspace.encoding.v1 import encoding_pb2
from latentspace.ingestion.v1 import ingestion_pb2
from latentspace.projection.v1 import projection_pb2
from latentspace.training.v1 import predictions_pb2, training_pb2
from latentspace.type.v1.operation_pb2 import OperationMetadata
from lse.client.connection import Connection
from lse.client.names import Names
from lse.client.resources import Clustering, Dataset, Encoder, Evaluation, Experiment, Prediction, Projection
from lse.client.resources.fields import figures, moment
from lse.client.rpc_errors import from_status
from lse.platform.errors import (
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    LseError,
    UnavailableError,
)

__all__ = ["Operation", "OperationProgress", "OperationState", "Operations"]

OperationState = Literal["pending", "running", "cancelling", "succeeded", "failed", "cancelled"]
T = TypeVar("T")

# How long services may be away, as when they are restarted, before a wait gives up: operations outlive them.
_PATIENCE = 60.0
_POLL_SECONDS = 1.0
_GRACE_SECONDS = 15.0

_STATES: dict[int, OperationState] = {
    OperationMetadata.STATE_PENDING: "pending",
    OperationMetadata.STATE_RUNNING: "running",
    OperationMetadata.STATE_CANCELLING: "cancelling",
    OperationMetadata.STATE_SUCCEEDED: "succeeded",
    OperationMetadata.STATE_FAILED: "failed",
    OperationMetadata.STATE_CANCELLED: "cancelled",
}
_RESPONSES: tuple[tuple[type[Any], Callable[[Any], object]], ...] = (
    (ingestion_pb2.Dataset, Dataset.from_pb),
    (training_pb2.Encoder, Encoder.from_pb),
    (training_pb2.Evaluation, Evaluation.from_pb),
    (encoding_pb2.Experiment, Experiment.from_pb),
    (projection_pb2.Projection, Projection.from_pb),
    (clustering_pb2.Clustering, Clustering.from_pb),
    (predictions_pb2.Prediction, Prediction.from_pb),
)


@dataclass(frozen=True)
class OperationProgress:
    """How far long work has come.

    Attributes
    ----------
    stage
        What is being done, for a person; empty before it begins.
    done, total
        Units finished and units to do; `total` 0 while it is not known.
    unit
        What is counted, in the plural.
    rate
        Units a second.
    metrics
        Figures of the moment, such as ``loss``.
    """

    stage: str
    done: int
    total: int
    unit: str
    rate: float
    metrics: dict[str, float] = field(default_factory=dict)


class _Bar(Protocol):
    def show(self, progress: OperationProgress) -> None: ...
    def close(self) -> None: ...


class Operation(Generic[T]):
    """Long work that the services do, whoever watches.

    Its attributes are those of the last look; `refresh`, `progress`, `watch` and `wait` look again.
    """

    def __init__(self, message: operations_pb2.Operation, operations: Operations) -> None:
        self._operations = operations
        self._update(message)

    def __repr__(self) -> str:
        return f"<Operation {self.name}: {self.kind} of {self.target}, {self.state}>"

    def _update(self, message: operations_pb2.Operation) -> None:
        metadata = OperationMetadata()
        message.metadata.Unpack(metadata)
        self._message = message
        self._metadata = metadata

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
        return self._metadata.kind

    @property
    def target(self) -> str:
        """Name of the resource that it makes or changes."""
        return self._metadata.target

    @property
    def request_id(self) -> str:
        """Identifier with which it was asked for."""
        return self._metadata.request_id

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return bool(self._message.done)

    @property
    def state(self) -> OperationState:
        """Where it stands."""
        known = _STATES.get(self._metadata.state)
        if known is not None:
            return known
        if not self.done:
            return "running"
        return "failed" if self._message.HasField("error") else "succeeded"

    @property
    def error(self) -> LseError | None:
        """What it ended with; None while it runs and where it succeeded."""
        return from_status(self._message.error) if self._message.HasField("error") else None

    @property
    def stages(self) -> list[tuple[str, float]]:
        """Finished stages, each with its wall-clock seconds over all attempts."""
        return [(stage.stage, stage.duration_seconds) for stage in self._metadata.stages]

    @property
    def attempts(self) -> int:
        """How often work began: more than 1 after a process was lost."""
        return self._metadata.attempt_count

    @property
    def create_time(self) -> datetime | None:
        """When it was asked for."""
        return moment(self._metadata.create_time)

    @property
    def start_time(self) -> datetime | None:
        """When work began, last time if it was resumed."""
        return moment(self._metadata.start_time)

    @property
    def end_time(self) -> datetime | None:
        """When it ended."""
        return moment(self._metadata.end_time)

    @property
    def last_progress(self) -> OperationProgress:
        """Progress of the last look."""
        progress = self._metadata.progress
        return OperationProgress(
            stage=progress.stage,
            done=progress.done_count,
            total=progress.total_count,
            unit=progress.unit,
            rate=progress.rate,
            metrics=figures(progress.metrics),
        )

    def refresh(self) -> Operation[T]:
        """Look again, and return this operation."""
        self._update(self._operations.fetch(self.name))
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
        if not self.done:
            self._update(self._operations.long_poll(self.name, seconds, patience=patience))
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
                    reason="WAIT_TIMEOUT",
                    name=self.name,
                )
            self.poll(min(interval, left), patience=patience)
            yield self.last_progress

    def wait(
        self, timeout: float | None = None, *, show_progress: bool | None = None, patience: float = _PATIENCE
    ) -> T:
        """Wait for the end and return what was made.

        Parameters
        ----------
        timeout
            Seconds after which waiting, not the work, ends; None waits for as long as it takes.
        show_progress
            Whether to draw a progress bar; None draws one in a terminal and in a notebook.
        patience
            Seconds that the services may be away, as when they are restarted.

        Raises
        ------
        LseError
            What the work ended with, `CancelledError` if it was cancelled; `DeadlineExceededError` and
            `UnavailableError` as `watch` says.
        """
        if show_progress is None:
            show_progress = sys.stderr.isatty() or "ipykernel" in sys.modules
        if not show_progress:
            for _ in self.watch(timeout, interval=10 * _POLL_SECONDS, patience=patience):
                pass
            return self.result()
        from lse.client.progress_bar import ProgressBar

        bar: _Bar = ProgressBar()
        with closing(bar):
            for progress in self.watch(timeout, patience=patience):
                bar.show(progress)
        return self.result()

    def cancel(self) -> None:
        """Ask the services to end the work; it ends as soon as the present step allows."""
        self._operations.cancel(self.name)

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
                reason="OPERATION_ACTIVE",
                name=self.name,
            )
        error = self.error
        if error is not None:
            raise error
        return cast("T", _unpack(self._message.response, self.name))


class Operations:
    """The operations of a project."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._stub = operations_pb2_grpc.OperationsStub(connection.channel)

    def list(self, *, active: bool = False) -> list[Operation[Any]]:
        """Operations, newest first.

        Parameters
        ----------
        active
            Only those that have not ended.
        """
        filter_text = "active" if active else ""

        def page(token: str) -> Any:
            request = operations_pb2.ListOperationsRequest(
                name=self._names.parent, filter=filter_text, page_size=1000, page_token=token
            )
            return self._connection.unary(self._stub.ListOperations, request)

        found = self._connection.pages(page, lambda answer: answer.operations)
        return [self.adopt(message) for message in found if not (active and message.done)]

    def get(self, name: str) -> Operation[Any]:
        """Operation of a name."""
        return self.adopt(self.fetch(self._names.operation(name)))

    def cancel(self, name: str) -> None:
        """Ask that an operation end; does nothing where it has ended."""
        request = operations_pb2.CancelOperationRequest(name=self._names.operation(name))
        self._connection.unary(self._stub.CancelOperation, request)

    def adopt(self, message: operations_pb2.Operation) -> Operation[Any]:
        """Operation that a call answered with."""
        return Operation(message, self)

    def fetch(self, name: str) -> operations_pb2.Operation:
        """Message of an operation as it is now."""
        request = operations_pb2.GetOperationRequest(name=name)
        return self._connection.unary(self._stub.GetOperation, request)

    def long_poll(self, name: str, seconds: float, *, patience: float) -> operations_pb2.Operation:
        """Message of an operation when it ends, or after some seconds; outlasts short absences of the services."""
        request = operations_pb2.WaitOperationRequest(name=name)
        request.timeout.FromMilliseconds(max(1, int(1000 * seconds)))
        lost: float | None = None
        while True:
            try:
                return self._connection.unary(self._stub.WaitOperation, request, timeout=seconds + _GRACE_SECONDS)
            except (UnavailableError, DeadlineExceededError, CancelledError):
                # A server that goes down may cut the call short with any of these.
                now = time.monotonic()
                lost = now if lost is None else lost
                if now - lost >= patience:
                    raise
                time.sleep(min(0.5, patience))


def _unpack(response: AnyMessage, name: str) -> object:
    for message_type, convert in _RESPONSES:
        message = message_type()
        if response.Unpack(message):
            return convert(message)
    raise InternalError(
        f"The operation {name.rsplit('/', 1)[-1]} ended without a result that this client knows: "
        "client and services may be of different versions.",
        reason="UNKNOWN_RESPONSE",
        type_url=response.type_url,
    )
