"""Vector servers for the tests: the embedded one as a program, and a real one where LSE_TEST_QDRANT_URL names it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from lse.platform.vectors import VectorStore
from lse.platform.vectors.edge_server import EdgeServer

LSE = Path(sys.executable).with_name("lse")


class ServerProgram:
    """The embedded server as a program of its own."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [LSE, "vectors", "--vectors-root", str(root), "--vectors-port", "0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline().split()
        assert ready[:1] == ["ready"], "the server did not start"
        self.address = ready[1]

    def kill(self) -> None:
        """End it as by `kill -9`."""
        self.process.kill()
        self.wait()

    def stop(self) -> int:
        """End it by SIGTERM; its exit status is returned."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended by itself or by a signal sent before; its exit status is returned."""
        status = self.process.wait(timeout=60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


class ServerThread:
    """The embedded server in a thread of this process: quicker to start, for tests that kill nothing."""

    def __init__(self, root: Path) -> None:
        self._server = EdgeServer(root)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(timeout=60)
        self.address = self._server.address

    def stop(self) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(timeout=60)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Path], ServerThread]]:
    """Start embedded servers in this process that end with the test."""
    started: list[ServerThread] = []

    def start(root: Path) -> ServerThread:
        started.append(ServerThread(root))
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def start_server() -> Iterator[Callable[[Path], ServerProgram]]:
    """Start embedded servers that end with the test."""
    started: list[ServerProgram] = []

    def start(root: Path) -> ServerProgram:
        started.append(ServerProgram(root))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session", params=["edge", "qdrant"])
def server_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of each kind of server."""
    if request.param == "qdrant":
        if "LSE_TEST_QDRANT_URL" not in os.environ:
            pytest.skip("no real Qdrant server: set LSE_TEST_QDRANT_URL to its gRPC address, such as localhost:6334")
        yield os.environ["LSE_TEST_QDRANT_URL"]
        return
    server = ServerProgram(tmp_path_factory.mktemp("vectors"))
    yield server.address
    assert server.stop() == 0


@pytest.fixture
def store(server_address: str) -> Iterator[VectorStore]:
    with VectorStore(server_address) as opened:
        yield opened


@pytest.fixture
def name(store: VectorStore) -> Iterator[str]:
    """Name of a collection that does not exist yet and is deleted after the test."""
    fresh = f"test-{uuid.uuid4().hex}"
    yield fresh
    store.delete_collection(fresh)


@pytest.fixture(scope="session")
def clustered() -> npt.NDArray[np.float32]:
    """Vectors of shape (600, 24) in 8 clumps."""
    rng = np.random.default_rng(7)
    return (rng.normal(size=(8, 24))[rng.integers(0, 8, 600)] + 0.4 * rng.normal(size=(600, 24))).astype(np.float32)
