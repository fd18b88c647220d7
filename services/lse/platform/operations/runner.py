"""Works on the operations that this process can do."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Gauge

from lse.platform.catalogue import Resource
from lse.platform.errors import CancelledError, InternalError, LseError, ResourceExhaustedError
from lse.platform.operations.context import JobContext
from lse.platform.operations.store import OperationStore

if TYPE_CHECKING:
    from lse.platform.wiring import Platform

__all__ = ["Job", "OperationRunner"]

_log = structlog.get_logger(__name__)
_RUNNING = Gauge("lse_operations_running", "Operations being worked on by this process.")
_ENDED = Counter("lse_operations_total", "Operations ended by this process.", ["kind", "state"])

_SCAN_SECONDS = 0.25
_HEARTBEAT_SECONDS = 0.5
_STALE_SECONDS = 30.0

Job = Callable[[JobContext], None]
Respond = Callable[[Resource], bytes]


@dataclass(frozen=True)
class _Kind:
    job: Job
    resource_kind: str
    respond: Respond


class OperationRunner:
    """Claims operations, runs their jobs in threads, and ends them.

    Parameters
    ----------
    platform
        What jobs stand on.
    store
        The operations.
    instance
        Name of this runner among all, kept over restarts.
    slots
        Operations worked on at a time.
    """

    def __init__(self, platform: Platform, store: OperationStore, *, instance: str, slots: int) -> None:
        self._platform = platform
        self._store = store
        self._instance = instance
        self._slots = slots
        self._kinds: dict[str, _Kind] = {}
        self._running: dict[str, tuple[JobContext, threading.Thread]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="operations", daemon=True)

    def register(self, kind: str, job: Job, *, resource_kind: str, respond: Respond) -> None:
        """Say how operations of a kind are done.

        Parameters
        ----------
        kind
            Kind of operation.
        job
            Does the work; ends with `JobContext.publish`.
        resource_kind
            Kind of the target.
        respond
            Makes the serialized ``google.protobuf.Any`` that the operation answers with, of the finished target.
        """
        self._kinds[kind] = _Kind(job, resource_kind, respond)

    def start(self) -> None:
        """Take up the operations that this instance left unfinished, then look out for new ones."""
        self._store.release(self._instance)
        self._thread.start()

    def stop(self, *, timeout: float) -> None:
        """Stop working; unfinished operations stay for the next start."""
        self._stopping.set()
        with self._lock:
            running = list(self._running.values())
        for context, _ in running:
            context.stop()
        deadline = time.monotonic() + timeout
        for _, thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._thread.join(max(0.1, deadline - time.monotonic()))
        self._store.release(self._instance)

    def _loop(self) -> None:
        beaten = 0.0
        while not self._stopping.wait(_SCAN_SECONDS):
            try:
                self._claim()
                if time.monotonic() - beaten >= _HEARTBEAT_SECONDS:
                    beaten = time.monotonic()
                    self._beat()
            except Exception:  # noqa: BLE001
                # The database may be away for a while; operations go on and the next look may succeed.
                _log.exception("operations_unreachable")

    def _claim(self) -> None:
        with self._lock:
            free = self._slots - len(self._running)
        if free <= 0:
            return
        claimed = self._store.claim(self._instance, self._kinds, stale_seconds=_STALE_SECONDS, limit=free)
        for operation in claimed:
            kind = self._kinds[operation.kind]
            resource = self._platform.resources.get(operation.target, kind.resource_kind)
            context = JobContext(operation, resource, self._platform, self._store)
            thread = threading.Thread(target=self._work, args=(kind, context), name=operation.name, daemon=True)
            with self._lock:
                self._running[operation.name] = (context, thread)
            thread.start()

    def _beat(self) -> None:
        with self._lock:
            running = {name: context for name, (context, _) in self._running.items()}
        if not running:
            return
        wishes = self._store.heartbeat(self._instance, list(running))
        for name, context in running.items():
            # One that is no longer ours was taken over while we were thought lost.
            if wishes.get(name, True):
                context.stop()

    def _work(self, kind: _Kind, context: JobContext) -> None:
        operation = context.operation
        log = _log.bind(operation=operation.name, kind=operation.kind, target=operation.target)
        log.info("operation_started", attempt=operation.attempts)
        _RUNNING.inc()
        try:
            if operation.cancel_requested:
                context.stop()
            error = self._run(kind, context)
            if self._stopping.is_set() and isinstance(error, CancelledError):
                log.info("operation_left_for_next_start")
                return
            self._finish(kind, context, error)
        except Exception:
            log.exception("operation_not_ended")
        finally:
            _RUNNING.dec()
            with self._lock:
                self._running.pop(operation.name, None)

    def _run(self, kind: _Kind, context: JobContext) -> LseError | None:
        try:
            kind.job(context)
        except LseError as error:
            return error
        except MemoryError:
            return ResourceExhaustedError(
                "The memory is not enough for this: use fewer images, a smaller image size or a larger machine.",
                reason="OUT_OF_MEMORY",
            )
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                return ResourceExhaustedError(
                    "The disk is full: make room and start the operation again.", reason="DISK_FULL"
                )
            return self._unexpected(context, error)
        except Exception as error:  # noqa: BLE001  # a fault in a job ends its operation, not this process
            return self._unexpected(context, error)
        return None

    def _unexpected(self, context: JobContext, error: Exception) -> InternalError:
        _log.exception("operation_error", operation=context.operation.name, exc_info=error)
        return InternalError(
            f"The operation failed unexpectedly ({type(error).__name__}: {error}); "
            f"see the log of the service for {context.operation.name}.",
            reason="UNEXPECTED_ERROR",
        )

    def _finish(self, kind: _Kind, context: JobContext, error: LseError | None) -> None:
        operation = context.operation
        resource = context.result
        if error is None and resource is not None:
            state, response = "succeeded", kind.respond(replace(resource, update_time=time.time()))
        else:
            error = error or InternalError("The job ended without a result.", reason="NO_RESULT")
            state, response = "cancelled" if isinstance(error, CancelledError) else "failed", None
            if resource is None and context.resource.state == "creating":
                resource = replace(context.resource, state="failed")

        def finish() -> bool:
            return self._store.finish(
                operation.name,
                self._instance,
                state=state,
                stages=list(context.stages.items()),
                error=error,
                response=response,
                resource=resource,
            )

        try:
            kept = finish()
        except ResourceExhaustedError:
            if error is None:
                raise
            # The disk is so full that not even the failure can be kept: what failed makes room for it.
            self._platform.artifacts.remove(context.folder)
            resource = replace(context.resource, state="failed") if context.resource.state == "creating" else None
            kept = finish()
        if kept and resource is not None and resource.state == "failed":
            self._platform.discard(resource.kind, resource.uid)
        elif kept and resource is None:
            self._platform.artifacts.remove(context.folder)
        elif kept:
            for tidy in context.tidying:
                tidy()
        _ENDED.labels(operation.kind, state).inc()
        _log.info(
            "operation_ended",
            operation=operation.name,
            kind=operation.kind,
            state=state,
            kept=kept,
            message=error.message if error else None,
        )
