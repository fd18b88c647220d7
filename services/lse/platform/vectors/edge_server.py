"""The embedded vector server: Qdrant's own gRPC API in front of Qdrant Edge, the real engine in the process.

It ends after the calls under way, all changes flushed.  An acknowledged change is in the engine's write-ahead log: it
survives the death of the process; all is forced to the disk at least every few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import signal
from pathlib import Path
from typing import Any

import grpc
import structlog

from lse.errors import UnavailableError
from lse.platform.config import Settings
from lse.platform.vectors.edge_services import service_handlers
from lse.platform.vectors.edge_storage import EdgeStorage

__all__ = ["EdgeServer", "serve_vectors"]

_FLUSH_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class EdgeServer:
    """The server in this process, on the running event loop.

    Every call of the engine is made on that loop, for the engine holds Python's global lock anyway and a thread
    would only add two handovers; give the server a process or at least a loop of its own where others must not wait.

    Parameters
    ----------
    root
        Folder of the store.
    host, port
        Where to listen; port 0 takes a free one.
    api_key
        Key that every call must bring, as Qdrant's ``api-key``; none is asked for where it is empty.
    """

    def __init__(self, root: Path, *, host: str = "127.0.0.1", port: int = 0, api_key: str = "") -> None:
        self._storage = EdgeStorage(root)
        self._host = host
        self._interceptors = [_AskForKey(api_key)] if api_key else []
        self._server: grpc.aio.Server | None = None
        self._flusher: asyncio.Task[None] | None = None
        self.port = port

    @property
    def address(self) -> str:
        """``host:port`` for `lse.platform.vectors.VectorStore`."""
        return f"{self._host}:{self.port}"

    async def start(self) -> None:
        """Open the store and answer calls.

        Raises
        ------
        FailedPreconditionError
            If another server has the folder open.
        UnavailableError
            If the port is taken.
        """
        await self._storage.open()
        server = grpc.aio.server(
            interceptors=self._interceptors,
            options=[
                ("grpc.max_receive_message_length", 256 * 2**20),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        server.add_generic_rpc_handlers(tuple(service_handlers(self._storage)))
        try:
            self.port = server.add_insecure_port(self.address)
        except RuntimeError:
            await self._storage.close()
            raise UnavailableError(
                f"The vector server cannot listen on {self.address}; choose another port.", reason="PORT_TAKEN"
            ) from None
        await server.start()
        self._server = server
        self._flusher = asyncio.create_task(self._flush_forever())
        _log.info("vector server ready", address=self.address)

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            for collection in self._storage:
                try:
                    collection.flush()
                except Exception:  # noqa: BLE001 - the changes stay in the log and the next round tries again
                    _log.exception("flush failed", collection=collection.settings.name)

    async def stop(self, *, grace: float = 10.0) -> None:
        """Refuse new calls, wait up to `grace` seconds for those under way, flush and close the store."""
        if self._server is not None:
            await self._server.stop(grace)
            self._server = None
        if self._flusher is not None:
            self._flusher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flusher
            self._flusher = None
        await self._storage.close()


class _AskForKey(grpc.aio.ServerInterceptor):
    """Refuses calls without the key."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._refusal: Any = grpc.unary_unary_rpc_method_handler(self._refuse)

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        for name, value in details.invocation_metadata:
            if name == "api-key" and hmac.compare_digest(value.encode(), self._key):
                return await continuation(details)
        return self._refusal

    @staticmethod
    async def _refuse(request: Any, context: Any) -> None:  # noqa: ARG004  # gRPC gives it
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "The key of the vector server is missing or wrong.")


async def serve_vectors(settings: Settings) -> None:
    """Serve the collections of `vectors_root` until SIGTERM or SIGINT; print ``ready HOST:PORT`` when it answers.

    Raises
    ------
    FailedPreconditionError
        If no folder is set, or another server has it open.
    UnavailableError
        If the port is taken.
    """
    settings.require("vectors_root")
    assert settings.vectors_root is not None
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    key = settings.vectors_api_key.get_secret_value() if settings.vectors_api_key else ""
    server = EdgeServer(settings.vectors_root, host=settings.host, port=settings.vectors_port, api_key=key)
    await server.start()
    print(f"ready {server.address}", flush=True)
    await stopping.wait()
    await server.stop()
