"""The scripts of backup and restore as the chart renders them, on a real PostgreSQL and on folders."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.helm.conftest import Object, named, pod_of

from lse.platform.catalogue import Catalogue
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.operations import OperationStore
from lse.platform.config import load_settings
from postgresql import PostgreSQL, find_postgresql

Render = Callable[..., list[Object]]


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    programs = find_postgresql()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
    server = PostgreSQL(programs, tmp_path_factory.mktemp("postgresql"))
    server.start()
    yield server
    server.stop()


def scripts_of(each: Object) -> tuple[str, str]:
    """Script of the database and that of the artifacts."""
    template = pod_of(each)
    assert template is not None
    spec = template["spec"]
    (database,) = [container for container in spec["initContainers"] if container["name"] == "catalogue"]
    return database["args"][0], spec["containers"][0]["args"][0]


def run(script: str, folder: Path, url: str) -> None:
    """Run a script of a pod, with its volumes in a folder."""
    programs = find_postgresql()
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "DATABASE": url}
    command = ["bash", "-euo", "pipefail", "-c", script.replace("/data/", f"{folder}/")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def names_in(url: str) -> list[str]:
    with closing(Catalogue(url)) as catalogue:
        operations, _ = OperationStore(catalogue).page("projects/p")
        return sorted(operation.target for operation in operations)


def test_what_was_backed_up_is_there_after_a_restore(render: Render, server: PostgreSQL, tmp_path: Path) -> None:
    url = server.new_database("backed_up")
    plain = url.replace("postgresql+psycopg", "postgresql")
    migrate(load_settings(catalogue_url=url))
    with closing(Catalogue(url)) as catalogue:
        OperationStore(catalogue).create("Nothing", "projects/p/datasets/first")
    artifacts = tmp_path / "artifacts"
    (artifacts / "datasets").mkdir(parents=True)
    (artifacts / "datasets" / "images").write_bytes(b"first")

    for script in scripts_of(named(render("jupyterhub"), "CronJob", "lse-backup")):
        run(script, tmp_path, plain)
    (dump,) = (tmp_path / "backup" / "catalogue").glob("*.dump")

    (artifacts / "datasets" / "images").unlink()
    with closing(Catalogue(url)) as catalogue:
        store = OperationStore(catalogue)
        store.create("Nothing", "projects/p/datasets/second")
        # A process that still ends holds its connection for a while: the restore waits for it.
        held = catalogue.transaction()
        held.__enter__()
        ending = threading.Timer(3, lambda: (held.__exit__(None, None, None), catalogue.close()))
        ending.start()
        restore = named(render("jupyterhub", "--set", f"restore.dump={dump.name}"), "Job", "lse-restore-1")
        for script in scripts_of(restore):
            run(script, tmp_path, plain)
        assert not ending.is_alive()
    assert names_in(url) == ["projects/p/datasets/first"]
    assert (artifacts / "datasets" / "images").read_bytes() == b"first"


def test_a_dump_that_is_not_there_changes_nothing(render: Render, server: PostgreSQL, tmp_path: Path) -> None:
    url = server.new_database("kept")
    migrate(load_settings(catalogue_url=url))
    with closing(Catalogue(url)) as catalogue:
        OperationStore(catalogue).create("Nothing", "projects/p/datasets/first")
    restore = named(render("jupyterhub", "--set", "restore.dump=none.dump"), "Job", "lse-restore-1")
    with pytest.raises(AssertionError, match=r"none\.dump"):
        run(scripts_of(restore)[0], tmp_path, url.replace("postgresql+psycopg", "postgresql"))
    assert names_in(url) == ["projects/p/datasets/first"]
