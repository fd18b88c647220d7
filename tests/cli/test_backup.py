"""A home in use is copied to one file, and a home is made of that."""

from __future__ import annotations

import json
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from lse.cli.main import app
from lse.embedded.backup import back_up, restore
from lse.embedded.home import Home
from lse.embedded.home_check import check_home
from lse.errors import DataLossError, FailedPreconditionError, NotFoundError
from lse.platform.catalogue import Catalogue, DatasetRecord
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.operations import OperationStore
from lse.platform.catalogue.tables import RESOURCES
from lse.platform.config import load_settings

IMAGES = "artifacts/datasets/whole/o/images.zarr/c/0"


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Catalogue of a home with a dataset, and work on it that has not ended."""
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    home, lock = Home.open(tmp_path / "home")
    lock.close()
    migrate(load_settings(catalogue_url=home.catalogue_url))
    catalogue = Catalogue(home.catalogue_url)
    with catalogue.transaction() as connection:
        connection.execute(
            insert(RESOURCES).values(
                name="projects/p/datasets/whole",
                kind="dataset",
                parent="projects/p",
                uid="whole",
                state="ready",
                version=DatasetRecord.record_version,
                spec={},
                result={"images": "artifact:/datasets/whole/o/images.zarr"},
                create_time=0.0,
                update_time=0.0,
            )
        )
    OperationStore(catalogue).create("AddImages", "projects/p/datasets/whole")
    (home.path / IMAGES).parent.mkdir(parents=True)
    (home.path / IMAGES).write_bytes(b"pixels" * 1000)
    (home.path / "artifacts/datasets/unnamed").mkdir()
    (home.path / "artifacts/datasets/unnamed/part").touch()
    return catalogue


def test_a_home_in_use_is_copied_and_restored(catalogue: Catalogue, tmp_path: Path) -> None:
    file, there = tmp_path / "out.tar", tmp_path / "restored"
    with closing(catalogue), catalogue.transaction():
        # As while something is being written, which waits for nobody.
        made = back_up(tmp_path / "home", file)
    assert made.files == 2
    assert file.stat().st_mode & 0o077 == 0
    with tarfile.open(file) as tar:
        assert sorted(tar.getnames()) == [IMAGES, "catalogue.db", "manifest.json"]
    told = CliRunner().invoke(app, ["restore", str(file), "--home", str(there)])
    assert told.exit_code == 0, told.output
    assert "lse up --home" in told.output
    assert list(check_home(there)) == []
    assert (there / IMAGES).read_bytes() == b"pixels" * 1000
    with closing(Catalogue(Home(there).catalogue_url)) as copy:
        assert OperationStore(copy).active("projects/p/datasets/whole") == []
        assert [each.state for each in OperationStore(copy).page("projects/p")[0]] == ["cancelled"]
    with pytest.raises(FailedPreconditionError, match="is a home already"):
        restore(file, there)


def test_a_damaged_backup_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.close()
    told = CliRunner().invoke(app, ["backup", str(tmp_path / "out.tar"), "--home", str(tmp_path / "home"), "--json"])
    assert json.loads(told.stdout)["files"] == 2
    content = (tmp_path / "out.tar").read_bytes()
    (tmp_path / "out.tar").write_bytes(content.replace(b"pixels", b"Pixels", 1))
    with pytest.raises(DataLossError, match=r"images\.zarr"):
        restore(tmp_path / "out.tar", tmp_path / "restored")
    (tmp_path / "cut.tar").write_bytes(content[:700])
    with pytest.raises(DataLossError):
        restore(tmp_path / "cut.tar", tmp_path / "restored")
    with pytest.raises(NotFoundError):
        back_up(tmp_path / "restored", tmp_path / "none.tar")
