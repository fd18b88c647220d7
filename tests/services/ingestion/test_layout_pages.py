"""The recipes of ``docs/how-to/layouts.md``, each run on the layout that it is for."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asdf
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from lse.client import Client

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "layouts.md"
SECTION = re.compile(r"^## ([^\n]+)\n.*?```yaml\n(.*?)```", re.MULTILINE | re.DOTALL)
PIXELS = np.random.default_rng(6).normal(size=(3, 40, 40)).astype(np.float32)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((PIXELS[0] * 30 + 120).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def files(folder: Path) -> None:
    (folder / "a.png").write_bytes(png())
    fits.writeto(folder / "b.fits", PIXELS[0])


def band_files(folder: Path) -> None:
    for band, pixels in zip("gri", PIXELS, strict=True):
        fits.writeto(folder / f"obj0_{band}.fits", pixels)


def extensions(folder: Path) -> None:
    bands = [fits.ImageHDU(pixels, name=name) for name, pixels in zip("GRI", PIXELS, strict=True)]
    flags = fits.ImageHDU((PIXELS[0] > 1).astype(np.int16), name="DQ")
    fits.HDUList([fits.PrimaryHDU(), *bands, flags]).writeto(folder / "a.fits")


def cube(folder: Path) -> None:
    fits.writeto(folder / "a.fits", PIXELS)


def pages(folder: Path) -> None:
    tifffile.imwrite(folder / "a.tif", PIXELS, photometric="minisblack", metadata=None)


def roman(folder: Path) -> None:
    flags = (PIXELS[0] > 1).astype(np.uint32)
    asdf.AsdfFile({"roman": {"data": PIXELS[0], "dq": flags, "err": PIXELS[1]}}).write_to(folder / "a.asdf")


def archives(folder: Path) -> None:
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.writestr("a.png", png())
    with h5py.File(folder / "stack.h5", "w") as file:
        file["images"] = np.repeat(PIXELS, 10, axis=0)


def hats(folder: Path) -> None:
    place = folder / "dataset" / "Norder=0" / "Dir=0"
    place.mkdir(parents=True)
    images = [{"band": ["g", "r", "i"], "flux": PIXELS.tolist()}] * 2
    pq.write_table(pa.table({"image": images, "ra": [1.5, 2.5], "dec": [3.5, 4.5]}), place / "Npix=4.parquet")


def mosaics(folder: Path) -> None:
    frame = WCS(naxis=2)
    frame.wcs.ctype, frame.wcs.crval = ["RA---TAN", "DEC--TAN"], [30.0, -20.0]
    frame.wcs.crpix, frame.wcs.cdelt = [20.0, 20.0], [-2e-4, 2e-4]
    fits.writeto(folder / "field1.fits", PIXELS[0], frame.to_header())
    (folder / "positions.csv").write_text("id,ra,dec\na,30.0,-20.0\n")


# What makes each layout, with the number of its images and their channels.
LAYOUTS: dict[str, tuple[Callable[[Path], None], int, list[str]]] = {
    "A file an image": (files, 2, ["grey"]),
    "A file a band": (band_files, 1, ["i", "r", "g"]),
    "An extension a band": (extensions, 1, ["I", "R", "G"]),
    "A cube": (cube, 1, ["plane0", "plane2"]),
    "Pages of a TIFF": (pages, 1, ["page0", "page1"]),
    "ASDF": (roman, 1, ["grey"]),
    "Archives and stacks": (archives, 31, ["grey"]),
    "HATS and Hugging Face": (hats, 2, ["g", "r"]),
    "Mosaics": (mosaics, 1, ["grey"]),
}


def test_each_layout_has_a_recipe_that_runs(client: Client, tmp_path: Path) -> None:
    recipes = dict(SECTION.findall(PAGE.read_text()))
    assert list(recipes) == list(LAYOUTS)
    running: dict[str, Any] = {}
    for number, (title, (make, _, _)) in enumerate(LAYOUTS.items()):
        folder = tmp_path / f"layout{number}"
        folder.mkdir()
        make(folder)
        catalogue = folder / "positions.csv"
        running[title] = client.datasets.ingest(
            f"d{number}", folder, recipe=recipes[title], catalogue=catalogue if catalogue.exists() else None
        )
    for title, (_, count, channels) in LAYOUTS.items():
        made = running[title].wait(show_progress=False)
        assert (made.prepared, made.rejected, list(made.channels)) == (count, 0, channels), title
