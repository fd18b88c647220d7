"""The embedded vector server: Qdrant's own gRPC API in front of Qdrant Edge, the real engine in the process.

As a program::

    python -m lse.platform.vectors.edge_server --root DIR --port N

It prints ``ready HOST:PORT`` when it answers, and ends on SIGTERM or SIGINT after the calls under way, all changes
flushed.  An acknowledged change is in the engine's write-ahead log: it survives the death of the process; all is
forced to the disk at least every few seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import grpc
import structlog

from lse.platform.errors import LseError, UnavailableError
from lse.platform.vectors.edge_services import service_handlers
from lse.platform.vectors.edge_storage import EdgeStorage

__all__ = ["EdgeServer", "main"]

_FLUSH_SECONDS = 5.0
_PARENT_SECONDS = 0.2
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
    """

    def __init__(self, root: Path, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._storage = EdgeStorage(root)
        self._host = host
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
            options=[
                ("grpc.max_receive_message_length", 256 * 2**20),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ]
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


async def _serve(server: EdgeServer, *, with_parent: bool) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    parent = os.getppid()
    await server.start()
    print(f"ready {server.address}", flush=True)
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _PARENT_SECONDS if with_parent else None)
        if with_parent and os.getppid() != parent:
            stopping.set()
    await server.stop()


def main(arguments: list[str] | None = None) -> int:
    """Run the program; the exit status is returned."""
    parser = argparse.ArgumentParser(prog="python -m lse.platform.vectors.edge_server", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the store")
    parser.add_argument("--port", type=int, required=True, help="port to listen on, 0 for any that is free")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    options = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        asyncio.run(
            _serve(EdgeServer(options.root, host=options.host, port=options.port), with_parent=options.with_parent)
        )
    except LseError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
