"""The standard Operations service (AIP-151)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import any_pb2, empty_pb2

from latentspace.type.v1 import operation_pb2
from latentspace.type.v1.figure_pb2 import Figure
from lse.platform.catalogue.operations import Operation, OperationStore
from lse.platform.catalogue.queries import PageRequest
from lse.platform.rpc.messages import seconds_of, timestamp
from lse.status import status_of

__all__ = ["OperationsServicer", "operation_to_pb"]

_LONGEST_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.2
_ALL_PROJECTS = "projects/-"


class OperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped in its package
    """Answers ``google.longrunning.Operations`` from the catalogue.

    Parameters
    ----------
    store
        The operations.
    """

    def __init__(self, store: OperationStore) -> None:
        self._store = store

    def ListOperations(self, request: Any, context: grpc.ServicerContext) -> operations_pb2.ListOperationsResponse:
        """List the operations of a project, or of all projects for operators, newest first."""
        project = request.name.removesuffix("/operations")
        # No project is called so, and so nobody but an operator gets here with it (AIP-159).
        project = "" if project == _ALL_PROJECTS else project
        found, token = self._store.page(project, PageRequest(request.page_size, request.page_token, request.filter))
        return operations_pb2.ListOperationsResponse(
            operations=[operation_to_pb(operation) for operation in found], next_page_token=token
        )

    def GetOperation(self, request: Any, context: grpc.ServicerContext) -> operations_pb2.Operation:
        """Get an operation."""
        return operation_to_pb(self._store.get(request.name))

    def DeleteOperation(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Forget an operation that has ended."""
        self._store.delete(request.name)
        return empty_pb2.Empty()

    def CancelOperation(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Ask that an operation end."""
        self._store.request_cancel(request.name)
        return empty_pb2.Empty()

    async def WaitOperation(self, request: Any, context: Any) -> operations_pb2.Operation:
        """Answer when the operation has ended or the time asked for, at most 30 s, is over."""
        wanted = seconds_of(request.timeout) if request.HasField("timeout") else _LONGEST_WAIT_SECONDS
        deadline = time.monotonic() + min(wanted, _LONGEST_WAIT_SECONDS)
        # Async, unlike its neighbours: many clients may wait at a time, and none should hold a thread.
        while True:
            operation = await asyncio.to_thread(self._store.get, request.name)
            if operation.done or time.monotonic() >= deadline:
                return operation_to_pb(operation)
            await asyncio.sleep(_POLL_SECONDS)


def operation_to_pb(operation: Operation) -> operations_pb2.Operation:
    """Protobuf message of an operation."""
    progress = operation.progress
    state = "cancelling" if operation.cancel_requested and not operation.done else operation.state
    metadata = operation_pb2.OperationMetadata(
        kind=operation.kind,
        target=operation.target,
        state=operation_pb2.OperationMetadata.State.Value(f"STATE_{state.upper()}"),
        progress=operation_pb2.Progress(
            stage=progress.get("stage", ""),
            done_count=progress.get("done", 0),
            total_count=progress.get("total", 0),
            unit=progress.get("unit", ""),
            rate=progress.get("rate", 0.0),
            waiting_for=progress.get("waiting_for", ""),
            metrics=[Figure(key=key, value=value) for key, value in progress.get("metrics", {}).items()],
        ),
        stages=[operation_pb2.StageTime(stage=stage, duration_seconds=seconds) for stage, seconds in operation.stages],
        create_time=timestamp(operation.create_time),
        update_time=timestamp(operation.update_time),
        attempt_count=operation.attempts,
        request_id=operation.request_id or "",
        creator=operation.creator,
    )
    if operation.start_time is not None:
        metadata.start_time.CopyFrom(timestamp(operation.start_time))
    if operation.end_time is not None:
        metadata.end_time.CopyFrom(timestamp(operation.end_time))
    packed = any_pb2.Any()
    packed.Pack(metadata)
    message = operations_pb2.Operation(name=operation.name, metadata=packed, done=operation.done)
    if operation.error is not None:
        message.error.CopyFrom(status_of(operation.error))
    elif operation.response is not None:
        message.response.ParseFromString(operation.response)
    return message
