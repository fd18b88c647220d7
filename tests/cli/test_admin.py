"""`lse login`, `lse admin` and `lse issue-token`, in front of services with a login."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from guarded_services import Guarded, guarded_services
from lse.cli.main import app
from lse.client import connect
from lse.client.tokens import logins_file
from lse.platform.catalogue import DatasetRecord
from lse.platform.catalogue.records.dataset import DatasetSpec

Lse = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded_services(tmp_path_factory.mktemp("guarded")) as guarded:
        yield guarded


@pytest.fixture
def lse(guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lse:
    """Run the command for nobody in particular, in a home of its own."""
    for variable in [key for key in os.environ if key.startswith("LSE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("LSE_ADDRESS", guarded.address)
    monkeypatch.setenv("LSE_PROJECT", "p")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def run(*arguments: str, typed: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        result = CliRunner().invoke(app, list(arguments), env=variables, input=typed)
        return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)

    return run


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result
    return result.stdout


def test_a_login_is_kept_for_later_commands(lse: Lse, guarded: Guarded) -> None:
    refused = lse("dataset", "list")
    assert (refused.returncode, "log in with `lse login`" in refused.stderr) == (1, True)
    assert "You are vera" in done(lse("login", typed=guarded.user("vera") + "\n"))
    assert stat.S_IMODE(logins_file().stat().st_mode) == 0o600
    assert done(lse("dataset", "list")).split()[-1] != "none"
    with connect(guarded.address, project="p") as client:
        assert client.access.caller().name == "vera"
    # What is given for one command comes before it.
    assert lse("dataset", "list", LSE_TOKEN="nonsense").returncode == 1
    assert "forgotten" in done(lse("logout"))
    assert lse("dataset", "list").returncode == 1
    for wrong in ("", "two words", "ünïcode"):
        assert "That is not a token" in lse("login", typed=wrong).stderr
    assert lse("login", typed="lse_none_none").returncode == 1
    assert not json.loads(logins_file().read_text())


def test_a_file_of_a_token_is_read_for_each_call(guarded: Guarded, tmp_path: Path, lse: Lse) -> None:
    file = tmp_path / "token"
    file.write_text(guarded.user("vera") + "\n")
    variables = {"LSE_TOKEN_FILE": str(file)}
    done(lse("dataset", "list", **variables))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSE_TOKEN_FILE", str(file))
        with connect(guarded.address, project="p") as client:
            assert client.access.caller().name == "vera"
            file.write_text(guarded.user("edo"))
            assert client.access.caller().name == "edo"
    file.unlink()
    assert "correct LSE_TOKEN_FILE" in lse("dataset", "list", **variables).stderr


def test_members_and_projects_are_administered(lse: Lse, guarded: Guarded) -> None:
    root, ada = {"LSE_TOKEN": guarded.user("root")}, {"LSE_TOKEN": guarded.user("ada")}
    assert "Project team is there" in done(lse("admin", "project", "create", "team", "--title", "The team", **root))
    done(lse("admin", "member", "add", "user:ada", "--role", "admin", "--project", "team", **root))
    done(lse("admin", "member", "add", "group:staff", "--project", "team", **ada))
    changed = json.loads(
        done(lse("admin", "member", "set", "group:staff", "--role", "editor", "--project", "team", "--json", **ada))
    )
    assert [(each["principal"], each["role"]) for each in changed] == [("group:staff", "editor")]
    assert "removed" in done(lse("admin", "member", "remove", "group:staff", "--project", "team", "--json", **ada))
    shown = done(lse("admin", "member", "list", "--project", "team", **ada))
    assert "user:ada" in shown
    assert "group:staff" not in shown
    done(lse("admin", "project", "update", "--title", "Teams", "--project", "team", **ada))
    assert "Teams" in done(lse("admin", "project", "list", **ada))
    assert lse("admin", "member", "add", "user:x", "--role", "boss", **ada).returncode == 2
    assert lse("admin", "project", "create", "mine", **ada).returncode == 1
    assert "is deleted" in done(lse("admin", "project", "delete", "team", **root))


def test_tokens_quotas_and_audit(lse: Lse, guarded: Guarded) -> None:
    root, ada = {"LSE_TOKEN": guarded.user("root")}, {"LSE_TOKEN": guarded.user("ada")}
    made = json.loads(done(lse("admin", "token", "create", "--title", "job", "--only", "p", "--json", **ada)))
    assert made["secret"].startswith("lse_")
    assert "job" in done(lse("admin", "token", "list", **ada))
    done(lse("dataset", "list", LSE_TOKEN=made["secret"]))
    done(lse("admin", "token", "revoke", made["token"]["id"], **ada))
    assert lse("dataset", "list", LSE_TOKEN=made["secret"]).returncode == 1
    service = done(lse("admin", "token", "create", "--service-account", "nightly", "--days", "1", **ada)).strip()
    done(lse("dataset", "list", LSE_TOKEN=service))
    assert "service:p/nightly" in done(lse("admin", "token", "list", "--service-accounts", **ada))
    set_ = done(lse("admin", "quota", "set", "--images", "500", "--operations", "default", **root))
    assert "500" in set_
    assert json.loads(done(lse("admin", "quota", "show", "--json", **ada)))["limits"]["image_count"] == 500
    assert lse("admin", "quota", "set", "--images", "many", **root).returncode == 2
    done(lse("admin", "quota", "set", "--images", "default", **root))
    log = json.loads(done(lse("admin", "audit", "--filter", "caller = root", "--limit", "1", "--json", **ada)))
    assert [entry["method"].rsplit("/", 1)[-1] for entry in log] == ["UpdateQuota"]
    assert "UpdateQuota" in done(lse("admin", "audit", "--everywhere", **root))


def test_operators_look_over_all_projects(lse: Lse, guarded: Guarded) -> None:
    root, ada = {"LSE_TOKEN": guarded.user("root")}, {"LSE_TOKEN": guarded.user("ada")}
    listed = json.loads(done(lse("admin", "quota", "list", "--json", **root)))
    assert [(each["name"], each["image_count"]) for each in listed] == [("projects/p", 4), ("projects/q", 0)]
    assert "q" not in done(lse("admin", "quota", "list", **ada)).split()
    record = DatasetRecord(name="projects/q/datasets/unmade", spec=DatasetSpec(sources=("/images",)), state="failed")
    guarded.platform.resources.create(record)
    assert "projects/q/datasets/unmade" not in done(lse("admin", "garbage", **ada))
    assert "failed resource" in done(lse("admin", "garbage", "--project", "q", **root))
    assert "projects/q/datasets/unmade" in done(lse("admin", "garbage", "--remove", "--project", "q", **root))
    assert json.loads(done(lse("admin", "garbage", "--project", "q", "--json", **root))) == []
    waiting = guarded.platform.operation_store.create("Waiting", "projects/q/datasets/x").name
    assert waiting in done(lse("operation", "list", "--everywhere", "--json", **root))
    assert lse("operation", "list", "--everywhere", **ada).returncode == 1
    assert "only one that failed or was cancelled" in lse("operation", "retry", waiting, **root).stderr
    token = json.loads(done(lse("admin", "token", "create", "--json", **ada)))["token"]["id"]
    assert token in done(lse("admin", "token", "list", "--of", "user:ada", **root))
    assert lse("admin", "token", "list", "--of", "user:root", **ada).returncode == 1


def test_the_first_token_comes_from_the_catalogue(guarded: Guarded, lse: Lse, tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSE_")}
    variables = {**kept, "LSE_CATALOGUE_URL": guarded.platform.settings.catalogue_url}
    program = Path(sys.executable).with_name("lse")
    issued = subprocess.run(
        [program, "issue-token", "root"], env=variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert (issued.returncode, issued.stderr) == (0, "")
    with connect(guarded.address, token=issued.stdout.strip(), project="p") as client:
        caller = client.access.caller()
        assert (caller.name, caller.operator) == ("root", True)


def test_what_needs_no_login_is_not_opened_to_a_network_by_mistake(tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LSE_")}
    program = Path(sys.executable).with_name("lse")
    for command in (["up", "--home", str(tmp_path / "home")], ["explorer", "--address", "127.0.0.1:1"]):
        refused = subprocess.run(
            [program, *command, "--host", "0.0.0.0"],
            env={**kept, "LSE_TOKEN": "lse_a_token"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1), refused
        assert "open to everybody who reaches 0.0.0.0" in refused.stderr
    assert not (tmp_path / "home").exists()
