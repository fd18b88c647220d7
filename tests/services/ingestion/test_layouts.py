"""Layouts of collections, through the door: each with the recipe that reads it."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from lse.client import Client

LIMITS = {"kind": "fixed", "low": 0, "high": 1}


def test_a_file_a_band(client: Client, tmp_path: Path) -> None:
    truth, folder = {}, tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        for band in ("g", "r", "i"):
            truth[number, band] = np.random.default_rng(len(truth)).normal(size=(16, 16)).astype(np.float32)
            fits.writeto(folder / f"obj{number}_{band}.fits", truth[number, band])
    (tmp_path / "catalogue.csv").write_text("name,class\nobj1,spiral\n")
    suggested = client.datasets.ingest("apart", folder).wait()
    assert suggested.prepared == 9
    assert [note for note in suggested.notes if "band_files" in note], suggested.notes
    recipe = {"band_files": "{object}_{band}.fits", "size": 16, "stretch": {"kind": "linear", "limits": "minmax"}}
    dataset = client.datasets.ingest("d", folder, catalogue=tmp_path / "catalogue.csv", recipe=recipe).wait()
    assert (dataset.prepared, dataset.rejected) == (3, 0)
    assert list(dataset.channels) == ["g", "r", "i"]
    table = client.datasets.table("d").to_pydict()
    assert table["name"] == ["obj0", "obj1", "obj2"]
    assert table["class"] == [None, "spiral", None]
    assert table["bands"] == ["g, r, i"] * 3
    fits.writeto(folder / "obj3_g.fits", truth[0, "g"])
    for band in ("g", "r", "i"):
        fits.writeto(folder / f"obj4_{band}.fits", truth[1, band][::-1])
    added = client.datasets.add("d", folder).wait()
    assert (added.prepared, added.rejected) == (4, 1)
    table = client.datasets.table("d").to_pydict()
    assert dict(zip(table["name"], table["reason"], strict=True))["obj3"] == "BAND_MISSING"


def test_files_of_many_images(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(3)
    grey = random.normal(size=(40, 24, 20)).astype(np.float32)
    contents = []
    for pixels in random.integers(0, 256, size=(3, 20, 20), dtype=np.uint8):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        contents.append(buffer.getvalue())
    with h5py.File(folder / "stack.h5", "w") as file:
        file["images"], file["redshift"] = grey, np.arange(40) / 10
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("a/J0013+0951.png", contents[0])
        archive.writestr("a/notes.txt", b"none")
        archive.writestr("a/broken.png", contents[1][:50])
    pq.write_table(pa.table({"image": [{"bytes": c, "path": "x"} for c in contents]}), folder / "train.parquet")
    pq.write_table(pa.table({"name": ["b"], "flux": [1.0]}), folder / "catalogue.parquet")
    (folder / "damaged.npz").write_bytes(b"PK\x03\x04 and nothing")
    (tmp_path / "catalogue.csv").write_text("name,class\nstack.h5#7,ring\nJ0013+0951.png,disc\n")
    recipe = {"size": 16, "channels": "grey"}
    dataset = client.datasets.ingest("many", folder, catalogue=tmp_path / "catalogue.csv", recipe=recipe).wait()
    assert (dataset.prepared, dataset.rejected) == (44, 2)
    table = client.datasets.table("many").to_pydict()
    rows = {name: index for index, name in enumerate(table["name"])}
    assert {"stack.h5#0", "stack.h5#39", "more.zip/a/J0013+0951", "train.parquet#2"} <= set(rows)
    assert table["reason"][rows["more.zip/a/broken"]] == "IMAGE_TRUNCATED"
    assert table["reason"][rows["damaged.npz"]] == "IMAGE_DAMAGED"
    assert table["header.redshift"][rows["stack.h5#7"]] == 0.7
    assert table["class"][rows["stack.h5#7"]] == "ring"
    assert table["class"][rows["more.zip/a/J0013+0951"]] == "disc"
    assert table["source"][rows["stack.h5#7"]] == f"{folder}/stack.h5#7"
    np.save(folder / "extra.npy", grey[:30] + 1)
    added = client.datasets.add("many", folder).wait()
    assert added.prepared == 74


def test_cutouts_of_mosaics(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "mosaics"
    folder.mkdir()
    frames, mosaics = [], []
    for number, ra in enumerate((30.0, 30.02)):
        frame = WCS(naxis=2)
        frame.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        frame.wcs.crval, frame.wcs.crpix, frame.wcs.cdelt = [ra, -20.0], [50.0, 50.0], [-2e-4, 2e-4]
        frames.append(frame)
        mosaics.append(np.random.default_rng(number).normal(size=(100, 100)).astype(np.float32))
        fits.writeto(folder / f"field{number}.fits", mosaics[-1], frame.to_header())
    (folder / "text.fits").write_text("nothing")
    pixels = {"J1+2": (0, 40.0, 45.0), "J1-2": (1, 70.0, 20.0), "edge": (1, 0.3, 50.0), "out": (0, 500.0, 50.0)}
    lines = ["id,ra,dec,class"]
    for name, (number, x, y) in pixels.items():
        place = frames[number].pixel_to_world(x, y)
        lines.append(f"{name},{place.ra.deg:.10f},{place.dec.deg:.10f},c-{name}")
    (tmp_path / "catalogue.csv").write_text("\n".join([*lines, "lost,,,c-lost"]) + "\n")
    recipe = {"cutout": 16, "size": 16, "normalisation": "none", "stretch": {"kind": "linear", "limits": LIMITS}}
    dataset = client.datasets.ingest("cut", folder, catalogue=tmp_path / "catalogue.csv", recipe=recipe).wait()
    assert (dataset.prepared, dataset.rejected) == (3, 2)
    table = client.datasets.table("cut").to_pydict()
    assert table["name"] == ["J1+2", "J1-2", "edge", "out", "lost"]
    assert table["class"] == [f"c-{name}" for name in table["name"]]
    assert table["reason"] == [None, None, None, "POSITION_OUT_OF_RANGE", "POSITION_MISSING"]
    assert [Path(source).name for source in table["source"]][:2] == ["field0.fits#J1+2", "field1.fits#J1-2"]
    assert table["outside_fraction"][:3] == [0, 0, 7 / 16]
    assert any("text.fits" in note for note in dataset.notes)
    fields = client.datasets.images("cut")
    assert len(list(fields)) == 5
