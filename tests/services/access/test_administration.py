"""What administrators see of all projects and do for them: storage, operations run again, garbage, tokens of others."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from guarded_services import Guarded, guarded_services
from lse.client import Client, connect
from lse.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from lse.platform.auth import Caller, acting_as
from lse.platform.catalogue import DatasetRecord, EncoderRecord
from lse.platform.catalogue.records.dataset import DatasetSpec
from lse.platform.catalogue.records.encoder import EncoderSpec
from lse.platform.operations import JobContext
from lse.platform.vectors.edge_server import EdgeServer
from running_services import serving


@pytest.fixture(scope="module")
def administered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Services with a vector server, beside them another project with an admin of its own."""
    folder = tmp_path_factory.mktemp("administered")
    with (
        serving(EdgeServer(folder / "vectors")) as edge,
        guarded_services(folder / "guarded", vectors_url=f"http://{edge.address}") as guarded,
    ):
        yield guarded


@contextmanager
def as_user(guarded: Guarded, name: str, project: str = "p") -> Iterator[Client]:
    with connect(guarded.address, token=guarded.user(name), project=project) as client:
        yield client


def ended(guarded: Guarded, name: str) -> str:
    """State of an operation at its end."""
    deadline = time.monotonic() + 60
    while not (found := guarded.platform.operation_store.get(name)).done and time.monotonic() < deadline:
        time.sleep(0.05)
    return found.state


def failed_dataset(guarded: Guarded, name: str, kind: str = "Unheard", project: str = "p") -> str:
    """Make a dataset that fails; the name of its operation."""
    record = DatasetRecord(name=f"projects/{project}/datasets/{name}", spec=DatasetSpec(sources=("/images",)))
    with acting_as(Caller("edo")):
        operation = guarded.platform.operation_store.create(kind, record)
    assert ended(guarded, operation.name) == "failed"
    return operation.name


@pytest.fixture(scope="module")
def failing(administered: Guarded) -> list[str]:
    """Kinds of work, of which those that are listed fail."""
    fails: list[str] = []

    def job(context: JobContext[DatasetRecord]) -> None:
        if context.operation.kind in fails:
            raise FailedPreconditionError("The disk of the sources is away.", reason="DISK_FULL")
        known = administered.platform.resources.get_ready("projects/p/datasets/d", DatasetRecord)
        context.publish(known.result)

    fails += ["Repeated", "ImportRepeated"]
    for kind in (*fails, "Changing"):
        administered.platform.runner.register(kind, job, DatasetRecord, respond=lambda record: b"")
    return fails


def test_what_a_caller_may_do_in_a_project_is_told(administered: Guarded) -> None:
    for name, role, administers in (("vera", "viewer", False), ("edo", "editor", False), ("ada", "admin", True)):
        with as_user(administered, name) as client:
            caller = client.access.caller_in_project()
            assert (caller.name, caller.role, caller.administers) == (name, role, administers)
            assert client.access.caller().role == ""
            with pytest.raises(NotFoundError):
                client.with_project("q").access.caller_in_project()
    with as_user(administered, "root") as root:
        assert root.access.caller_in_project().administers


def test_storage_is_listed_by_project(administered: Guarded) -> None:
    with as_user(administered, "root") as root, as_user(administered, "vera") as vera:
        root.access.set_quota(image_count=900)
        uid = administered.platform.resources.get("projects/p/datasets/d", DatasetRecord).uid
        administered.platform.resources.measured(uid, 4096)
        assert [each.id for each in vera.access.quotas()] == ["p"]
        everything = {each.id: each for each in root.access.quotas()}
        assert set(everything) == {"p", "q"}
        assert (everything["p"].image_count, everything["p"].byte_count) == (4, 4096)
        assert (everything["p"].limits.image_count, everything["q"].limits.image_count) == (900, None)
        assert everything["q"].byte_count == 0
        root.access.set_quota(image_count=None)


def test_failed_work_is_done_again(administered: Guarded, failing: list[str]) -> None:
    name = failed_dataset(administered, "again", "Repeated")
    with as_user(administered, "edo") as edo, as_user(administered, "vera") as vera:
        with pytest.raises(PermissionDeniedError, match="RetryOperation is for"):
            vera.operations.retry(name)
        with as_user(administered, "bo", "q") as bo, pytest.raises(NotFoundError):
            bo.operations.retry(name)
        failing.remove("Repeated")
        with as_user(administered, "root") as root:
            again = root.operations.retry(name, request_id="once")
            assert root.operations.retry(name, request_id="once").name == again.name
        assert (again.kind, again.target, again.creator) == ("Repeated", "projects/p/datasets/again", "root")
        assert ended(administered, again.name) == "succeeded"
        assert edo.datasets.get("again").prepared == 4
        for once_more, why in ((name, f"made again since: see {again.name}"), (again.name, "is succeeded")):
            with pytest.raises(FailedPreconditionError, match=why) as refused:
                edo.operations.retry(once_more)
            assert refused.value.reason == "RETRY_REFUSED"
        edo.datasets.delete("again")
        with pytest.raises(NotFoundError, match="any more"):
            edo.operations.retry(name)
        sent = failed_dataset(administered, "sent", "ImportRepeated")
        with pytest.raises(FailedPreconditionError, match="send the file again") as refused:
            edo.operations.retry(sent)
        assert refused.value.reason == "UPLOAD_LOST"


def test_work_on_what_is_there_is_done_again(administered: Guarded, failing: list[str]) -> None:
    store = administered.platform.operation_store
    with acting_as(Caller("edo")):
        # Of a kind that no process works on, so that it waits.
        waiting = store.create("Waiting", "projects/p/datasets/d")
        failing.append("Changing")
        change = store.create("Changing", "projects/p/datasets/d")
    assert ended(administered, change.name) == "failed"
    failing.remove("Changing")
    with as_user(administered, "edo") as edo:
        with pytest.raises(FailedPreconditionError, match="is pending"):
            edo.operations.retry(waiting.name)
        assert ended(administered, edo.operations.retry(change.name).name) == "succeeded"


def test_operators_see_and_end_the_operations_of_all_projects(administered: Guarded) -> None:
    store = administered.platform.operation_store
    with acting_as(Caller("edo")):
        mine = store.create("Waiting", "projects/p/datasets/d")
        other = store.create("Waiting", "projects/q/datasets/x")
    with as_user(administered, "root") as root, as_user(administered, "ada") as ada:
        seen = {each.name for each in root.operations.list(everywhere=True, active=True)}
        assert {mine.name, other.name} <= seen
        assert {each.name.split("/")[1] for each in ada.operations.list()} == {"p"}
        with pytest.raises(NotFoundError, match="that you are a member of"):
            ada.operations.list(everywhere=True)
        root.operations.cancel(other.name)
        assert root.operations.get(other.name).state == "cancelling"
        with pytest.raises(NotFoundError):
            ada.operations.cancel(other.name)


def test_failed_resources_are_garbage_of_their_project(administered: Guarded, failing: list[str]) -> None:
    failed_dataset(administered, "useless", "ImportRepeated")
    name = "projects/p/datasets/useless"
    with as_user(administered, "ada") as ada, as_user(administered, "edo") as edo:
        with pytest.raises(PermissionDeniedError):
            edo.access.garbage()
        with pytest.raises(PermissionDeniedError):
            edo.access.remove_garbage([name])
        with pytest.raises(InvalidArgumentError, match="names no project"):
            ada.access.garbage(everywhere=True)
        assert name in {each.what for each in ada.access.garbage()}
        with as_user(administered, "bo", "q") as bo:
            assert bo.access.garbage() == []
            assert bo.access.remove_garbage([name]) == []
        # Only what is garbage goes, whatever is named.
        gone = ada.access.remove_garbage([name, "projects/p/datasets/d"])
        assert [(each.what, each.kind) for each in gone] == [(name, "failed_resource")]
        assert "d" in {each.id for each in ada.datasets.list()}
        assert "useless" not in {each.id for each in ada.datasets.list()}
        assert ada.access.audit(filter="caller = ada", limit=1).__next__().method.endswith("RemoveGarbage")


def test_bulk_data_without_a_name_are_garbage_after_a_day(administered: Guarded) -> None:
    platform = administered.platform
    left = DatasetRecord(name="projects/p/datasets/left", spec=DatasetSpec(sources=("/images",)))
    sent = EncoderRecord(name="projects/p/encoders/sent", spec=EncoderSpec(method="import"))
    old, new = (platform.artifacts.folder(each.kind, each.uid) for each in (left, sent))
    for folder in (old, new):
        platform.artifacts.write_bytes(f"{folder}/upload", b"0123456789")
    path = platform.artifacts.local_path(old)
    assert path is not None
    for each in (path / "upload", path):
        os.utime(each, (time.time() - 90_000,) * 2)
    stray, known, others = uuid.uuid4().hex, platform.resources.uids().pop(), "somebody-elses"
    for collection in (stray, known, others):
        platform.vectors.create_collection(collection, dimension=2)
    with as_user(administered, "root") as root:
        assert {each.kind for each in root.access.garbage()} <= {"failed_resource"}
        found = {each.what: each for each in root.access.garbage(everywhere=True) if each.kind != "failed_resource"}
        assert {name: each.kind for name, each in found.items()} == {old: "folder", stray: "collection"}
        assert found[old].byte_count == 10
        gone = root.access.remove_garbage([old, new, stray, known, others], everywhere=True)
        assert {each.what for each in gone} == {old, stray}
    assert not Path(path).exists()
    assert platform.artifacts.exists(new)
    assert platform.vectors.list_collections() == sorted([known, others])


def test_operators_find_and_revoke_the_tokens_of_others(administered: Guarded) -> None:
    with (
        as_user(administered, "root") as root,
        as_user(administered, "edo") as edo,
        as_user(administered, "ada") as ada,
    ):
        made, text = edo.access.create_token(title="left behind")
        with pytest.raises(PermissionDeniedError, match="operators"):
            ada.access.tokens(principal="user:edo")
        assert made.id in [each.id for each in edo.access.tokens(principal="user:edo")]
        assert made.id in [each.id for each in root.access.tokens(principal="user:edo")]
        root.access.revoke_token(made.id)
        assert made.id not in [each.id for each in edo.access.tokens()]
        assert text.startswith("lse_")
