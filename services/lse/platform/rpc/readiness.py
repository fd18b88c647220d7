"""Whether a process can answer: what it works with is looked at, and told over HTTP to probes and to Prometheus."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import ThreadingHTTPServer
from threading import Thread

import structlog
from prometheus_client import Gauge, MetricsHandler, start_http_server

from lse.errors import LseError, UnavailableError
from lse.platform.config import Settings
from lse.platform.outages import failure_count

__all__ = ["ReadinessWatch", "serve_metrics", "serve_probes"]

_LOOK_SECONDS = 5.0
# What is to be left alone is looked at as often, unless work has found something away: an idle process is quiet.
_QUIET_SECONDS = 60.0
_ANSWER_SECONDS = 10.0
# Three rounds in which everything takes as long as it may; a loop that has not come round by then hangs.
_HANGING_SECONDS = 3 * (_LOOK_SECONDS + _ANSWER_SECONDS)
_UP = Gauge("lse_dependency_up", "Whether what this process works with answers.", ["dependency"])
_log = structlog.get_logger(__name__)


class ReadinessWatch:
    """Looks every few seconds at what a process works with.

    Parameters
    ----------
    checks
        What is looked at, by name: functions that raise if it does not answer.
    quiet
        Names of what is left alone for longer while it answers whoever needs it.
    on_change
        Told whether the process is ready, at first and whenever that changes.

    Attributes
    ----------
    missing
        What does not answer, by name, with the sentence that says why.
    """

    def __init__(
        self,
        checks: Mapping[str, Callable[[], object]],
        on_change: Callable[[bool], Awaitable[None]],
        *,
        quiet: Collection[str] = (),
    ) -> None:
        self.missing: dict[str, str] = {}
        self._checks = checks
        self._on_change = on_change
        self._quiet = quiet
        self._threads = ThreadPoolExecutor(max_workers=max(1, len(checks)), thread_name_prefix="readiness")
        self._running: dict[str, asyncio.Future[object]] = {}
        self._looked = self._looked_at_all = time.monotonic()
        self._failures = failure_count()
        self._told: bool | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def ready(self) -> bool:
        """Whether new calls can be answered."""
        return bool(self._told) and not self._stopping

    @property
    def alive(self) -> bool:
        """Whether the event loop of the process still comes round."""
        return time.monotonic() - self._looked < _HANGING_SECONDS

    async def start(self) -> None:
        """Look once, then go on in the background."""
        await self._look(self._checks)
        self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Be ready no more: the process takes no new calls."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            failures, self._failures = self._failures, failure_count()
            # A round comes a little early or late.
            due = time.monotonic() - self._looked_at_all > _QUIET_SECONDS - _LOOK_SECONDS / 2
            everything = due or self.missing or self._failures > failures
            await self._look([name for name in self._checks if everything or name not in self._quiet])

    async def _look(self, names: Collection[str]) -> None:
        answers = await asyncio.gather(*(self._ask(name) for name in names))
        missing = {name: why for name, why in zip(names, answers, strict=True) if why}
        for name in names:
            _UP.labels(name).set(name not in missing)
        if len(names) == len(self._checks):
            self._looked_at_all = time.monotonic()
        self.missing, self._looked = missing, time.monotonic()
        if self._told is not (not missing):
            if missing:
                _log.warning("not_ready", **missing)
            elif self._told is not None:
                _log.info("ready_again")
            self._told = not missing
            await self._on_change(self._told)

    async def _ask(self, name: str) -> str:
        """Why something does not answer, empty where it does."""
        # One that still hangs is waited for, not asked again: each would hold another thread.
        asked = self._running.get(name) or asyncio.wrap_future(self._threads.submit(self._checks[name]))
        self._running[name] = asked
        done, _ = await asyncio.wait([asked], timeout=_ANSWER_SECONDS)
        if not done:
            return f"no answer within {_ANSWER_SECONDS:g} s"
        del self._running[name]
        error = asked.exception()
        if error is None:
            return ""
        return error.message if isinstance(error, LseError) else f"{type(error).__name__}: {error}"


def serve_probes(host: str, port: int, watch: ReadinessWatch) -> ThreadingHTTPServer:
    """Serve ``/livez``, ``/readyz`` and the metrics over HTTP, in a thread.

    Parameters
    ----------
    host, port
        Where to listen.
    watch
        What the probes ask.

    Raises
    ------
    UnavailableError
        If the port is taken.
    """

    class Handler(MetricsHandler):
        def do_GET(self) -> None:  # noqa: N802  # the name is the protocol's
            if self.path == "/livez":
                self._answer(watch.alive, "the event loop hangs")
            elif self.path == "/readyz":
                why = "; ".join(f"{name}: {said}" for name, said in watch.missing.items())
                self._answer(watch.ready, why or "not serving")
            else:
                super().do_GET()

        def _answer(self, good: bool, why: str) -> None:
            content = b"ok\n" if good else f"{why}\n".encode()
            self.send_response(200 if good else 503)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise _port_taken(host, port) from error
    Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def serve_metrics(settings: Settings) -> None:
    """Serve the metrics of a process without probes over HTTP, in a thread, where a port is set for them.

    Raises
    ------
    UnavailableError
        If the port is taken.
    """
    if settings.metrics_port is None:
        return
    try:
        start_http_server(settings.metrics_port, settings.host)
    except OSError as error:
        raise _port_taken(settings.host, settings.metrics_port) from error


def _port_taken(host: str, port: int) -> UnavailableError:
    return UnavailableError(
        f"Port {port} of {host} is taken: stop the other program or choose another metrics_port.", reason="PORT_TAKEN"
    )
