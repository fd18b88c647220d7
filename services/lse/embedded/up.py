"""``lse up``: everything on one machine, with a home folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import structlog

from lse.embedded.children import Child, free_port, listens
from lse.embedded.home import Home
from lse.platform.config import Settings, load_settings
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError, LseError
from lse.platform.logs import configure_logs
from lse.platform.wiring import Platform
from lse.server import rpc_server

__all__ = ["Embedded", "UpSettings", "run"]

_log = structlog.get_logger(__name__)
_START_SECONDS = 60.0
_WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class UpSettings:
    """What ``lse up`` was asked for.

    Attributes
    ----------
    home
        Home folder; made where it is missing.
    host
        Address that the services and the explorer listen on.
    grpc_port, dashboard_port
        Their ports.
    inference
        ``auto`` takes Triton where it is installed.
    workers
        Worker processes; as many as processor cores, at least 2, when None.
    dashboard
        Whether the explorer is started.
    """

    home: Path
    host: str = "127.0.0.1"
    grpc_port: int = 50051
    dashboard_port: int = 5006
    inference: Literal["auto", "triton", "onnxruntime"] = "auto"
    workers: int | None = None
    dashboard: bool = True


def run(settings: UpSettings, *, on_ready: Callable[[], None] | None = None) -> None:
    """Start everything, serve until SIGTERM or Ctrl-C, stop everything.

    Parameters
    ----------
    settings
        What is wanted.
    on_ready
        Called in a thread of its own once everything answers.
    """
    embedded = Embedded(settings)
    with contextlib.ExitStack() as stack:
        stack.callback(embedded.stop)
        embedded.start()
        asyncio.run(embedded.serve(on_ready))


class Embedded:
    """The processes of one embedded installation.

    Parameters
    ----------
    settings
        What is wanted.
    """

    def __init__(self, settings: UpSettings) -> None:
        self._wanted = replace(
            settings,
            grpc_port=settings.grpc_port or free_port(),
            dashboard_port=settings.dashboard_port or free_port(),
        )
        self._home, self._lock = Home.open(settings.home)
        self._children: list[Child] = []
        self._triton: Any = None
        self._platform: Platform | None = None

    def start(self) -> None:
        """Start the servers that the services stand on, all at once.

        Raises
        ------
        UnavailableError
            If one of them does not start.
        """
        wanted, home = self._wanted, self._home
        vectors_port, compute_port = free_port(), free_port()
        workers = wanted.workers or max(2, os.cpu_count() or 2)
        self._children = [
            Child(
                "vector server",
                ["lse.platform.vectors.edge_server", "--root", str(home.vectors), "--port", str(vectors_port)],
                logs=home.logs,
                ready=listens(vectors_port),
            ),
            Child(
                "compute cluster",
                [
                    *["lse.embedded.cluster", "--port", str(compute_port), "--workers", str(workers)],
                    *["--scratch", str(home.scratch)],
                ],
                logs=home.logs,
                ready=listens(compute_port),
            ),
        ]
        if wanted.dashboard:
            self._children.append(self._dashboard())
        for child in self._children:
            child.start()
        settings = self._settings(vectors_port, compute_port)
        # The terminal stays for the person.
        configure_logs(settings.log_level, stream=(home.logs / "services.log").open("a", buffering=1))
        self._platform = Platform(settings)
        self._sweep_artifacts(self._platform)

    @property
    def _reachable_host(self) -> str:
        """Address at which this machine reaches what listens on the host asked for."""
        return "127.0.0.1" if self._wanted.host in ("0.0.0.0", "::") else self._wanted.host  # noqa: S104

    def _dashboard(self) -> Child:
        wanted = self._wanted
        return Child(
            "explorer",
            [
                *["lse_dashboard", "--address", f"{self._reachable_host}:{wanted.grpc_port}"],
                *["--host", wanted.host, "--port", str(wanted.dashboard_port)],
            ],
            logs=self._home.logs,
            ready=listens(wanted.dashboard_port),
        )

    def _settings(self, vectors_port: int, compute_port: int) -> Settings:
        wanted, home = self._wanted, self._home
        triton = self._start_triton()
        values: dict[str, Any] = {
            "instance": "embedded",
            "grpc_host": wanted.host,
            "grpc_port": wanted.grpc_port,
            "peer_address": f"{self._reachable_host}:{wanted.grpc_port}",
            "catalogue_url": home.catalogue_url,
            "artifacts_url": home.artifacts_url,
            "vectors_url": f"http://127.0.0.1:{vectors_port}",
            "compute_url": f"tcp://127.0.0.1:{compute_port}",
            "inference": "triton" if triton else "onnxruntime",
        }
        if triton:
            values |= {
                "triton_url": triton,
                "triton_repository": str(home.models),
                "triton_backend": "python",
                "triton_shared_memory": True,
            }
        for variable in (f"LSE_{key.upper()}" for key in values):
            if variable in os.environ:
                raise InvalidArgumentError(
                    f"{variable} is set, and `lse up` chooses that by itself: unset it, or run `python -m lse.server`.",
                    reason="SETTING_NOT_ALLOWED",
                )
        return load_settings(**values)

    def _start_triton(self) -> str | None:
        """Address of Triton; None where ONNX Runtime serves."""
        if self._wanted.inference == "onnxruntime":
            return None
        from lse.platform.inference.triton_server import TritonServer, find_triton

        program = find_triton()
        if program is None:
            if self._wanted.inference == "triton":
                raise FailedPreconditionError(
                    "Triton is not installed: run `make triton`, or start with --inference onnxruntime.",
                    reason="TRITON_NOT_INSTALLED",
                )
            return None
        self._triton = TritonServer(program, self._home.models, log=self._home.logs / "triton.log")
        self._triton.start()
        return str(self._triton.url)

    def _sweep_artifacts(self, platform: Platform) -> None:
        """Remove artifacts that no resource names: what was being deleted when the process was killed.

        Only before anything is served: a file being uploaded has no resource yet.
        """
        known = platform.resources.uids()
        for uid, folder in platform.artifacts.resource_folders().items():
            if uid not in known:
                platform.artifacts.remove(folder)

    def _sweep_collections(self, platform: Platform) -> None:
        """Remove collections that no experiment names."""
        collections = platform.vectors.list_collections()
        known = platform.resources.uids()
        for collection in collections:
            if collection not in known:
                platform.vectors.delete_collection(collection)

    async def serve(self, on_ready: Callable[[], None] | None) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        assert self._platform is not None
        server = rpc_server(self._platform)
        serving = asyncio.create_task(server.serve_until_signal())
        ready = asyncio.create_task(asyncio.to_thread(self._wait_until_ready))
        await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
            return
        try:
            await ready
        except LseError:
            os.kill(os.getpid(), signal.SIGTERM)
            await serving
            raise
        if on_ready is not None:
            threading.Thread(target=on_ready, name="on-ready", daemon=True).start()
        watching = asyncio.create_task(self._watch())
        await serving
        watching.cancel()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        for child in self._children:
            child.wait_until_ready(deadline - time.monotonic())
        assert self._platform is not None
        self._sweep_collections(self._platform)

    async def _watch(self) -> None:
        """Start again what ended on its own."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for child in self._children:
                if not child.alive():
                    _log.error("child_ended", child=child.name)
                    child.start()
            if self._triton is not None and self._triton.pid is None:
                _log.error("child_ended", child="triton")
                await asyncio.to_thread(self._triton.start)

    def stop(self) -> None:
        """Stop everything and give the home folder free."""
        # Clients before servers, or they would cry for what is gone.
        if self._platform is not None:
            self._platform.close()
        if self._triton is not None:
            self._triton.stop()
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.stop()
        self._lock.close()
