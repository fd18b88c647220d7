"""`lse up --read-only`: a home is shown, also one of an earlier version, and nothing of it is changed."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from installation import Installation
from lse.errors import FailedPreconditionError

ARCHIVE = Path(__file__).parents[1] / "data" / "home-0.1.tar.xz"


def state_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Size, time and mode of everything in a folder."""
    found = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        said = path.stat()
        found[str(path)] = (said.st_size, said.st_mtime_ns, said.st_mode)
    return found


def test_a_home_is_shown_and_stays_as_it_is(tmp_path: Path) -> None:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    before = state_of(tmp_path / "home")
    installation = Installation(tmp_path / "home", dashboard=False, read_only=True)
    client = installation.start()
    try:
        dataset = next(each for each in client.datasets.list() if each.state == "ready")
        assert client.datasets.table(dataset.id).num_rows == dataset.prepared + dataset.rejected
        assert client.datasets.arrays(dataset.id, rows=[0]).shape[0] == 1
        experiment = next(each for each in client.experiments.list() if each.state == "ready")
        projection = next(each for each in client.projections.list(experiment.id) if each.state == "ready")
        assert len(client.projections.coordinates(experiment.id, projection.id)) == experiment.images
        for change in (
            lambda: client.datasets.update(dataset.id, title="another"),
            lambda: client.datasets.delete(dataset.id),
            lambda: client.projections.run("more", experiment=experiment.id, method="pca"),
            lambda: client.label_schemes.create("mine", classes=["a"]),
        ):
            with pytest.raises(FailedPreconditionError) as caught:
                change()
            assert caught.value.reason == "CHANGES_NOT_ALLOWED"
        assert client.datasets.get(dataset.id).etag == dataset.etag
    finally:
        installation.stop()
    assert state_of(tmp_path / "home") == before


@pytest.mark.parametrize(
    ("more", "words"), [([], "There is no home in"), (["--demo"], "With --read-only nothing can be made")]
)
def test_what_cannot_be_shown_is_said(tmp_path: Path, more: list[str], words: str) -> None:
    command = [str(Path(sys.executable).with_name("lse")), "up", "--read-only", "--home", str(tmp_path / "none"), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode != 0
    assert words in done.stderr
    assert not (tmp_path / "none").exists()
