"""Files changed at random: each is an image, a table or a reason, whatever is in it, and nothing hangs or crashes.

`make fuzz` tries many more of them than the tests do (variable ``LSE_TEST_FUZZ``).
"""

from __future__ import annotations

import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import asdf
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from lse.errors import LseError
from lse.images.file_preparation import Prepared, Rejected, prepare_file
from lse.images.recipe import Recipe
from lse.images.sources import Source
from lse.images.stacks import images_of
from lse.platform.guarded.reading import Reading
from lse.tables.catalogue import read_catalogue

COUNT = int(os.environ.get("LSE_TEST_FUZZ", "500"))
READING = Reading(("*",), seconds=20, memory_bytes=2**30, file_bytes=2**26)
PIXELS = np.random.default_rng(2).integers(0, 255, size=(20, 24), dtype=np.uint8)


def fits_file(compression: str | None = None) -> bytes:
    header = fits.Header({"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 10.0, "CRVAL2": 5.0})
    header.update({"CRPIX1": 8.0, "CRPIX2": 8.0, "CDELT1": -1e-3, "CDELT2": 1e-3, "A_ORDER": 2, "B_ORDER": 2})
    hdu = fits.CompImageHDU(PIXELS, header, compression_type=compression) if compression else None
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu] if hdu else [fits.PrimaryHDU(PIXELS / 7, header)]).writeto(buffer)
    return buffer.getvalue()


def raster(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, kind)
    return buffer.getvalue()


def hdf5() -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("images", data=np.stack([PIXELS] * 20), chunks=True, compression="gzip")
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": [raster("PNG")] * 3, "label": [1, 2, 3]}), buffer)
    return buffer.getvalue()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", raster("PNG"))
    return buffer.getvalue()


def table(form: str) -> bytes:
    buffer = io.BytesIO()
    Table({"name": ["a", "b"], "ra": [1.5, 2.5], "dec": [3.5, 4.5]}).write(buffer, format=form)
    return buffer.getvalue()


def tree() -> bytes:
    buffer = io.BytesIO()
    content = {"roman": {"meta": {"exposure": {"time": 1.5}}, "data": PIXELS, "dq": PIXELS}}
    asdf.AsdfFile(content).write_to(buffer, all_array_compression="zlib")
    return buffer.getvalue()


IMAGES: dict[str, Callable[[], bytes]] = {
    "a.fits": fits_file,
    "rice.fits": lambda: fits_file("RICE_1"),
    "hcompress.fits": lambda: fits_file("HCOMPRESS_1"),
    **{f"a.{kind.lower()}": lambda kind=kind: raster(kind) for kind in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")},
    "a.jp2": lambda: raster("JPEG2000"),
    "a.asdf": tree,
}
STACKS: dict[str, Callable[[], bytes]] = {"a.h5": hdf5, "a.parquet": parquet, "a.zip": archive}
TABLES: dict[str, Callable[[], bytes]] = {
    "a.vot": lambda: table("votable"),
    "t.fits": lambda: table("fits"),
    "a.csv": lambda: b"name,ra,dec\na,1.5,2.5\nb,3.5,4.5\n",
}


def changed(content: bytes, chance: random.Random) -> bytes:
    """Content with some bytes changed, doubled or lost, as damage and malice do."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(found) or 1)
        match chance.randrange(5):
            case 0:
                found[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                found[place : place + 4] = chance.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"9999"])
            case 2:
                del found[place : place + chance.randint(1, 200)]
            case 3:
                found[place:place] = found[place : place + chance.randint(1, 200)]
            case _ if chance.random() < 0.3:
                del found[place:]
    return bytes(found)


def written(folder: Path, kinds: dict[str, Callable[[], bytes]], count: int) -> list[Path]:
    chance, contents = random.Random(7), {name: make() for name, make in kinds.items()}  # no secret
    paths = []
    for number in range(count):
        name = list(kinds)[number % len(kinds)]
        paths.append(folder / f"{number}-{name}")
        paths[-1].write_bytes(changed(contents[name], chance))
    return paths


@pytest.mark.parametrize(
    ("kinds", "share", "function"),
    [(IMAGES, 0.6, "prepare"), (STACKS, 0.2, "stacks"), (TABLES, 0.2, "tables")],
    ids=["images", "stacks", "tables"],
)
def test_every_changed_file_ends_as_something_or_a_reason(
    tmp_path: Path, kinds: dict[str, Callable[[], bytes]], share: float, function: str
) -> None:
    paths = written(tmp_path, kinds, int(COUNT * share))
    if function == "tables":
        outcomes = READING.map(read_catalogue, [(path,) for path in paths], what=[path.name for path in paths])
        reasons = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    else:
        sources = [Source(path.name, path, path.name) for path in paths]
        if function == "stacks":
            items = [(path, path.name, None) for path in paths]
            found = READING.map(images_of, items, what=[path.name for path in paths])
            assert [each for each in found if isinstance(each, Exception) and not isinstance(each, LseError)] == []
            sources = [
                Source(path.name, path, path.name, member=str(images[1][0]))
                for path, images in zip(paths, found, strict=True)
                if isinstance(images, tuple) and len(images[1])
            ]
        items = [(source, Recipe(size=16)) for source in sources]
        outcomes = READING.map(prepare_file, items, what=[source.name for source in sources])
        assert all(isinstance(outcome, Prepared | Rejected | LseError) for outcome in outcomes)
        rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
        assert [each.message for each in rejected if each.reason == "PREPARATION_FAILED"] == []
        reasons = [outcome for outcome in outcomes if isinstance(outcome, LseError)]
    assert all(isinstance(reason, LseError) for reason in reasons), reasons
    fatal = {"READING_TIMEOUT", "READING_FAILED"}
    assert [reason for reason in reasons if isinstance(reason, LseError) and reason.reason in fatal] == []
