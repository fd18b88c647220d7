"""Files that a client sends: previewed without a trace, ingested as they are, read again, and refused with a reason."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from lse.client import Client
from lse.errors import InvalidArgumentError, LseError
from lse.platform.wiring import Platform


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two folders of images, one of them damaged, a note and a hidden file."""
    folder, rng = tmp_path / "images", np.random.default_rng(3)
    for name in ("disc/ä 1.png", "disc/2.png", "ring/3.png", "ring/4.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(folder / name)
    (folder / "ring/5.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("sky was clear")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def files_left(platform: Platform) -> set[str]:
    return {path.name for path in platform.artifacts.local_path("artifact:/").rglob("sent/*")}


def test_a_folder_is_previewed_and_nothing_is_kept(client: Client, folder: Path, platform: Platform) -> None:
    shown = client.datasets.preview_upload(folder, count=8)
    assert {image.source for image in shown.images} >= {"upload.zip/disc/ä 1.png", "upload.zip/ring/5.png"}
    assert [image.rejection_reason for image in shown.images if image.rejection_reason] == ["FORMAT_UNKNOWN"]
    assert shown.source_channels == ("red", "green", "blue")
    assert len(shown.notes) == 3
    assert [one.channel for one in shown.histograms] == ["red", "green", "blue"]
    assert sum(shown.histograms[0].counts) == 4 * 64 * 64
    # The recipe that was given is applied, and not explained.
    smaller = client.datasets.preview_upload(folder, recipe={"size": 16, "channels": "grey"})
    assert "size: 16" in smaller.recipe
    assert smaller.notes == ()
    assert sum(smaller.histograms[0].counts) == 4 * 16 * 16
    assert files_left(platform) == set()


def test_a_folder_becomes_a_dataset_that_is_read_again(client: Client, folder: Path, platform: Platform) -> None:
    catalogue = folder.parent / "catalogue.csv"
    catalogue.write_text("name,redshift\ndisc/2,0.5\nring/3,0.7\n")
    dataset = client.datasets.upload("sent", folder, recipe={"size": 32}, catalogue=catalogue).wait()
    assert (dataset.prepared, dataset.rejected, dataset.sources) == (4, 1, ("upload.zip",))
    table = client.datasets.table("sent").to_pylist()
    assert {row["name"] for row in table} == {"disc/ä 1", "disc/2", "ring/3", "ring/4", "ring/5"}
    assert {row["name"]: row["redshift"] for row in table}["ring/3"] == 0.7
    assert {row["name"]: row["class"] for row in table}["ring/3"] == "ring"
    assert client.datasets.image("sent", "disc/2").source == "upload.zip/disc/2.png"
    trace = client.datasets.trace("sent", "disc/2")
    assert trace.steps[-1].summary == "the same"
    assert trace.steps[0].facts["path"] == "upload.zip"
    # A catalogue may name the folder that was sent.
    catalogue.write_text("path,redshift\ndisc/2.png,0.5\n")
    flat = client.datasets.upload("flat", folder / "disc", catalogue=catalogue).wait()
    assert "1 of 2 images have a row" in flat.notes[0]
    client.datasets.delete("flat")
    # Also of a dataset that was made of it.
    client.datasets.subset("part", of="sent", without=["disc/ä 1"]).wait()
    assert client.datasets.trace("part", "ring/4").steps[-1].summary == "the same"
    client.datasets.delete("part")
    client.datasets.delete("sent", force=True)
    assert files_left(platform) == set()


def test_a_file_of_many_images_is_sent_as_it_is(client: Client, tmp_path: Path) -> None:
    archive = tmp_path / "cutouts.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for number in range(3):
            path = tmp_path / f"{number}.fits"
            fits.writeto(path, np.random.default_rng(number).normal(size=(30, 30)).astype(np.float32))
            out.write(path, f"deep/{path.name}")
    shown = client.datasets.preview_upload(archive)
    assert shown.source_count == 3
    assert "asinh" in shown.recipe
    client.datasets.upload("cutouts", archive).wait()
    assert client.datasets.image("cutouts", "deep/1").source == "cutouts.zip/deep/1.fits"


def test_what_cannot_be_sent_is_refused_and_leaves_nothing(
    client: Client, folder: Path, tmp_path: Path, platform: Platform
) -> None:
    client.datasets.upload("taken", folder).wait()
    kept = files_left(platform)
    empty, many = tmp_path / "empty", tmp_path / "many.npy"
    empty.mkdir()
    np.save(many, np.zeros((3, 8, 8)))
    for files, name, reason in (
        (empty, "new", "SOURCES_MISSING"),
        (tmp_path / "away", "new", "FILE_NOT_FOUND"),
        ({"a.png": folder / "disc/2.png", "many.npy": many}, "new", "SOURCES_CONFLICT"),
        (folder, "no/name", "NAME_INVALID"),
        (folder, "taken", "NAME_TAKEN"),
    ):
        with pytest.raises(LseError) as error:
            client.datasets.upload(name, files)
        assert error.value.reason == reason
    with pytest.raises(InvalidArgumentError, match="band_files"):
        client.datasets.preview_upload(folder, recipe={"band_files": "{object}_{band}.png"})
    assert files_left(platform) == kept


def test_the_same_request_gives_the_same_operation(client: Client, folder: Path, platform: Platform) -> None:
    request = "0d3b5a5e-2f4c-4d0c-9a54-2a8b1f0e7c11"
    first = client.datasets.upload("once", folder, request_id=request)
    first.wait()
    assert client.datasets.upload("once", folder, request_id=request).name == first.name
    assert files_left(platform) == {"upload.zip"}
