"""A disk that fills up: a clear error, nothing half-written, and all goes well once there is room again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation import Installation
from lse.errors import LseError, ResourceExhaustedError
from survey_steps import make_dataset


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Folder on a file system of 400 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    """File that leaves so many bytes free."""
    filler = folder / "filler"
    room = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - leave)
    return filler


def test_full_disk_is_told_and_recovered_from(small_disk: Path, survey: Path) -> None:
    installation = Installation(small_disk / "home", dashboard=False)
    try:
        client = installation.start()
        filler = fill(small_disk, leave=2 << 20)
        with pytest.raises(ResourceExhaustedError) as caught:
            make_dataset(client, survey).wait(timeout=200, show_progress=False)
        assert caught.value.reason == "DISK_FULL"
        assert caught.value.message.endswith(".")
        filler.unlink()
        with pytest.raises(LseError):
            client.datasets.table("survey")
        dataset = make_dataset(client, survey).wait(timeout=200, show_progress=False)
        assert (dataset.prepared, dataset.rejected) == (320, 1)
    finally:
        installation.stop()
