"""A disk that fills up: a clear error, nothing half-written, and all goes well once there is room again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from installation import Installation
from lse.errors import LseError, ResourceExhaustedError
from small_disk import fill, small_disk
from survey_steps import make_dataset


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Folder on a file system of 400 MiB of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    try:
        with small_disk(tmp_path / "disk", mebibytes=400) as folder:
            yield folder
    except OSError as error:
        pytest.skip(str(error))


def test_full_disk_is_told_and_recovered_from(disk: Path, survey: Path) -> None:
    installation = Installation(disk / "home", dashboard=False)
    try:
        client = installation.start()
        filler = fill(disk, leave=2 << 20)
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
