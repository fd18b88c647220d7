"""A real server of ingestion and annotation with a runner and a worker, in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dask
import pytest
from distributed import LocalCluster

from lse.client import Client, connect
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.ports import free_port
from lse.platform.wiring import Platform
from lse.server import open_platform, rpc_server


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a Dask cluster with one worker, a thread of this process."""
    # Dask writes the variables of its workers into this process, where later tests would find them.
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
    ):
        yield cluster.scheduler_address


@dataclass(frozen=True)
class Elsewhere:
    """Ports of this machine at which sources may be read: of a web server, and of one that speaks the S3 protocol."""

    web: int
    bucket: int


@pytest.fixture(scope="session")
def elsewhere() -> Elsewhere:
    """Where sources may be read beside files of this machine."""
    return Elsewhere(free_port(), free_port())


@pytest.fixture
def platform(
    tmp_path: Path, scheduler: str, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    settings = load_settings(
        catalogue_url=f"sqlite:///{tmp_path / 'catalogue.db'}",
        artifacts_url=f"file://{tmp_path / 'artifacts'}",
        vectors_url="http://127.0.0.1:1",
        compute_url=scheduler,
        grpc_port=0,
        drain_seconds=1,
        instance="test",
        source_roots=f"*,http://127.0.0.1:{elsewhere.web}",
        source_options={"key": "k", "secret": "s", "endpoint_url": f"http://127.0.0.1:{elsewhere.bucket}"},
    )
    migrate(settings)
    with open_platform(settings) as platform:
        yield platform


@pytest.fixture
def client(platform: Platform) -> Iterator[Client]:
    """Client of a real gRPC server of the services."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = rpc_server(platform, ("ingestion", "annotation"))
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
    with connect(f"127.0.0.1:{server.port}", project="p") as client:
        yield client
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
