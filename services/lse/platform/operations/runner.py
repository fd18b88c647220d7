"""Works on the operations that this process can do."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import Connection

from lse.errors import CancelledError, InternalError, LseError, ResourceExhaustedError
from lse.platform.auth import Caller, Role, acting_as
from lse.platform.catalogue import Record
from lse.platform.catalogue.discards import FILES, Discard, remember
from lse.platform.catalogue.operation_record import Operation
from lse.platform.deletion import remove_discards
from lse.platform.operations.context import JobContext
from lse.platform.operations.heartbeat_watch import HeartbeatWatch
from lse.platform.operations.remover import Remover
from lse.platform.outages import Patience, is_outage
from lse.platform.stores import Stores
from lse.platform.tracing import complete, operation_span

__all__ = ["OperationRunner"]

_log = structlog.get_logger(__name__)
_RUNNING = Gauge("lse_operations_running", "Operations being worked on by this process.")
_ENDED = Counter("lse_operations_total", "Operations ended by this process.", ["kind", "state"])

_HEARTBEAT_SECONDS = 0.5
# What this process creates it is told of; what others leave to it is looked for.
_LOOK_SECONDS = 15.0
_STALE_SECONDS = 30.0
_MOST_LOSSES = 3

RecordT = TypeVar("RecordT", bound=Record[Any, Any])


@dataclass(frozen=True)
class _Kind:
    job: Callable[[JobContext[Any]], None]
    record: type[Record[Any, Any]]
    respond: Callable[[Any], bytes]


class OperationRunner:
    """Claims operations, runs their jobs in threads, and ends them.

    Parameters
    ----------
    stores
        What jobs work with; the operations are in their catalogue.
    instance
        Name of this runner among all, kept over restarts.
    slots
        Operations worked on at a time.
    """

    def __init__(self, stores: Stores, *, instance: str, slots: int) -> None:
        self._stores = stores
        self._store = stores.operation_store
        self._instance = instance
        self._slots = slots
        self._kinds: dict[str, _Kind] = {}
        self._running: dict[str, tuple[JobContext[Any], threading.Thread]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._remover = Remover(stores)
        self._watch = HeartbeatWatch(stale_seconds=_STALE_SECONDS, gap_seconds=2 * _LOOK_SECONDS)
        self._store.on_changed(self._wake.set)
        self._thread = threading.Thread(target=self._loop, name="operations", daemon=True)

    def register(
        self,
        kind: str,
        job: Callable[[JobContext[RecordT]], None],
        record: type[RecordT],
        *,
        respond: Callable[[RecordT], bytes],
    ) -> None:
        """Say how operations of a kind are done.

        Parameters
        ----------
        kind
            Kind of operation.
        job
            Does the work; ends with `JobContext.publish`.
        record
            Kind of the target.
        respond
            Makes the serialized ``google.protobuf.Any`` that the operation answers with, of the finished target.
        """
        self._kinds[kind] = _Kind(job, record, respond)

    def start(self) -> None:
        """Take up the operations that this instance left unfinished, then look out for new ones."""
        # Still owned by this instance is what it was working on when it was killed.
        self._store.release(self._instance, lost=True)
        self._wake.set()
        self._thread.start()
        if self._kinds:
            self._remover.start()

    def stop(self, *, timeout: float) -> None:
        """Stop working; unfinished operations stay for the next start."""
        self._stopping.set()
        self._wake.set()
        deadline = time.monotonic() + timeout
        if self._thread.is_alive():
            # It first: an operation that it claims at this moment is to be stopped as well.
            self._thread.join(timeout)
        with self._lock:
            running = list(self._running.values())
        for context, _ in running:
            context.stop()
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._remover.stop(max(0.0, deadline - time.monotonic()))
        try:
            self._store.release(self._instance)
        except LseError as error:
            # This instance takes them up again when it starts, another one when it has seen no heartbeat for long.
            _log.warning("operations_not_released", message=error.message)

    def _loop(self) -> None:
        looked = -_LOOK_SECONDS
        away = False
        while not self._stopping.is_set():
            woken = self._wake.is_set()
            self._wake.clear()
            try:
                # First of all: after this process was suspended its work is still its own.
                self._beat()
                if self._kinds and (woken or time.monotonic() - looked >= _LOOK_SECONDS):
                    self._claim()
                    looked = time.monotonic()
                if away:
                    away = False
                    _log.info("operations_reachable")
            except Exception as error:  # noqa: BLE001
                # The database may be away for a while; operations go on and the next look may succeed.
                if not is_outage(error):
                    _log.exception("operations_unreachable")
                elif not away:
                    away = True
                    _log.warning("operations_unreachable", message=error.message)
            self._wake.wait(_HEARTBEAT_SECONDS if self._running else _LOOK_SECONDS)

    def _claim(self) -> None:
        with self._lock:
            free, mine = self._slots - len(self._running), set(self._running)
        owned, waiting = self._store.unfinished(self._kinds)
        lost = self._watch.lost({name: beat for name, beat in owned.items() if name not in mine})
        if free <= 0 or not (waiting or lost):
            return
        for operation in self._store.claim(self._instance, self._kinds, limit=free, lost=lost):
            kind = self._kinds[operation.kind]
            resource = self._stores.resources.get(operation.target, kind.record)
            context = JobContext(operation, resource, self._stores, owner=self._instance)
            thread = threading.Thread(target=self._work, args=(kind, context), name=operation.name, daemon=True)
            with self._lock:
                self._running[operation.name] = (context, thread)
            thread.start()

    def _beat(self) -> None:
        with self._lock:
            running = {name: context for name, (context, _) in self._running.items()}
        if not running:
            return
        to_cancel = self._store.heartbeat(context.attempt for context in running.values())
        for name, context in running.items():
            # One that is no longer ours was taken over while we were thought lost.
            if to_cancel.get(name, True):
                context.stop()

    def _work(self, kind: _Kind, context: JobContext[Any]) -> None:
        operation = context.operation
        structlog.contextvars.bind_contextvars(
            operation=operation.name, caller=operation.creator, request_id=operation.call_id
        )
        log = _log.bind(kind=operation.kind, target=operation.target)
        log.info("operation_started", attempt=operation.attempts)
        _RUNNING.inc()
        try:
            if operation.cancel_requested:
                context.stop()
            with operation_span(operation.name, **{"lse.kind": operation.kind, "lse.target": operation.target}) as span:
                error = _hopeless(operation) or self._run_through(kind, context)
                complete(span, error)
            if self._stopping.is_set() and isinstance(error, CancelledError):
                log.info("operation_left_for_next_start")
                return
            # What has ended is kept and tidied up, whoever asks for an end now.
            context.save_what_is_there()
            self._finish(kind, context, error)
        except CancelledError:
            log.info("operation_left_for_next_start")
        except Exception:
            log.exception("operation_not_ended")
        finally:
            _RUNNING.dec()
            with self._lock:
                self._running.pop(operation.name, None)
            self._wake.set()  # there is room for another

    def _run_through(self, kind: _Kind, context: JobContext[Any]) -> LseError | None:
        """Run a job, again for as long as something that it needs is away; what it ended with."""
        patience = Patience(self._stores.settings.outage_seconds)
        while True:
            context.begin_again(ending=self._stopping)
            error = self._run(kind, context)
            if error is None:
                context.goes_on()
            try:
                if error is None or not context.wait_for(error, patience):
                    return error
            except CancelledError as cancelled:
                return cancelled

    def _run(self, kind: _Kind, context: JobContext[Any]) -> LseError | None:
        try:
            with acting_as(asker(context.operation)):
                kind.job(context)
        except LseError as error:
            return error
        except MemoryError:
            return ResourceExhaustedError(
                "The memory is not enough for this: use fewer images, a smaller image size or a larger machine.",
                reason="MEMORY_FULL",
            )
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return ResourceExhaustedError(
                    "The disk is full: make room and start the operation again.", reason="DISK_FULL"
                )
            return self._stores.artifacts.outage(error) or self._unexpected(context, error)
        except Exception as error:  # noqa: BLE001  # a fault in a job ends its operation, not this process
            return self._stores.artifacts.outage(error) or self._unexpected(context, error)
        return None

    def _unexpected(self, context: JobContext[Any], error: Exception) -> InternalError:
        _log.exception("operation_error", operation=context.operation.name, exc_info=error)
        return InternalError(
            f"The operation failed unexpectedly ({type(error).__name__}: {error}); "
            f"see the log of the service for {context.operation.name}.",
            reason="SERVICE_FAILED",
        )

    def _finish(self, kind: _Kind, context: JobContext[Any], error: LseError | None) -> None:
        operation, outcome = context.operation, context.outcome
        if outcome is None:
            error = error or InternalError("The job ended without a result.", reason="RESULT_MISSING")
        state = "succeeded" if error is None else "cancelled" if isinstance(error, CancelledError) else "failed"
        # What was being made, and is not, is failed; what was there before stays as it was.
        lost = outcome is None and context.resource.state == "creating"
        discards = _superfluous(context, made=outcome is not None)

        def change(connection: Connection) -> bytes | None:
            remember(connection, discards)
            if outcome is None and not lost:
                return None
            resources = self._stores.resources
            latest = resources.get_within(connection, operation.target, kind.record, lock=True)
            changed = latest.model_copy(update={"state": "failed"}) if outcome is None else outcome(latest)
            saved = resources.save_within(connection, changed)
            return kind.respond(saved) if error is None else None

        def finish() -> bool:
            stages = list(context.stages.items())
            return self._store.finish(context.attempt, state=state, stages=stages, error=error, change=change)

        try:
            kept = context.waited_out(finish)
        except ResourceExhaustedError:
            if error is None:
                raise
            # The disk is so full that not even the failure can be kept: what failed makes room for it.
            self._stores.artifacts.remove(context.folder)
            outcome, lost = None, context.resource.state == "creating"
            discards = _superfluous(context, made=False)
            kept = context.waited_out(finish)
        _ENDED.labels(operation.kind, state).inc()
        _log.info(
            "operation_ended",
            operation=operation.name,
            kind=operation.kind,
            state=state,
            kept=kept,
            message=error.message if error else None,
        )
        if kept:
            remove_discards(self._stores, discards)
            if outcome is not None:
                self._measure(context.resource)

    def _measure(self, resource: Record[Any, Any]) -> None:
        """Keep how many bytes a resource has, for the quota of its project."""
        artifacts, resources = self._stores.artifacts, self._stores.resources
        try:
            resources.measured(resource.uid, artifacts.size(artifacts.folder(resource.kind, resource.uid)))
        except (OSError, LseError) as error:  # it counts as it did before, and the operation has ended well
            _log.warning("size_unknown", resource=resource.name, message=str(error))


def _superfluous(context: JobContext[Any], *, made: bool) -> list[Discard]:
    """What nobody needs any more once an operation has ended."""
    resource = context.resource
    if made:
        return [Discard(uri, FILES) for uri in context.superseded]
    return [Discard(resource.uid, resource.kind) if resource.state == "creating" else Discard(context.folder, FILES)]


def asker(operation: Operation) -> Caller:
    """Who asked for an operation, with the rights that this took: to edit its project."""
    # However short the life of the token that it was asked with.
    project = operation.name.rsplit("/", 2)[0]
    return Caller(operation.creator, grants={project: Role.EDITOR})


def _hopeless(operation: Operation) -> LseError | None:
    """Why an operation is not tried again; None where it is."""
    if operation.losses < _MOST_LOSSES:
        return None
    return InternalError(
        f"The process that worked on this ended unexpectedly {_MOST_LOSSES} times in a row at the same place: see the "
        "log of the service and the memory of the machine, then start it again.",
        reason="WORK_LOST",
    )
