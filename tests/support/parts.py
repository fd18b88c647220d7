"""What operations need, each of which a test can stop and start again, and a platform with it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import dask
import numpy as np
import pytest
from distributed import LocalCluster
from pydantic import Field

import operation_jobs as jobs
from lse import names
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.records.record import Facts, Record
from lse.platform.config import load_settings
from lse.platform.operations.context import JobContext as Context
from lse.platform.ports import free_port
from lse.platform.vectors.edge_server import EdgeServer
from lse.platform.wiring import Platform
from lse.server import open_platform
from postgresql import PostgreSQL
from running_services import serving

__all__ = ["NAME", "TASKS", "NumbersRecord", "NumbersResult", "Part", "make_part", "platform_with", "until"]

NAME = "projects/p/datasets/numbers"
TASKS = 6


class NumbersResult(Facts):
    """Squares of numbers."""

    squares: dict[str, int] = Field(default_factory=dict)


class NumbersRecord(Record[Facts, NumbersResult]):
    """What the operations of these tests make."""

    pattern: ClassVar = names.DATASET


@dataclass
class Part:
    """Something that operations need, which can be stopped and started again."""

    run: Callable[[], Any]
    settings: dict[str, Any]
    use: Callable[[Context[NumbersRecord]], object]
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Have it there."""
        self._stack.enter_context(self.run())

    def stop(self) -> None:
        """Have it away."""
        self._stack.close()


@contextmanager
def dask_cluster(port: int) -> Iterator[None]:
    """A Dask cluster."""
    # Dask writes the variables of its workers into this process, where later tests would find them.
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}}),
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            scheduler_port=port,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
        ),
    ):
        yield


@contextmanager
def object_store(port: int) -> Iterator[None]:
    """A server that speaks the S3 protocol."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield
    server.stop()


@contextmanager
def database(server: PostgreSQL) -> Iterator[None]:
    """A database server."""
    server.start()
    yield
    server.stop()


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """A disk, as its mount point."""
    aside = folder.with_name("unmounted")
    if aside.exists():
        aside.rename(folder)
    yield
    if folder.exists():
        folder.rename(aside)


def make_part(kind: str, folder: Path, request: pytest.FixtureRequest) -> Part:
    """``compute``, ``artifacts``, ``disk``, ``catalogue`` or ``vectors``."""
    port = free_port()
    if kind == "compute":

        def square(context: Context[NumbersRecord]) -> object:
            tasks = {f"t{n}": (str(folder), n) for n in range(TASKS)}
            return context.map(jobs.write_once, tasks, stage="needing", unit="numbers")

        return Part(lambda: dask_cluster(port), {"compute_url": f"tcp://127.0.0.1:{port}"}, square)
    if kind == "artifacts":
        options = {
            "key": "test",
            "secret": "test",
            "endpoint_url": f"http://127.0.0.1:{port}",
            "client_kwargs": {"region_name": "eu-west-1"},
            "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 2},
        }
        settings = {"artifacts_url": f"s3://outages-{port}", "artifacts_options": options}
        return Part(
            lambda: object_store(port),
            settings,
            lambda context: context.platform.artifacts.write_bytes(f"{context.folder}/part", b"whole"),
        )
    if kind == "disk":
        disk = folder / "artifacts"
        return Part(
            lambda: mounted(disk),
            {"artifacts_url": f"file://{disk}"},
            lambda context: context.platform.artifacts.write_array(f"{context.folder}/array", np.arange(3)),
        )
    if kind == "catalogue":
        server: PostgreSQL = request.getfixturevalue("postgresql")
        # Others use it after this.
        request.addfinalizer(server.start)
        return Part(
            lambda: database(server),
            {"catalogue_url": server.new_database(f"lse_{uuid.uuid4().hex}")},
            lambda context: context.once(lambda: 1, stage="needing", returns=int),
        )
    return Part(
        lambda: serving(EdgeServer(folder / "vectors", port=port)),
        {"vectors_url": f"http://127.0.0.1:{port}"},
        lambda context: context.platform.vectors.list_collections(),
    )


@contextmanager
def platform_with(part: Part, folder: Path) -> Iterator[Platform]:
    """A platform on a part, with all else in a folder."""
    settings = load_settings(
        **{
            "catalogue_url": f"sqlite:///{folder / 'catalogue.db'}",
            "artifacts_url": f"file://{folder / 'artifacts'}",
            "vectors_url": "http://127.0.0.1:1",
            "compute_url": "tcp://127.0.0.1:1",
            "instance": "test",
            "inference": "onnxruntime",
            "grpc_port": 0,
            "drain_seconds": 1,
            **part.settings,
        }
    )
    migrate(settings)
    if settings.artifacts_url.startswith("s3:"):
        import s3fs

        s3fs.S3FileSystem(**settings.artifacts_options, skip_instance_cache=True).mkdir(
            settings.artifacts_url.removeprefix("s3://")
        )
    with open_platform(settings) as platform:
        yield platform


def until(found: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)
