"""Platform parts that the tests of this folder share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from buckets import bucket, s3_endpoint
from dask_cluster import dask_cluster
from postgresql import PostgreSQL, find_postgresql

__all__ = ["bucket", "s3_endpoint"]


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a real Dask cluster with two worker processes."""
    with dask_cluster(2) as cluster:
        yield cluster.scheduler_address


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
