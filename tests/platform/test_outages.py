"""What is away for a while: operations wait for it and go on by themselves, calls name it, logs have two lines."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import dask
import numpy as np
import pytest
import structlog
from distributed import LocalCluster
from prometheus_client import REGISTRY
from pydantic import Field
from structlog.testing import capture_logs

import operation_jobs as jobs
from lse import names
from lse.client import connect
from lse.errors import UnavailableError
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.records.record import Facts, Record
from lse.platform.config import load_settings
from lse.platform.operations import JobContext
from lse.platform.operations.context import JobContext as Context
from lse.platform.ports import free_port
from lse.platform.vectors.edge_server import EdgeServer
from lse.platform.wiring import Platform
from lse.server import open_platform, rpc_server
from postgresql import PostgreSQL
from running_services import serving

NAME = "projects/p/datasets/numbers"
TASKS = 6


class NumbersResult(Facts):
    squares: dict[str, int] = Field(default_factory=dict)


class NumbersRecord(Record[Facts, NumbersResult]):
    pattern: ClassVar = names.DATASET


@dataclass
class Part:
    """Something that operations need, which can be stopped and started again."""

    run: Callable[[], Any]
    settings: dict[str, Any]
    use: Callable[[Context[NumbersRecord]], object]
    _stack: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        self._stack.enter_context(self.run())

    def stop(self) -> None:
        self._stack.close()


@contextmanager
def dask_cluster(port: int) -> Iterator[None]:
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
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield
    server.stop()


@contextmanager
def database(server: PostgreSQL) -> Iterator[None]:
    server.start()
    yield
    server.stop()


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    aside = folder.with_name("unmounted")
    if aside.exists():
        aside.rename(folder)
    yield
    if folder.exists():
        folder.rename(aside)


def make_part(kind: str, folder: Path, request: pytest.FixtureRequest) -> Part:
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
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["compute", "artifacts", "catalogue", "vectors", "disk"])
def test_an_operation_waits_for_what_is_away_and_goes_on(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    part = make_part(kind, tmp_path, request)
    part.start()
    begun, gone = Event(), Event()
    counted = sample("lse_store_errors_total", store={"disk": "artifacts"}.get(kind, kind))
    began = []

    def job(context: JobContext[NumbersRecord]) -> None:
        began.append(context.once(lambda: len(began), stage="beginning", returns=int))
        begun.set()
        assert gone.wait(60)
        part.use(context)
        context.publish(NumbersResult(squares={"t": 4}))

    try:
        with platform_with(part, tmp_path) as platform, capture_logs() as lines:
            platform.artifacts.check()
            platform.runner.register("Work", job, NumbersRecord, respond=lambda record: record.name.encode())
            platform.runner.start()
            store = platform.operation_store
            operation = store.create("Work", NumbersRecord(name=NAME, spec=Facts()))
            assert begun.wait(60)
            part.stop()
            gone.set()
            until(lambda: any(line["event"] == "operation_waits" for line in lines))
            if kind != "catalogue":
                until(lambda: bool(store.get(operation.name).progress["waiting_for"]))
            part.start()
            until(lambda: _done(platform, operation.name))
            ended = store.get(operation.name)
            platform.runner.stop(timeout=20)
    finally:
        part.stop()
    assert (ended.state, ended.attempts, ended.error) == ("succeeded", 1, None)
    # What was finished before is not done again.
    assert set(began) == {0}
    if kind == "compute":
        assert [len((tmp_path / f"{n}.txt").read_text().split()) for n in range(TASKS)] == [1] * TASKS
    said = [line["event"] for line in lines if line["event"].startswith(("operation_waits", "operation_goes_on"))]
    assert said == ["operation_waits", "operation_goes_on"]
    assert not [line for line in lines if line.get("exc_info")]
    assert sample("lse_store_errors_total", store={"disk": "artifacts"}.get(kind, kind)) > counted
    assert sample("lse_stage_seconds_count", kind="Work", stage="beginning") >= 1


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def _done(platform: Platform, name: str) -> bool:
    try:
        return platform.operation_store.get(name).done
    except UnavailableError:
        return False


def test_an_operation_does_not_wait_for_ever_and_can_be_cancelled_while_it_waits(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    part = make_part("vectors", tmp_path, request)
    part.settings["outage_seconds"] = 0.5
    with platform_with(part, tmp_path) as platform:

        def job(context: JobContext[NumbersRecord]) -> None:
            part.use(context)

        platform.runner.register("Work", job, NumbersRecord, respond=lambda record: b"")
        platform.runner.start()
        operation = platform.operation_store.create("Work", NumbersRecord(name=NAME, spec=Facts()))
        until(lambda: _done(platform, operation.name))
        ended = platform.operation_store.get(operation.name)
        platform.runner.stop(timeout=20)
    assert ended.state == "failed"
    assert ended.error is not None
    assert (ended.error.code, ended.error.reason) == ("UNAVAILABLE", "VECTOR_STORE_UNAVAILABLE")

    part.settings["outage_seconds"] = 600
    with platform_with(part, tmp_path) as platform:
        platform.runner.register("Work", job, NumbersRecord, respond=lambda record: b"")
        platform.runner.start()
        store = platform.operation_store
        operation = store.create("Work", NumbersRecord(name=NAME, spec=Facts()))
        until(lambda: bool(store.get(operation.name).progress.get("waiting_for")))
        store.request_cancel(operation.name)
        until(lambda: _done(platform, operation.name))
        assert store.get(operation.name).state == "cancelled"
        platform.runner.stop(timeout=20)


@pytest.mark.parametrize(("kind", "reason"), [("artifacts", "ARTIFACTS"), ("catalogue", "DATABASE")])
def test_a_call_names_what_is_away(
    kind: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    (tmp_path / "encoder.onnx").write_bytes(b"not one, but it comes to be uploaded")
    part = make_part(kind, tmp_path, request)
    part.start()
    try:
        with platform_with(part, tmp_path) as platform, serving(rpc_server(platform, ["training"])) as server:
            part.stop()
            with connect(f"127.0.0.1:{server.port}", project="p") as client:
                with pytest.raises(UnavailableError) as raised:
                    client.encoders.import_onnx("mine", tmp_path / "encoder.onnx")
                part.start()
                assert client.encoders.list() == []
    finally:
        part.stop()
        structlog.reset_defaults()
    assert raised.value.reason == f"{reason}_UNAVAILABLE"
