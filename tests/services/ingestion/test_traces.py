"""One image through every step of its preparation, by the services: the figures are those of the arrays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from lse.client import Client
from lse.errors import InvalidArgumentError

RECIPE = {"channels": "grey", "crop": 20, "size": 10, "stretch": {"kind": "linear", "limits": "minmax"}}


@pytest.fixture
def pixels() -> np.ndarray:
    """Image of 40 x 30 pixels as FITS has it, the bottom row first."""
    found = np.random.default_rng(5).normal(100, 10, size=(30, 40)).astype(np.float32)
    found[15, 20] = 1000
    found[0, 0] = np.nan
    found[12:14, 18] = np.nan
    return found


@pytest.fixture
def folder(tmp_path: Path, pixels: np.ndarray) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [20.5, 15.5]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    fits.writeto(folder / "J1000+0200.fits", pixels, wcs.to_header())
    fits.writeto(folder / "flat.fits", np.ones((30, 40), np.float32))
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels, name="SCI")]).writeto(folder / "deep.fits")
    return folder


def test_the_figures_of_each_step_are_those_of_the_arrays(client: Client, folder: Path, pixels: np.ndarray) -> None:
    client.datasets.ingest("d", folder, recipe=RECIPE).wait()
    trace = client.datasets.trace("d", "J1000+0200")
    steps = {step.step: step.facts for step in trace.steps}
    named = "file image channels crop limits size missing stretch tensor dataset"
    assert " ".join(steps) == named
    assert steps["file"]["path"] == str(folder / "J1000+0200.fits")
    assert steps["image"]["shape"] == "1 x 30 x 40"
    assert steps["image"]["missing_fraction"] == 3 / 1200
    assert steps["image"]["maximum"] == 1000
    cut = pixels[5:25, 10:30]
    assert (steps["crop"]["left"], steps["crop"]["top"], steps["crop"]["shape"]) == (10, 5, "1 x 20 x 20")
    assert steps["crop"]["minimum"] == np.nanmin(cut)
    assert steps["crop"]["ra_deg"] == pytest.approx(150, abs=1e-9)
    assert (steps["limits"]["low"], steps["limits"]["high"]) == (np.nanmin(cut), 1000)
    assert steps["missing"]["source_missing_fraction"] == 2 / 400
    assert steps["tensor"]["shape"] == "1 x 10 x 10"
    assert steps["dataset"]["largest_difference"] == 0
    assert trace.image.row == steps["dataset"]["row"]
    assert Image.open(io.BytesIO(trace.png)).format == "PNG"


def test_a_rejected_image_is_traced_up_to_what_is_wrong(client: Client, folder: Path) -> None:
    client.datasets.ingest("d", folder, recipe=RECIPE).wait()
    trace = client.datasets.trace("d", "flat.fits")
    assert trace.rejection_reason == "IMAGE_CONSTANT"
    assert [step.step for step in trace.steps] == ["file", "image", "channels", "crop", "dataset"]
    (folder / "J1000+0200.fits").unlink()
    trace = client.datasets.trace("d", "J1000+0200")
    assert trace.rejection_reason == "FILE_UNREADABLE"
    assert [step.summary for step in trace.steps] == ["", "differs"]
    fits.writeto(folder / "J1000+0200.fits", np.eye(30, dtype=np.float32))
    assert client.datasets.trace("d", "J1000+0200").steps[-1].summary == "differs"


def test_another_recipe_is_tried_on_an_image(client: Client, folder: Path) -> None:
    client.datasets.ingest("d", folder, recipe=RECIPE).wait()
    steps = {step.step: step.facts for step in client.datasets.trace("d", "0", recipe={"size": 30}).steps}
    assert steps["tensor"]["shape"] == "1 x 30 x 30"
    with pytest.raises(InvalidArgumentError, match="size"):
        client.datasets.trace("d", "0", recipe={"size": "large"})


def test_added_images_and_bands_are_read_again(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "bands"
    folder.mkdir()
    for number in range(3):
        for band in "gr":
            fits.writeto(folder / f"obj{number}_{band}.fits", np.random.default_rng(number).normal(size=(16, 16)))
        if number == 1:
            client.datasets.ingest("d", folder, recipe={"band_files": "{object}_{band}.fits", "size": 16}).wait()
    client.datasets.add("d", folder).wait()
    for name in ("obj0", "obj2"):
        steps = {step.step: step.facts for step in client.datasets.trace("d", name).steps}
        assert steps["file"]["bands"] == f"{folder}/{name}_g.fits, {folder}/{name}_r.fits"
        assert {"minimum.g", "maximum.r"} <= set(steps["image"])
        assert steps["dataset"]["largest_difference"] == 0


def test_a_preview_has_the_steps(client: Client, folder: Path) -> None:
    preview = client.datasets.preview(folder, recipe=RECIPE)
    found = {Path(image.source).name: [step.step for step in image.steps] for image in preview.images}
    assert found["flat.fits"][-1] == "crop"
    assert found["deep.fits"][-1] == "tensor"
