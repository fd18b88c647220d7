"""The gRPC server of a process: its services with health, reflection, operations and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import ThreadingHTTPServer
from typing import Any

import grpc
import structlog
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from lse.errors import UnavailableError
from lse.platform.access.login import authenticator
from lse.platform.auth import Authenticator
from lse.platform.rpc.interceptors import CallInterceptor
from lse.platform.rpc.operations import OperationsServicer
from lse.platform.rpc.readiness import ReadinessWatch, serve_probes
from lse.platform.rpc.reflection import add_reflection
from lse.platform.wiring import Platform

__all__ = ["MESSAGE_BYTES", "RpcServer"]

_log = structlog.get_logger(__name__)

# Single messages stay small, whatever is larger is streamed in pieces; the limit leaves room for an uploaded image.
MESSAGE_BYTES = 16 << 20

Register = Callable[[Any, Platform], str]


class RpcServer:
    """Serves services until it is told to stop.

    Parameters
    ----------
    platform
        What the services stand on.
    services
        Functions that add a service to a server and give its full name.
    authenticate
        Recognises the caller of each request (default: as the settings have it).

    Raises
    ------
    FailedPreconditionError
        If the login of the settings is not complete, or the services would be open to a network without one.
    """

    def __init__(
        self, platform: Platform, services: Sequence[Register], *, authenticate: Authenticator | None = None
    ) -> None:
        self._platform = platform
        self._authenticate = authenticate or authenticator(platform.settings, platform.access)
        self._services = services
        self._server: Any = None
        self._health = health_aio.HealthServicer()
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="rpc")
        self._names: list[str] = []
        checks = {"catalogue": platform.operation_store.measure_queue, "artifacts": platform.artifacts.check}
        self._watch = ReadinessWatch(checks, self._tell_health, quiet=["catalogue"])
        self._probes: ThreadingHTTPServer | None = None
        self._door: Any = None
        self.port = 0

    @property
    def http_port(self) -> int:
        """Where it answers by HTTP; 0 where it does not."""
        return self._door.port if self._door else 0

    async def start(self) -> None:
        """Listen, and take up unfinished operations.

        Raises
        ------
        UnavailableError
            If the port is taken.
        """
        settings = self._platform.settings
        self._server = grpc.aio.server(
            migration_thread_pool=self._threads,
            interceptors=[
                CallInterceptor(
                    *(self._authenticate, self._platform.access, self._threads),
                    outage=self._platform.artifacts.outage,
                    read_only=settings.read_only,
                )
            ],
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES),
                ("grpc.max_send_message_length", MESSAGE_BYTES),
                # A second server on the same port must fail, not share it silently.
                ("grpc.so_reuseport", 0),
            ],
        )
        try:
            self.port = self._server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
        except RuntimeError as error:
            raise UnavailableError(
                f"Port {settings.grpc_port} of {settings.host} is taken: stop the other program or choose another "
                "port.",
                reason="PORT_TAKEN",
            ) from error
        platform = replace(self._platform, peer_address=settings.peer_address or f"127.0.0.1:{self.port}")
        self._names = [register(self._server, platform) for register in self._services]
        operations_pb2_grpc.add_OperationsServicer_to_server(
            OperationsServicer(self._platform.operation_store), self._server
        )
        self._names.append("google.longrunning.Operations")
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        add_reflection([*self._names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name], self._server)
        if settings.metrics_port is not None:
            self._probes = serve_probes(settings.host, settings.metrics_port, self._watch)
        await self._server.start()
        if settings.http_port is not None:
            from lse.platform.rpc.connect import HttpDoor

            self._door = HttpDoor(
                *(settings.host, settings.http_port),
                grpc_port=self.port,
                message_bytes=MESSAGE_BYTES,
                drain_seconds=settings.drain_seconds,
            )
            await self._door.start()
        if not settings.read_only:
            self._platform.runner.start()
        await self._watch.start()
        _log.info("serving", address=f"{settings.host}:{self.port}", http_port=self.http_port, services=self._names)

    async def stop(self) -> None:
        """Answer no new calls, let running ones end, leave unfinished operations for the next start."""
        seconds = self._platform.settings.drain_seconds
        await self._health.enter_graceful_shutdown()
        await self._watch.stop()
        stopping = asyncio.to_thread(self._platform.runner.stop, timeout=seconds)
        doors = [self._door.stop()] if self._door else []
        await asyncio.gather(*doors, self._server.stop(seconds), stopping)
        self._threads.shutdown(wait=False)
        if self._probes is not None:
            self._probes.shutdown()
            self._probes.server_close()
        _log.info("stopped")

    async def _tell_health(self, ready: bool) -> None:
        status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ["", *self._names]:
            await self._health.set(name, status)

    async def serve_until_signal(self, *, on_signal: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGTERM or SIGINT, then drain; something else may begin to end at the signal."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, stop.set)
        await self.start()
        await stop.wait()
        on_signal()
        await self.stop()
