"""Members, tokens, quotas and the audit log, as those meet them who administer them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from guarded_services import Guarded, guarded_services
from latentspace.ingestion.v1 import ingestion_pb2
from latentspace.ingestion.v1.ingestion_pb2_grpc import IngestionServiceStub
from lse.client import Client, connect
from lse.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
)
from lse.platform.access.service_tokens import ServiceTokens
from lse.platform.auth import Caller, Role, Scope, acting_as, current_caller
from lse.platform.catalogue import DatasetRecord
from lse.platform.operations import JobContext
from lse.platform.rpc.peers import call_peer


@contextmanager
def as_user(guarded: Guarded, name: str, *groups: str, project: str = "p") -> Iterator[Client]:
    with connect(guarded.address, token=guarded.user(name, *groups), project=project) as client:
        yield client


def test_members_come_change_and_go(guarded: Guarded) -> None:
    with as_user(guarded, "ada") as ada, as_user(guarded, "nova") as nova:
        assert nova.projects() == []
        assert ada.projects() == ["p"]
        with pytest.raises(NotFoundError, match="no projects/p that you are a member of"):
            nova.datasets.list()
        made = ada.access.add_member("user:nova", "viewer")
        assert (made.principal, made.role, made.creator) == ("user:nova", "viewer", "ada")
        assert [dataset.id for dataset in nova.datasets.list()] == ["d"]
        with pytest.raises(PermissionDeniedError, match="You are viewer of projects/p, and CreateLabelScheme is for"):
            nova.label_schemes.create("s", classes=["a"])
        assert ada.access.set_role("user:nova", "editor").role == "editor"
        assert nova.label_schemes.create("s", classes=["a"]).creator == "nova"
        nova.label_schemes.delete("s")
        with pytest.raises(AlreadyExistsError):
            ada.access.add_member("user:nova", "viewer")
        with pytest.raises(InvalidArgumentError, match="write user:NAME"):
            ada.access.add_member("nova", "viewer")
        assert "user:nova" in [member.principal for member in ada.access.members()]
        ada.access.remove_member("user:nova")
        with pytest.raises(NotFoundError):
            nova.datasets.list()
        with pytest.raises(NotFoundError, match="user:nova is not a member"):
            ada.access.remove_member("user:nova")


def test_a_project_keeps_an_admin(guarded: Guarded) -> None:
    with as_user(guarded, "bo", project="q") as bo:
        for change in (lambda: bo.access.remove_member("user:bo"), lambda: bo.access.set_role("user:bo", "viewer")):
            with pytest.raises(FailedPreconditionError, match="last admin"):
                change()


def test_operators_make_and_delete_projects(guarded: Guarded) -> None:
    with as_user(guarded, "root", project="made") as root, as_user(guarded, "ada", project="made") as ada:
        with pytest.raises(PermissionDeniedError, match="CreateProject is for operators"):
            ada.access.create_project("made")
        assert root.access.create_project("made", title="Made").creator == "root"
        with pytest.raises(AlreadyExistsError):
            root.access.create_project("made")
        root.access.add_member("user:ada", "admin")
        assert ada.access.update_project(description="Of ada.").title == "Made"
        with pytest.raises(FailedPreconditionError, match="still has resources"):
            root.access.delete_project("p")
        _, text = ada.access.create_token(service_account="nightly")
        root.access.delete_project("made")
        with connect(guarded.address, token=text, project="made") as left, pytest.raises(UnauthenticatedError):
            left.projects()
        # One of the same name is another project: ada is not a member of it.
        root.access.create_project("made")
        with pytest.raises(NotFoundError):
            ada.datasets.list()
        root.access.delete_project("made")


def test_groups_of_the_login_are_members(guarded: Guarded) -> None:
    with as_user(guarded, "rita", "readers") as rita:
        assert rita.projects() == ["p"]
        assert rita.access.caller().principals == ("group:readers", "user:rita")
    with as_user(guarded, "rita") as rita:
        assert rita.projects() == []


def test_tokens_have_the_limits_that_they_were_given(guarded: Guarded) -> None:
    with as_user(guarded, "ada") as ada:
        token, text = ada.access.create_token(title="to look", role="viewer", projects=["p"], days=1)
        assert (token.role, token.projects, token.title) == ("viewer", ("projects/p",), "to look")
        assert token.id in [each.id for each in ada.access.tokens()]
        with connect(guarded.address, token=text, project="p") as limited:
            assert limited.access.caller().name == "ada"
            assert limited.datasets.get("d").id == "d"
            with pytest.raises(PermissionDeniedError):
                limited.datasets.delete("d")
            with pytest.raises(PermissionDeniedError, match="A token with limits"):
                limited.access.create_token()
            with pytest.raises(PermissionDeniedError, match="A token with limits"):
                limited.access.revoke_token(token.id)
        assert next(each for each in ada.access.tokens() if each.id == token.id).last_use_time is not None
        ada.access.revoke_token(token.id)
        with connect(guarded.address, token=text, project="p") as revoked, pytest.raises(UnauthenticatedError):
            revoked.datasets.list()
        for days in (0.0, 400.0):
            with pytest.raises(InvalidArgumentError, match="within 366 days"):
                ada.access.create_token(days=days)


def test_a_token_expires(guarded: Guarded) -> None:
    with as_user(guarded, "ada") as ada:
        _, text = ada.access.create_token(days=1.5 / 86400)
    with connect(guarded.address, token=text, project="p") as client:
        assert client.projects() == ["p"]
        time.sleep(1.6)
        with pytest.raises(UnauthenticatedError, match="has expired"):
            client.projects()


def test_nobody_makes_or_sees_the_tokens_of_others(guarded: Guarded) -> None:
    with as_user(guarded, "ada") as ada, as_user(guarded, "bo", project="q") as bo, as_user(guarded, "edo") as edo:
        mine, _ = ada.access.create_token()
        service, text = ada.access.create_token(service_account="nightly", role="editor")
        assert service.principal == "service:p/nightly"
        assert [each.id for each in ada.access.tokens(service_accounts=True)] == [service.id]
        for other in (bo, edo):
            assert mine.id not in [each.id for each in other.access.tokens()]
            for token in (mine, service):
                with pytest.raises(NotFoundError, match="You have no token"):
                    other.access.revoke_token(token.id)
        with pytest.raises(PermissionDeniedError):
            edo.access.create_token(service_account="nightly")
        with pytest.raises(PermissionDeniedError):
            edo.access.tokens(service_accounts=True)
        with pytest.raises(NotFoundError, match="no projects/p"):
            bo.with_project("p").access.create_token(service_account="nightly")
        with connect(guarded.address, token=text, project="p") as nightly:
            assert nightly.label_schemes.create("of-the-night", classes=["a"]).creator == "service:p/nightly"
            nightly.label_schemes.delete("of-the-night")
        ada.access.revoke_token(service.id)
        # What is done to the tokens of its service accounts is in the audit log of the project; those of users are not.
        revoked, made = ada.access.audit(filter='method : "Token" AND caller = ada AND code = OK', limit=2)
        assert (revoked.method.rsplit("/", 1)[-1], revoked.resources) == ("DeleteToken", (service.name, "projects/p"))
        assert (made.method.rsplit("/", 1)[-1], made.resources) == ("CreateToken", (service.name, "projects/p"))


def test_tokens_follow_the_groups_of_the_last_login(guarded: Guarded) -> None:
    with as_user(guarded, "gil", "readers") as gil:
        _, text = gil.access.create_token()
    with connect(guarded.address, token=text, project="p") as client:
        assert client.projects() == ["p"]
        with as_user(guarded, "gil") as left:
            assert left.projects() == []
        time.sleep(2.1)  # as long as another process may remember the token
        assert client.projects() == []


def test_the_audit_log_has_changes_and_refusals(guarded: Guarded) -> None:
    with as_user(guarded, "edo") as edo, as_user(guarded, "ada") as ada, as_user(guarded, "nemo") as nemo:
        edo.label_schemes.create("audited", classes=["a"])
        edo.label_schemes.list()
        edo.label_schemes.delete("audited")
        with pytest.raises(NotFoundError):
            nemo.datasets.list()
        with pytest.raises(PermissionDeniedError):
            list(edo.access.audit())
        denied, refused, deleted, created = ada.access.audit(limit=4)
        assert (denied.caller, denied.code) == ("edo", "PERMISSION_DENIED")
        assert (refused.caller, refused.code, refused.resources) == ("nemo", "NOT_FOUND", ("projects/p",))
        assert deleted.method == "latentspace.annotation.v1.AnnotationService/DeleteLabelScheme"
        assert (deleted.caller, deleted.code) == ("edo", "OK")
        assert deleted.resources == ("projects/p/labelSchemes/audited",)
        assert created.method.endswith("CreateLabelScheme")
        assert created.peer.startswith("ipv4:127.0.0.1:")
        assert [entry.caller for entry in ada.access.audit(filter="caller = nemo", limit=1)] == ["nemo"]
        with pytest.raises(InvalidArgumentError, match="names no project"):
            list(ada.access.audit(everywhere=True))
    with as_user(guarded, "root") as root:
        assert next(root.access.audit(everywhere=True)).caller in {"edo", "ada", "nemo", "root"}


def test_quotas_are_kept_where_work_is_asked_for(guarded: Guarded) -> None:
    with as_user(guarded, "root") as root, as_user(guarded, "edo") as edo:
        sources = tmp_path_of(guarded)
        with pytest.raises(PermissionDeniedError, match="UpdateQuota is for operators"):
            edo.access.set_quota(operation_count=5)
        assert root.access.set_quota(operation_count=1).limits.operation_count == 1
        # Of a kind that no process works on, so that it stays.
        guarded.platform.operation_store.create("Waiting", "projects/p/datasets/d")
        with pytest.raises(ResourceExhaustedError, match="1 operations that have not ended and may have 1") as caught:
            edo.datasets.ingest("more", [sources])
        assert caught.value.reason == "QUOTA_FULL"
        assert edo.access.quota().operation_count == 1
        assert root.access.set_quota(operation_count=None, byte_count=10).limits.operation_count is None
        guarded.platform.resources.measured(guarded.platform.resources.uids().pop(), 10)
        with pytest.raises(ResourceExhaustedError, match="10 bytes of bulk data and may have 10"):
            edo.datasets.ingest("more", [sources])
        root.access.set_quota(byte_count=None)


def tmp_path_of(guarded: Guarded) -> Path:
    """Folder that datasets may be ingested from."""
    folder = Path(guarded.platform.settings.source_roots[0])
    (folder / "images").mkdir(parents=True, exist_ok=True)
    return folder / "images"


def test_sources_are_read_only_from_below_their_roots(guarded: Guarded, tmp_path: Path) -> None:
    inside = tmp_path_of(guarded)
    (tmp_path / "elsewhere").mkdir()
    (inside / "way-out").symlink_to(tmp_path / "elsewhere")
    try:
        with as_user(guarded, "edo") as edo:
            for source in (tmp_path / "elsewhere", inside / "way-out", inside / ".." / ".." / "artifacts"):
                for ask in (lambda s: edo.datasets.preview([s]), lambda s: edo.datasets.ingest("x", [s])):
                    with pytest.raises(PermissionDeniedError, match="may not read") as caught:
                        ask(source)
                    assert caught.value.reason == "SOURCE_NOT_ALLOWED"
    finally:
        (inside / "way-out").unlink()


def test_services_act_for_their_callers_with_their_limits(guarded: Guarded) -> None:
    key = guarded.platform.settings.service_key_file
    assert key is not None
    caller = Caller(
        "ada",
        principals=frozenset({"user:ada", "group:x"}),
        scope=Scope(Role.VIEWER, frozenset({"projects/p"})),
        grants={"projects/p": Role.EDITOR},
    )
    tokens = ServiceTokens(key)
    assert tokens.caller(tokens.make(caller)) == caller
    with connect(guarded.address, token=tokens.make(caller), project="p") as client:
        assert client.access.caller().name == "ada"
        assert client.datasets.get("d").id == "d"
        with pytest.raises(PermissionDeniedError):
            client.datasets.delete("d")
    short = key.with_name("short.key")
    short.write_text("secret")
    with pytest.raises(FailedPreconditionError, match="fewer than 32"):
        ServiceTokens(short)
    other = key.with_name("other.key")
    other.write_text("o" * 48)
    with (
        connect(guarded.address, token=ServiceTokens(other).make(caller), project="p") as forger,
        pytest.raises(UnauthenticatedError, match="not one of the services"),
    ):
        forger.projects()


def test_a_request_of_two_projects_needs_both(guarded: Guarded) -> None:
    with as_user(guarded, "ada") as ada, as_user(guarded, "bo", project="q") as bo:
        for client in (ada, bo):
            with pytest.raises(NotFoundError, match="that you are a member of"):
                client.experiments.encode("x", dataset="projects/p/datasets/d", encoder="projects/q/encoders/e")


def test_a_name_that_is_none_is_refused(guarded: Guarded) -> None:
    with as_user(guarded, "ada") as ada, grpc.insecure_channel(guarded.address) as channel:
        metadata = (("authorization", f"Bearer {guarded.user('ada')}"),)
        for name in ("", "datasets/d", "projects", "PROJECTS/p/datasets/d", "x/projects/p"):
            with pytest.raises(grpc.RpcError) as caught:
                IngestionServiceStub(channel).GetDataset(ingestion_pb2.GetDatasetRequest(name=name), metadata=metadata)
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(NotFoundError):
            ada.with_project("q").datasets.list()


def test_authors_are_the_callers(guarded: Guarded) -> None:
    with as_user(guarded, "edo") as edo:
        edo.label_schemes.create("shapes", classes=["a"])
        edo.labels.set("shapes", dataset="d", rows=[1], label="a")
        assert edo.labels.table("shapes", dataset="d")["author"].to_pylist() == ["edo"]
        edo.label_schemes.delete("shapes")


def test_without_a_login_nothing_is_open_to_a_network(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org"):
        with (
            pytest.raises(FailedPreconditionError, match="open to everybody who reaches") as caught,
            guarded_services(tmp_path / host.replace(":", "_"), login="none", host=host),
        ):
            pass
        assert caught.value.reason == "LOGIN_MISSING"


def test_a_job_works_for_whoever_asked_for_it_however_soon_their_token_expires(guarded: Guarded) -> None:
    platform, seen = guarded.platform, []

    def ask(name: str) -> str:
        dataset = call_peer(
            guarded.address,
            lambda channel: IngestionServiceStub(channel).GetDataset,
            ingestion_pb2.GetDatasetRequest(name=name),
            tokens=platform.access.service_tokens,
        )
        return str(dataset.name)

    def job(context: JobContext[DatasetRecord]) -> None:
        seen.append((current_caller().name, ask("projects/p/datasets/d")))
        with pytest.raises(NotFoundError):
            ask("projects/q/datasets/d")
        context.publish_change(lambda latest: latest)

    platform.runner.register("WorkedForSomebody", job, DatasetRecord, respond=lambda record: b"")
    # Nothing but the name of the caller is kept, and so no token can expire.
    with acting_as(Caller("edo", credentials=f"Bearer {guarded.provider.token('edo', seconds=-3600)}")):
        operation = platform.operation_store.create("WorkedForSomebody", "projects/p/datasets/d")
    deadline = time.monotonic() + 30
    while not (found := platform.operation_store.get(operation.name)).done and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (found.state, seen) == ("succeeded", [("edo", "projects/p/datasets/d")])
