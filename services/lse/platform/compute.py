"""Work spread over Dask workers, on one machine or many."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import structlog
from distributed import Client, Event, Future, KilledWorker, get_worker
from distributed.client import ClosedClientError, FutureCancelledError

from lse.errors import CancelledError, LseError, ResourceExhaustedError, UnavailableError
from lse.hardware import give_back_memory
from lse.platform.certificates import Certificates
from lse.platform.outages import count_failure
from lse.platform.tracing import traced_task
from lse.progress import Progress, ProgressCallback, ShouldStop

__all__ = ["Compute", "TaskChannel"]

_log = structlog.get_logger(__name__)

_POLL_SECONDS = 0.25
_CONNECT_SECONDS = 10


@dataclass
class TaskChannel:
    """What a running task says to the one who waits for it, and hears from them.

    Attributes
    ----------
    topic
        Name that both sides know it by.
    """

    topic: str
    _checked: float = field(default=0.0, repr=False)
    _stopped: bool = field(default=False, repr=False)

    def report(self, progress: Progress) -> None:
        """Tell how far the task has come."""
        get_worker().log_event(self.topic, {"progress": asdict(progress)})

    def should_stop(self) -> bool:
        """Whether the task is to end now; asks the scheduler twice a second at most."""
        if not self._stopped and time.monotonic() - self._checked > 0.5:
            self._checked = time.monotonic()
            self._stopped = bool(Event(self.topic).is_set())
        return self._stopped


def _run(bound: Mapping[str, Any], function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a task; what it logs says, as what the services log, for which operation and which call it works.

    Its errors come without what they were raised from: that of a call by gRPC, say, cannot be sent between processes,
    and the error itself would arrive as a text.
    """
    task, began = getattr(function, "__name__", ""), time.monotonic()
    with structlog.contextvars.bound_contextvars(**bound):
        try:
            result = function(*arguments)
        except LseError as error:
            _log.warning("task_failed", task=task, exc_info=error)
            error.__cause__ = error.__context__ = None
            raise
        _log.info("task_ended", task=task, seconds=round(time.monotonic() - began, 3))
        return result


def _run_long(bound: Mapping[str, Any], function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return _run(bound, function, *arguments)
    finally:
        # The estimate of the next task wants it, too.
        give_back_memory()


class Compute:
    """A Dask cluster, connected to when it is first used.

    Every method raises `UnavailableError` where no scheduler answers.

    Parameters
    ----------
    address
        Address of its scheduler.
    certificates
        For a scheduler at ``tls://…``.
    traces_url
        Where workers send the spans of tasks to; nowhere when empty.
    """

    def __init__(self, address: str, certificates: Certificates | None = None, *, traces_url: str = "") -> None:
        self._address = address
        self._traces_url = traces_url
        self._security = certificates.dask() if certificates else None
        self._connecting = threading.Lock()
        self._connected: Client | None = None

    @property
    def _client(self) -> Client:
        with self._connecting:
            if self._connected is not None and self._connected.status in ("closed", "closing"):
                # It gave up a scheduler that was away for long.
                self._connected = None
            if self._connected is None:
                self._connected = Client(
                    self._address,
                    security=self._security,
                    set_as_default=False,
                    timeout=_CONNECT_SECONDS,
                    name="lse",
                )
            return self._connected

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn what Dask raises where its scheduler is away into our error; not for what tasks raise."""
        try:
            yield
        except (OSError, TimeoutError, ClosedClientError) as error:
            count_failure("compute")
            raise UnavailableError(
                f"No Dask scheduler answers at {self._address}: start it or correct LSE_COMPUTE_URL.",
                reason="COMPUTE_UNAVAILABLE",
            ) from error

    def map(
        self,
        function: Callable[..., Any],
        tasks: Mapping[str, tuple[Any, ...]],
        *,
        on_result: Callable[[str, Any], None],
        should_stop: ShouldStop,
    ) -> None:
        """Run a function once for each task, a bounded number at a time.

        Parameters
        ----------
        function
            Function of an importable module; must give the same when it is run again.
        tasks
            Arguments by task name.
        on_result
            Called in this thread with the name and the result of each task as it ends.
        should_stop
            Asked several times a second; True ends the work with `CancelledError`.

        Raises
        ------
        CancelledError
            If `should_stop` said so.
        ResourceExhaustedError
            If workers were lost again and again on the same task.
        """
        run, traced = uuid.uuid4().hex[:8], traced_task(self._traces_url, function)
        bound = structlog.contextvars.get_contextvars()
        waiting = list(tasks)[::-1]
        running: dict[Future[Any], str] = {}
        ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        try:
            while waiting or running:
                if should_stop():
                    raise CancelledError("The work was cancelled.")
                window = 3 * max(1, len(self._workers()))
                while waiting and len(running) < window:
                    name = waiting.pop()
                    with self._reaching():
                        future = self._client.submit(
                            *(_run, bound, traced, *tasks[name]), key=f"{function.__name__}-{name}-{run}", pure=False
                        )
                    running[future] = name
                    future.add_done_callback(ended.put)
                with contextlib.suppress(queue.Empty):
                    future = ended.get(timeout=_POLL_SECONDS)
                    name = running.pop(future)
                    on_result(name, self._result(future, name))
        finally:
            self._forget(list(running))

    def run(
        self,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        *,
        on_progress: ProgressCallback,
        should_stop: ShouldStop,
        resources: Mapping[str, float] | None = None,
    ) -> Any:
        """Run one long task that reports and can be stopped.

        Parameters
        ----------
        function
            Called with the arguments and, last, a `TaskChannel`.
        arguments
            Its arguments.
        on_progress
            Called with what the task reports, in another thread.
        should_stop
            Once True, the channel of the task says so.
        resources
            Dask resources that it needs, such as ``{"GPU": 1}``.

        Returns
        -------
        Any
            What the function returns.
        """
        channel = TaskChannel(f"lse-{uuid.uuid4().hex}")
        with self._reaching():
            stop = Event(channel.topic, client=self._client)
            self._client.subscribe_topic(channel.topic, lambda event: on_progress(Progress(**event[1]["progress"])))
            future = self._client.submit(
                *(_run_long, structlog.contextvars.get_contextvars()),
                *(traced_task(self._traces_url, function), *arguments, channel),
                key=f"{function.__name__}-{channel.topic}",
                pure=False,
                resources=resources,
            )
        ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        future.add_done_callback(ended.put)
        told = False
        try:
            while True:
                if should_stop() and not told:
                    with self._reaching():
                        stop.set()
                    told = True
                    if future.status == "pending" and not self._started(future):
                        raise CancelledError("The work was cancelled.")
                with contextlib.suppress(queue.Empty):
                    return self._result(ended.get(timeout=_POLL_SECONDS), function.__name__)
        finally:
            self._forget([future], stop, channel.topic)

    def offers(self, resource: str) -> bool:
        """Whether any worker has a Dask resource, such as ``GPU``."""
        return any(resource in worker.get("resources", {}) for worker in self._workers().values())

    def _workers(self) -> Mapping[str, Any]:
        with self._reaching():
            return cast("Mapping[str, Any]", self._client.scheduler_info(n_workers=-1)["workers"])

    def _forget(self, futures: list[Future[Any]], stop: Event | None = None, topic: str = "") -> None:
        """Let go of tasks, and of what one of them speaks through."""
        connected = self._connected
        if connected is None or connected.status != "running":
            return  # with the scheduler its tasks went, too
        with contextlib.suppress(Exception):  # best effort: the scheduler may go at this moment
            if stop is not None:
                stop.set()
                connected.unsubscribe_topic(topic)
            connected.cancel(futures)

    def _started(self, future: Future[Any]) -> bool:
        with self._reaching():
            processing = cast("dict[str, Any]", self._client.processing())
        return any(future.key in keys for keys in processing.values())

    def _result(self, future: Future[Any], name: str) -> Any:
        try:
            if future.status == "error":
                return future.result()
            with self._reaching():
                return future.result()
        except KilledWorker as error:
            raise ResourceExhaustedError(
                f"Worker processes were lost again and again in '{name}', most likely for want of memory: "
                "use smaller images or a machine with more memory.",
                reason="WORKERS_LOST",
            ) from error
        except FutureCancelledError as error:
            count_failure("compute")
            raise UnavailableError(
                "The Dask cluster dropped the work: check that its scheduler runs and start the operation again.",
                reason="COMPUTE_LOST",
            ) from error

    def close(self) -> None:
        """Close the connection, where there is one."""
        if self._connected is not None:
            self._connected.close()
