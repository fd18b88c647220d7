"""Dask workers with the environment that a training needs, and for one machine their scheduler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import dask
import psutil
from distributed import Nanny, Scheduler, Status, Worker, WorkerPlugin
from prometheus_client import Gauge

from lse.errors import UnavailableError
from lse.hardware import usable_cores, visible_gpus
from lse.platform.certificates import Certificates
from lse.platform.config import Settings
from lse.platform.logs import configure_logs
from lse.platform.rpc.readiness import ReadinessWatch, serve_probes

__all__ = ["run_workers"]

# Variables of the workers where the environment of this process does not name them.
_WORKER_ENVIRONMENT = {
    # A task starts as many threads as it may use by itself.
    **{f"{library}_NUM_THREADS": 1 for library in ("OMP", "MKL", "OPENBLAS")},
    # Threads of a network that spin while they wait for one another lose a third of a training's speed as soon as
    # anything else wants a core, as it does on a machine that a person works on.
    "OMP_WAIT_POLICY": "PASSIVE",
    # What a step of a training frees, the next one takes again: it stays in one heap until the task ends.  With Dask's
    # own settings it goes back to the kernel each time, and a training takes 1.6 to 1.8 times as long.
    "MALLOC_ARENA_MAX": 1,
    "MALLOC_MMAP_THRESHOLD_": 1 << 30,
    "MALLOC_TRIM_THRESHOLD_": 1 << 32,
}
_DASK = {
    "distributed.nanny.pre-spawn-environ": _WORKER_ENVIRONMENT,
    # Nobody reads the profile of tasks that Dask takes a hundred times a second, and taking it can lock a process up
    # for good: https://github.com/python/cpython/issues/106883.
    "distributed.worker.profile.enabled": False,
    # How often each process looks at its loop, its memory and its machine: the usual 20, 100 and 500 ms cost an idle
    # machine several hundredths of a core.
    "distributed.admin.tick.interval": "2s",
    "distributed.worker.memory.monitor-interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.scheduler.active-memory-manager.interval": "30s",
}
_JOIN_SECONDS = 60
_HEARTBEAT_SECONDS = 2.0
_KILL_SECONDS = 0.05
_MEMORY = Gauge("lse_worker_memory_bytes", "Memory of each worker of this process.", ["worker"])


def run_workers(settings: Settings) -> None:
    """Run workers of one thread each until SIGTERM.

    They join the scheduler of `compute_url`, or one that is started here where `scheduler_port` is set.  The first of
    them offers the Dask resource ``GPU`` where there is a GPU, so that one training at a time has all of them.

    Parameters
    ----------
    settings
        Settings of the process.

    Raises
    ------
    FailedPreconditionError
        If there is neither `compute_url` nor `scheduler_port`.
    UnavailableError
        If the scheduler does not answer, or ends.
    """
    if settings.scheduler_port is None:
        settings.require("compute_url")
    _join_logs()
    with dask.config.set(_DASK):
        asyncio.run(_run(settings))


class _QuietScheduler(Scheduler):
    """Scheduler of one machine, whose few workers need not tell twice a second that they are there."""

    def heartbeat_worker(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Answer to the sign of life of a worker, with the seconds to the next."""
        return {**super().heartbeat_worker(*arguments, **options), "heartbeat-interval": _HEARTBEAT_SECONDS}


class _WorkerLogs(WorkerPlugin):
    """Has a worker log as all processes do."""

    def __init__(self, level: str) -> None:
        self._level = level

    def setup(self, worker: Worker) -> None:
        """Begin, in the process of the worker."""
        del worker
        configure_logs(self._level)
        _join_logs()


def _join_logs() -> None:
    """What Dask logs goes the way of all else."""
    log = logging.getLogger("distributed")
    log.setLevel(logging.WARNING)
    log.handlers.clear()
    log.propagate = True


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    address, host = settings.compute_url, None
    folder = settings.compute_certificates
    security = Certificates(folder).dask() if folder else None
    async with contextlib.AsyncExitStack() as stack:
        if settings.scheduler_port is not None:
            host = settings.host
            # The scheduler always opens a port for HTTP: a free one, so that several installations fit on a machine.
            scheduler = _QuietScheduler(
                host=host,
                port=settings.scheduler_port,
                protocol="tls" if security else "tcp",
                security=security,
                dashboard=False,
                dashboard_address=f"{host}:0",
            )
            address = (await stack.enter_async_context(scheduler)).address
        count = settings.workers or usable_cores()
        nannies = [
            Nanny(
                address,
                nthreads=1,
                host=host,
                protocol="tls" if security else None,
                security=security,
                memory_limit=1 / count,
                local_directory=settings.scratch and str(settings.scratch),
                resources={"GPU": 1} if number == 0 and visible_gpus() else None,
                death_timeout=_JOIN_SECONDS,
                silence_logs=logging.WARNING,
                plugins=(_WorkerLogs(settings.log_level),),
            )
            for number in range(count)
        ]
        for worker, nanny in enumerate(nannies):
            _MEMORY.labels(str(worker)).set_function(partial(_resident_bytes, nanny))
        # Before the workers, which may take long to come: who asks meanwhile is answered, not refused.
        if settings.metrics_port is not None:
            await stack.enter_async_context(_probes(settings.host, settings.metrics_port, nannies))
        joining = asyncio.gather(*(stack.enter_async_context(nanny) for nanny in nannies))
        try:
            await _work(nannies, joining, stop, address)
        finally:
            await _end(nannies, at_once=settings.scheduler_port is not None)
            await asyncio.gather(joining, return_exceptions=True)


async def _work(nannies: Sequence[Nanny], joining: asyncio.Future[Any], stop: asyncio.Event, address: str) -> None:
    """Let workers join and work until they are to stop.

    Raises
    ------
    UnavailableError
        If the scheduler does not answer, or ends.
    """
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait([stopped, joining], return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        return
    try:
        await joining
    except (OSError, TimeoutError) as error:
        raise UnavailableError(
            f"No Dask scheduler answers at {address}: start it (`dask scheduler`) or correct compute_url.",
            reason="COMPUTE_UNAVAILABLE",
        ) from error
    ended = [asyncio.create_task(nanny.finished()) for nanny in nannies]
    await asyncio.wait([stopped, *ended], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, *ended):
        task.cancel()
    if not stop.is_set():
        raise UnavailableError(
            f"The Dask scheduler at {address} has gone: start the workers again when it is back.",
            reason="COMPUTE_UNAVAILABLE",
        )


async def _end(nannies: Sequence[Nanny], *, at_once: bool) -> None:
    """End all workers together, which the stack would close one after the other.

    Parameters
    ----------
    at_once
        Do not wait for their tasks: the scheduler ends with them, and what they had not finished is done again.
    """
    closing = asyncio.gather(*(nanny.close() for nanny in nannies), return_exceptions=True)
    while at_once and not closing.done():
        for nanny in nannies:  # which have begun to close, and start no worker again
            if nanny.status == Status.closing and (pid := nanny.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.wait([closing], timeout=_KILL_SECONDS)
    await closing


def _resident_bytes(nanny: Nanny) -> float:
    """Memory of a worker, 0 while there is none."""
    try:
        return float(psutil.Process(nanny.pid).memory_info().rss) if nanny.pid else 0.0
    except psutil.NoSuchProcess:
        return 0.0


@contextlib.asynccontextmanager
async def _probes(host: str, port: int, nannies: Sequence[Nanny]) -> AsyncIterator[None]:
    """Tell over HTTP whether this process lives and all its workers are there."""

    def check() -> None:
        away = sum(nanny.status != Status.running or not nanny.worker_address for nanny in nannies)
        if away:
            raise UnavailableError(
                f"{away} of {len(nannies)} workers are not there: they start, or want memory.",
                reason="COMPUTE_UNAVAILABLE",
            )

    async def nothing(ready: bool) -> None:
        del ready

    watch = ReadinessWatch({"workers": check}, nothing)
    server = serve_probes(host, port, watch)
    await watch.start()
    try:
        yield
    finally:
        await watch.stop()
        server.shutdown()
        server.server_close()
