"""What is away for a while: operations wait for it and go on by themselves, calls name it, logs have two lines."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from lse.client import connect
from lse.errors import UnavailableError
from lse.platform.catalogue.records.record import Facts
from lse.platform.operations import JobContext
from lse.platform.wiring import Platform
from lse.server import rpc_server
from parts import NAME, TASKS, NumbersRecord, NumbersResult, make_part, platform_with, until
from running_services import serving


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
    assert raised.value.reason == f"{reason}_UNAVAILABLE"
