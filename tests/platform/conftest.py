"""Platform parts that the tests of this folder share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import LocalCluster

from postgresql import PostgreSQL, find_postgresql


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a real Dask cluster with two worker processes."""
    # Dask writes the variables of its workers into this process, where later tests would find them.
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ) as cluster,
    ):
        yield cluster.scheduler_address


@dataclass(frozen=True)
class Bucket:
    """A bucket behind the S3 protocol: its URL, and what fsspec needs to open it."""

    url: str
    options: dict[str, Any]


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a server that speaks the S3 protocol."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """A new, empty bucket."""
    import s3fs

    options = {
        "key": "test",
        "secret": "test",
        "endpoint_url": s3_endpoint,
        "client_kwargs": {"region_name": "eu-west-1"},
    }
    name = f"lse-{uuid.uuid4().hex}"
    s3fs.S3FileSystem(**options).mkdir(name)
    return Bucket(f"s3://{name}", options)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """Real PostgreSQL server."""
    programs = find_postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
    server = PostgreSQL(programs, tmp_path_factory.mktemp("postgresql"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new, empty catalogue, on each database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalogue.db'}"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database(f"lse_{uuid.uuid4().hex}")
