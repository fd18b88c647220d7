"""Operations: durable, resumable, cancellable, through a runner and real Dask workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from prometheus_client import REGISTRY
from pydantic import Field

import operation_jobs as jobs
from lse import names
from lse.errors import AlreadyExistsError, InvalidArgumentError, LseError
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.operation_record import Attempt
from lse.platform.catalogue.queries import PageRequest
from lse.platform.catalogue.records.record import Facts, Record
from lse.platform.config import load_settings
from lse.platform.operations import JobContext, Operation, OperationRunner
from lse.platform.wiring import Platform
from lse.progress import Progress
from lse.server import open_platform

NAME = "projects/p/datasets/numbers"


class NumbersSpec(Facts):
    wrong: bool = False


class NumbersResult(Facts):
    squares: dict[str, int] = Field(default_factory=dict)
    saved: int = 0


class NumbersRecord(Record[NumbersSpec, NumbersResult]):
    pattern: ClassVar = names.DATASET


Context = JobContext[NumbersRecord]


@pytest.fixture
def platform(tmp_path: Path, scheduler: str, catalogue_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    settings = load_settings(
        catalogue_url=catalogue_url,
        artifacts_url=f"file://{tmp_path / 'artifacts'}",
        vectors_url="http://127.0.0.1:1",
        compute_url=scheduler,
        instance="test",
    )
    migrate(settings)
    with open_platform(settings) as platform:
        yield platform
        platform.runner.stop(timeout=20)


def ask(
    platform: Platform, *, request_id: str = "", digest: str = "", name: str = NAME, wrong: bool = False
) -> Operation:
    return platform.operation_store.create(
        "Work",
        NumbersRecord(name=name, spec=NumbersSpec(wrong=wrong)),
        request_id=request_id,
        request_digest=digest,
    )


def wait(platform: Platform, operation: Operation, *, seconds: float = 60) -> Operation:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = platform.operation_store.get(operation.name)
        if found.done:
            return found
        time.sleep(0.05)
    raise TimeoutError(operation.name)


def register(platform: Platform, job: Callable[[Context], None]) -> None:
    platform.runner.register("Work", job, NumbersRecord, respond=lambda record: record.name.encode())


def test_finished_operation_keeps_its_resource_and_response(platform: Platform, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()

    def job(context: Context) -> None:
        tasks = {f"t{n}": (str(marks), n) for n in range(7)}
        squares = context.map(jobs.write_once, tasks, stage="squaring", unit="numbers")
        context.publish(NumbersResult(squares=squares))

    register(platform, job)
    platform.runner.start()
    ended = wait(platform, ask(platform))
    assert ended.state == "succeeded"
    assert ended.response == NAME.encode()
    assert [stage for stage, _ in ended.stages] == ["squaring"]
    assert ended.progress["done"] == ended.progress["total"] == 7
    resource = platform.resources.get_ready(NAME, NumbersRecord)
    assert list(resource.result.squares.values()) == [n * n for n in range(7)]


def test_work_goes_on_after_a_stop_and_repeats_nothing(platform: Platform, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()

    def job(context: Context) -> None:
        tasks = {f"t{n}": (str(marks), n) for n in range(60)}
        squares = context.map(jobs.write_once, tasks, stage="squaring", unit="numbers")
        context.publish(NumbersResult(squares=squares))

    register(platform, job)
    platform.runner.start()
    operation = ask(platform)
    while len(platform.operation_store.task_results(operation.name, "squaring")) < 10:
        time.sleep(0.02)
    platform.runner.stop(timeout=20)
    finished = platform.operation_store.task_results(operation.name, "squaring")
    assert platform.operation_store.get(operation.name).state == "running"
    assert 10 <= len(finished) < 60

    second = OperationRunner(platform, instance="test", slots=2)
    second.register("Work", job, NumbersRecord, respond=lambda record: b"")
    second.start()
    ended = wait(platform, operation)
    second.stop(timeout=20)
    assert (ended.state, ended.attempts) == ("succeeded", 2)
    assert len(platform.resources.get_ready(NAME, NumbersRecord).result.squares) == 60
    for task in finished:
        assert len((marks / f"{task[1:]}.txt").read_text().split()) == 1


@pytest.mark.parametrize("lost", [True, False])
def test_work_that_ends_its_process_again_and_again_is_given_up(platform: Platform, lost: bool) -> None:
    def job(context: Context) -> None:
        context.publish(NumbersResult())

    register(platform, job)
    store, operation = platform.operation_store, ask(platform)
    for _ in range(3):
        assert [each.name for each in store.claim("test", ["Work"], limit=1)] == [operation.name]
        store.release("test", lost=lost)
    platform.runner.start()
    ended = wait(platform, operation)
    assert (ended.state, ended.attempts) == ("failed" if lost else "succeeded", 4)
    if lost:
        assert ended.error is not None
        assert (ended.error.reason, platform.resources.get(NAME, NumbersRecord).state) == ("WORK_LOST", "failed")


def test_what_is_taken_over_keeps_nothing_more(platform: Platform) -> None:
    store, operation = platform.operation_store, ask(platform)
    (first,) = store.claim("first", ["Work"], limit=1)
    beats, _ = store.unfinished(["Work"])
    assert store.claim("second", ["Work"], limit=1) == []
    (second,) = store.claim("second", ["Work"], limit=1, lost=beats)
    late, present = Attempt(operation.name, "first", first.attempts), Attempt(operation.name, "second", second.attempts)
    assert not store.save_task(late, "s", "t", 1)
    assert not store.save_progress(late, Progress("s", 1, 2, "numbers"), rate=0.0, stages=[])
    assert store.heartbeat([late, present]) == {operation.name: False}
    assert not store.finish(late, state="failed")
    assert store.save_task(present, "s", "t", 2)
    assert store.task_results(operation.name, "s") == {"t": 2}
    assert store.finish(present, state="succeeded")


def test_cancelled_operation_leaves_nothing_usable(platform: Platform) -> None:
    def job(context: Context) -> None:
        context.platform.artifacts.write_bytes(f"{context.folder}/part", b"half")
        context.run(jobs.count_slowly, 10_000, stage="counting", returns=int)
        context.publish(NumbersResult())

    register(platform, job)
    platform.runner.start()
    operation = ask(platform)
    while platform.operation_store.get(operation.name).progress.get("done", 0) < 3:
        time.sleep(0.02)
    platform.operation_store.request_cancel(operation.name)
    ended = wait(platform, operation)
    assert ended.state == "cancelled"
    assert platform.resources.get(NAME, NumbersRecord).state == "failed"
    resource = platform.resources.get(NAME, NumbersRecord)
    assert not platform.artifacts.exists(platform.artifacts.folder("dataset", resource.uid, operation.name))
    # The name is free again.
    assert ask(platform).target == NAME


def test_error_of_a_task_is_the_error_of_the_operation(platform: Platform, tmp_path: Path) -> None:
    def job(context: Context) -> None:
        function = jobs.refuse if context.resource.spec.wrong else jobs.break_down
        context.map(function, {"t": (str(tmp_path), 3)}, stage="work", unit="numbers")

    register(platform, job)
    platform.runner.start()
    refused = wait(platform, ask(platform, wrong=True))
    assert refused.state == "failed"
    assert isinstance(refused.error, InvalidArgumentError)
    assert (refused.error.reason, refused.error.metadata["number"]) == ("WRONG_NUMBER", "3")
    broken = wait(platform, ask(platform, wrong=False))
    assert broken.error is not None
    assert (broken.error.code, broken.error.reason) == ("INTERNAL", "SERVICE_FAILED")


def test_same_request_id_gives_the_same_operation(platform: Platform) -> None:
    first = ask(platform, request_id="one", digest="1")
    assert ask(platform, request_id="one", digest="1").name == first.name
    with pytest.raises(InvalidArgumentError, match="used for another request"):
        ask(platform, request_id="one", digest="2")
    with pytest.raises(AlreadyExistsError, match="choose another name"):
        ask(platform, request_id="two")


def test_pages_list_operations_newest_first(platform: Platform) -> None:
    made = [ask(platform, name=f"projects/p/datasets/d{n}").name for n in range(5)]
    first, token = platform.operation_store.page("projects/p", PageRequest(3))
    second, end = platform.operation_store.page("projects/p", PageRequest(3, token))
    assert [operation.name for operation in first + second] == made[::-1]
    assert end == ""


@pytest.mark.parametrize("cancel", [True, False])
def test_what_a_job_published_before_it_ended_badly_is_kept(platform: Platform, cancel: bool) -> None:
    def job(context: Context) -> None:
        context.platform.artifacts.write_bytes(f"{context.folder}/part", b"half")
        try:
            context.run(jobs.count_slowly if cancel else jobs.break_off, 10_000, stage="counting", returns=int)
        except LseError as error:
            assert context.cancelled() == cancel
            context.save_what_is_there()
            saved = context.run(jobs.count_slowly, 20, stage="saving", returns=int)
            context.publish(NumbersResult(saved=saved))
            raise type(error)(f"{error.message} 20 are saved.", reason=error.reason) from None

    register(platform, job)
    platform.runner.start()
    operation = ask(platform)
    if cancel:
        while platform.operation_store.get(operation.name).progress.get("done", 0) < 3:
            time.sleep(0.02)
        platform.operation_store.request_cancel(operation.name)
    ended = wait(platform, operation)
    assert (ended.state, ended.response) == ("cancelled" if cancel else "failed", None)
    assert ended.error is not None
    assert ended.error.message.endswith("20 are saved.")
    resource = platform.resources.get_ready(NAME, NumbersRecord)
    assert resource.result.saved == 20
    assert platform.artifacts.exists(platform.artifacts.folder("dataset", resource.uid, operation.name))


def test_what_others_changed_meanwhile_is_kept(platform: Platform) -> None:
    def job(context: Context) -> None:
        platform.resources.change(
            NAME, NumbersRecord, lambda latest: latest.with_result(NumbersResult(squares={"meanwhile": 1}))
        )
        context.publish_change(lambda latest: latest.with_result(latest.result.model_copy(update={"saved": 5})))

    register(platform, job)
    platform.runner.start()
    assert wait(platform, ask(platform)).state == "succeeded"
    assert platform.resources.get_ready(NAME, NumbersRecord).result == NumbersResult(squares={"meanwhile": 1}, saved=5)


def test_what_waits_is_counted_by_kind(platform: Platform) -> None:
    def waiting(name: str) -> float | None:
        platform.operation_store.measure_queue()
        return REGISTRY.get_sample_value(name, {"kind": "Work"})

    ask(platform)
    time.sleep(0.05)
    assert waiting("lse_operations_waiting") == 1
    assert 0.05 <= (waiting("lse_operations_waiting_seconds") or 0) < 60
    assert len(platform.operation_store.claim("test", ["Work"], limit=1, lost={})) == 1
    assert (waiting("lse_operations_waiting"), waiting("lse_operations_waiting_seconds")) == (0, 0)
