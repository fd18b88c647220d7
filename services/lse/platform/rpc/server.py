"""The gRPC server of a process: its services with health, reflection, operations and metrics."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import structlog
from google.longrunning import operations_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection
from prometheus_client import start_http_server

from lse.platform.errors import UnavailableError
from lse.platform.operations.servicer import OperationsServicer
from lse.platform.rpc.interceptors import CallInterceptor
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
    """

    def __init__(self, platform: Platform, services: Sequence[Register]) -> None:
        self._platform = platform
        self._services = services
        self._server: Any = None
        self._health = health_aio.HealthServicer()
        self._threads = ThreadPoolExecutor(max_workers=32, thread_name_prefix="rpc")
        self._names: list[str] = []
        self.port = 0

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
            interceptors=[CallInterceptor()],
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES),
                ("grpc.max_send_message_length", MESSAGE_BYTES),
                # A second server on the same port must fail, not share it silently.
                ("grpc.so_reuseport", 0),
            ],
        )
        self._names = [register(self._server, self._platform) for register in self._services]
        operations_pb2_grpc.add_OperationsServicer_to_server(
            OperationsServicer(self._platform.operation_store), self._server
        )
        self._names.append("google.longrunning.Operations")
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            [*self._names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME],
            self._server,
        )
        address = f"{settings.grpc_host}:{settings.grpc_port}"
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise UnavailableError(
                f"Port {settings.grpc_port} of {settings.grpc_host} is taken: stop the other program or choose another "
                "port.",
                reason="PORT_TAKEN",
            ) from error
        if settings.metrics_port is not None:
            start_http_server(settings.metrics_port, addr=settings.grpc_host)
        self._platform.peer_address = settings.peer_address or f"127.0.0.1:{self.port}"
        await self._server.start()
        self._platform.runner.start()
        for name in ["", *self._names]:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        _log.info("serving", address=f"{settings.grpc_host}:{self.port}", services=self._names)

    async def stop(self) -> None:
        """Answer no new calls, let running ones end, leave unfinished operations for the next start."""
        seconds = self._platform.settings.drain_seconds
        await self._health.enter_graceful_shutdown()
        stopping = asyncio.to_thread(self._platform.runner.stop, timeout=seconds)
        await asyncio.gather(self._server.stop(seconds), stopping)
        self._threads.shutdown(wait=False)
        _log.info("stopped")

    async def serve_until_signal(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, stop.set)
        await self.start()
        await stop.wait()
        await self.stop()
