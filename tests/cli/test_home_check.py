"""`lse doctor` looks through a home, and mends what needs no backup for that."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from lse.cli.main import app
from lse.embedded.home import Home
from lse.embedded.home_check import check_home
from lse.errors import FailedPreconditionError
from lse.platform.catalogue import Catalogue, DatasetRecord
from lse.platform.catalogue.tables import RESOURCES


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a dataset that has its bulk data and one that has lost them."""
    found, lock = Home.open(tmp_path / "home")
    lock.close()
    with closing(Catalogue(found.catalogue_url)) as catalogue:
        catalogue.migrate()
        with catalogue.transaction() as connection:
            for name in ("whole", "lost"):
                result = {"images": f"artifact:/datasets/{name}/o/images.zarr"}
                connection.execute(
                    insert(RESOURCES).values(
                        name=f"projects/default/datasets/{name}",
                        kind="dataset",
                        uid=name,
                        parent="projects/default",
                        state="ready",
                        spec={},
                        result=result,
                        version=DatasetRecord.record_version,
                        create_time=0.0,
                        update_time=0.0,
                    )
                )
    (found.path / "artifacts/datasets/whole/o/images.zarr").mkdir(parents=True)
    (found.path / "artifacts/datasets/whole/o/zarr.json.x.tmp").touch()
    (found.path / "artifacts/datasets/deleted/o").mkdir(parents=True)
    for path in [found.path, *found.path.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    (found.path / "logs" / "shown.log").touch(mode=0o644)
    return found.path


def content(home: Path, *options: str) -> list[tuple[str, str]]:
    told: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(app, ["doctor", "--json", "--home", str(home), *options]).stdout
    )
    return [(check["status"], check["message"]) for check in told if check["name"].startswith("content")]


def test_what_is_wrong_in_a_home_is_told_and_mended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSE_ADDRESS", "127.0.0.1:9")
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    before = content(home)
    assert [status for status, _ in before] == ["warning", "failure", "warning", "warning"]
    for (_, message), words in zip(before, ("shown.log", "datasets/lost", "deleted", "cut short"), strict=True):
        assert words in message
    assert [status for status, _ in content(home, "--repair")] == ["ok", "failure", "ok", "ok"]
    assert [finding.message for finding in check_home(home)] == [before[1][1]]
    assert (home / "artifacts/datasets/whole/o/images.zarr").is_dir()
    assert not (home / "artifacts/datasets/deleted").exists()
    lock = Home.open(home)[1]
    with lock:
        with pytest.raises(FailedPreconditionError, match="has the home folder"):
            list(check_home(home))
        assert [status for status, _ in content(home, "--repair")] == ["failure"]
