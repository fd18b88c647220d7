"""An operation as the catalogue keeps it."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Row

from lse.errors import LseError, error_class

__all__ = ["ACTIVE", "Attempt", "Operation", "error_to_json", "operation_of_row"]

ACTIVE = ("pending", "running")


class Attempt(NamedTuple):
    """Token of who works on an operation: the name of the operation, its owner, and the number of the attempt."""

    operation: str
    owner: str
    number: int


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
        What its job needs beside its target, as JSON.
    request_id, request_digest
        Identifier of the request, None where it had none, and digest of all else in it.
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
    losses
        How many owners in a row were lost, as by ``kill -9``, without one getting further than the one before.
    creator
        Name of the caller who asked for it.
    call_id
        Request id of their call.
    create_time, start_time, update_time, end_time
        Seconds since 1970, UTC.
    """

    name: str
    kind: str
    target: str
    parameters: Mapping[str, Any]
    request_id: str | None = None
    request_digest: str = ""
    state: str = "pending"
    cancel_requested: bool = False
    progress: Mapping[str, Any] = field(default_factory=dict)
    stages: Sequence[tuple[str, float]] = ()
    error: LseError | None = None
    response: bytes | None = None
    attempts: int = 0
    losses: int = 0
    creator: str = ""
    call_id: str = ""
    create_time: float = field(default_factory=time.time)
    start_time: float | None = None
    update_time: float = field(default_factory=time.time)
    end_time: float | None = None

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state not in ACTIVE


def error_to_json(error: LseError) -> dict[str, Any]:
    """An error as the catalogue keeps it."""
    return {"code": error.code, "message": error.message, "reason": error.reason, "metadata": dict(error.metadata)}


def operation_of_row(row: Row[Any]) -> Operation:
    """Operation of a row of the catalogue."""
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
        request_digest=row.request_digest,
        state=row.state,
        cancel_requested=row.cancel_requested,
        progress=row.progress,
        stages=tuple((stage, seconds) for stage, seconds in row.stages),
        error=error,
        response=base64.b64decode(row.response) if row.response else None,
        attempts=row.attempts,
        losses=row.losses,
        creator=row.creator,
        call_id=row.call_id,
        create_time=row.create_time,
        start_time=row.start_time,
        update_time=row.update_time,
        end_time=row.end_time,
    )
