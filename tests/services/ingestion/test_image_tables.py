"""Types, units and rows on their way from files and catalogues into the image table of a dataset."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from PIL import Image

from lse.client import Client
from lse.columns import ColumnMeaning
from lse.errors import InvalidArgumentError, LseError
from lse_dashboard.data.column_uses import column_uses

IDS = [1237648720693755918, 1237648720693755919, 2**63 - 1]


def write_fits(path: Path, cards: dict[str, Any], *, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).normal(size=(20, 20)).astype(np.float32)
    fits.PrimaryHDU(pixels, fits.Header([fits.Card(key, *value) for key, value in cards.items()])).writeto(path)


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """Four FITS images and a file that is none, with a catalogue of three of them."""
    folder = tmp_path / "images"
    for index in range(4):
        cards: dict[str, Any] = {
            "EXPTIME": (30 if index else 12.5, "[s] time"),
            "OBJID": (IDS[0] + index, ""),
            "BIG": (2**64 + index, ""),
            "FLAG": (True, "") if index else ("T?", ""),
            "GAIN": (1.5, "[adu] gain" if index else "[mag] gain"),
            "FILTER": ("0266", "digits in quotes"),
        }
        write_fits(folder / f"{index}.fits", cards if index < 3 else {}, seed=index)
    (folder / "broken.fits").write_text("nothing")
    lines = [f"{index},{number},{index / 3},{'true' if index else ''}" for index, number in enumerate(IDS)]
    (tmp_path / "catalogue.csv").write_text("id,objid,size_arcsec,good\n" + "\n".join(lines) + "\n")
    return tmp_path


def test_types_and_units_reach_the_table(client: Client, survey: Path) -> None:
    dataset = client.datasets.ingest("d", survey / "images", catalogue=survey / "catalogue.csv").wait()
    assert (dataset.prepared, dataset.rejected) == (4, 1)
    table = client.datasets.table("d")
    found = table.to_pydict()
    assert found["row"] == [0, 1, 2, 3, -1]
    assert found["objid"] == [*IDS, None, None]
    assert found["good"] == [None, True, True, None, None]
    assert found["header.exptime"] == [12.5, 30.0, 30.0, None, None]
    assert found["header.objid"] == [IDS[0], IDS[0] + 1, IDS[0] + 2, None, None]
    assert found["header.big"] == [str(2**64 + index) for index in range(3)] + [None, None]
    assert found["header.flag"] == ["T?", "true", "true", None, None]
    assert found["header.filter"] == ["0266"] * 3 + [None, None]
    assert ColumnMeaning.of(table.field("header.exptime")).unit == "s"
    assert ColumnMeaning.of(table.field("header.gain")).unit == ""  # the files do not agree
    assert ColumnMeaning.of(table.field("size_arcsec")).unit == "arcsec"
    assert dataset.columns["objid"].type == "integer"
    assert dataset.columns["header.big"].type == "text"
    assert (dataset.columns["header.exptime"].type, dataset.columns["header.exptime"].unit) == ("number", "s")
    frame = table.to_pandas()
    assert str(frame["objid"].dtype) == "Int64"
    assert frame["objid"][2] == IDS[2]
    assert client.datasets.image("d", "1").metadata["header.objid"] == IDS[0] + 1


def test_columns_say_how_many_values_they_have(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(14):
        write_fits(folder / f"{number:02d}.fits", {"EXPTIME": (float(number), "[s] time")}, seed=number)
    (folder / "broken.fits").write_text("nothing")
    lines = [f"{n:02d},{'ring' if n % 2 else 'disc'},{n % 3},{n},same,{'' if n else 'x'}" for n in range(14)]
    (tmp_path / "catalogue.csv").write_text("\n".join(["id,class,few,many,same,once", *lines, "broken,odd,9,9,other,"]))
    dataset = client.datasets.ingest("d", folder, catalogue=tmp_path / "catalogue.csv").wait()
    counts = {name: column.distinct_count for name, column in dataset.columns.items()}
    expected = {"class": 2, "few": 3, "many": 14, "same": 1, "once": 1, "header.exptime": 14}
    assert {name: counts[name] for name in expected} == expected
    part = client.datasets.subset("part", of="d", rows=[0, 2, 4]).wait()
    assert [part.columns[name].distinct_count for name in ("class", "few", "many")] == [1, 3, 3]
    # The explorer learns from them what it would learn from the values.
    before = {name: replace(column, distinct_count=0) for name, column in dataset.columns.items()}
    uses = column_uses(client, dataset)
    assert {
        "class": "groups",
        "few": "groups",
        "many": "gradient",
        "header.exptime": "gradient",
    }.items() <= uses.items()
    assert not {"same", "once"} & set(uses)
    assert column_uses(client, replace(dataset, columns=before)) == uses


def test_added_images_meet_the_types_that_are_there(client: Client, survey: Path) -> None:
    first = client.datasets.ingest("d", survey / "images", catalogue=survey / "catalogue.csv").wait()
    more = survey / "more"
    write_fits(more / "a.fits", {"EXPTIME": ("long", ""), "OBJID": (0.5, ""), "NEW": (1, "[Jy] flux")}, seed=9)
    (survey / "more.csv").write_text("id,objid,extra\na,x1,7\n")
    dataset = client.datasets.add("d", more, catalogue=survey / "more.csv").wait()
    assert (dataset.prepared, dataset.rejected) == (5, 1)
    found = client.datasets.table("d").to_pydict()
    assert found["row"] == [0, 1, 2, 3, -1, 4]
    assert found["objid"] == [*map(str, IDS), None, None, "x1"]
    assert found["extra"] == [None] * 5 + [7]
    assert found["header.exptime"] == ["12.5", "30", "30", None, None, "long"]
    # 19 digits and a fraction have no type in common but text.
    assert found["header.objid"] == [str(IDS[0] + index) for index in range(3)] + [None, None, "0.5"]
    assert ColumnMeaning.of(client.datasets.table("d").field("header.new")).unit == "Jy"
    assert dataset.columns["size_arcsec"] == first.columns["size_arcsec"]
    pictures = client.datasets.thumbnails("d", range(5))
    assert len({bytes(picture) for picture in pictures}) == 5
    assert Image.open(io.BytesIO(pictures[4])).format == "JPEG"
    arrays = client.datasets.get("d")
    assert arrays.image_size == 64


def test_images_are_listed_page_by_page_and_by_status(client: Client, survey: Path) -> None:
    client.datasets.ingest("d", survey / "images").wait()
    assert [image.row for image in client.datasets.images("d")] == [0, 1, 2, 3, -1]
    assert [image.row for image in client.datasets.images("d", status="prepared")] == [0, 1, 2, 3]
    (rejected,) = client.datasets.images("d", status="rejected")
    assert (rejected.rejection_reason, rejected.row) == ("FORMAT_UNKNOWN", -1)
    some = client.datasets.table("d", ["status"])
    assert some.column_names == ["name", "row", "status"]
    assert isinstance(some, pa.Table)


def test_times_of_catalogues_and_headers_are_times(client: Client, tmp_path: Path) -> None:
    cards = [("DATE-OBS", ("2003-12-31T23:59:59.5", "")), ("DATE-END", ("31/12/03", "")), ("OBJECT", ("M 31", ""))]
    write_fits(tmp_path / "images/a.fits", dict(cards), seed=1)
    write_fits(tmp_path / "images/b.fits", {"DATE-OBS": ("2004-01-01", ""), "DATE-END": ("2004-01-01", "")}, seed=2)
    (tmp_path / "c.csv").write_text("id,seen,zoned,mixed\na,2020-02-29,2020-01-01T02:00:00+02:00,2020-01-01\nb,,,x\n")
    dataset = client.datasets.ingest("d", tmp_path / "images", catalogue=tmp_path / "c.csv").wait()
    found = client.datasets.table("d").to_pydict()
    assert found["header.date-obs"] == [
        datetime.fromisoformat("2003-12-31T23:59:59.500"),
        datetime.fromisoformat("2004-01-01"),
    ]
    assert found["header.date-end"] == ["31/12/03", "2004-01-01"]
    assert found["seen"] == [datetime.fromisoformat("2020-02-29"), None]
    assert found["zoned"] == [datetime(2020, 1, 1, tzinfo=UTC), None]
    assert found["mixed"] == ["2020-01-01", "x"]
    assert [dataset.columns[name].type for name in ("seen", "zoned", "mixed")] == ["timestamp", "timestamp", "text"]
    metadata = client.datasets.image("d", "a").metadata
    assert (metadata["seen"], metadata["zoned"]) == (
        datetime.fromisoformat("2020-02-29"),
        datetime(2020, 1, 1, tzinfo=UTC),
    )


def test_images_are_found_by_name_path_and_row(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    names = ["J0013+0951", "J0013-0951", "field 1/α Cen", "field 1/é", "field 2/é", "7"]
    for seed, name in enumerate(names):
        write_fits(folder / f"{name}.fits", {}, seed=seed)
    lost = folder / os.fsdecode(b"caf\xe9.fits")
    lost.write_bytes((folder / "7.fits").read_bytes())
    (tmp_path / "c.csv").write_text("designation,dec\nJ0013+0951,9.85\n")
    dataset = client.datasets.ingest("d", folder, catalogue=tmp_path / "c.csv", catalogue_key="designation").wait()
    assert "The catalogue was joined by its column 'designation': 1 of 7 images have a row." in dataset.notes
    images = {image.id: image for image in client.datasets.images("d")}
    assert set(images) == {*names, "caf\\xe9"}
    assert images["J0013-0951"].metadata.get("dec") is None
    assert images["J0013+0951"].name == "projects/p/datasets/d/images/J0013+0951"
    for wanted, found in {
        **{name: name for name in names},
        str(folder / "J0013-0951.fits"): "J0013-0951",
        "field 2/é.fits": "field 2/é",
        "α Cen": "field 1/α Cen",
        "J0013+0951.fits": "J0013+0951",
        "e\u0301": None,
        "j0013+0951": None,
        "é": None,
        "nothing": None,
        str(images["J0013-0951"].row): "J0013-0951",
        images["field 1/α Cen"].name: "field 1/α Cen",
    }.items():
        if found is None:
            with pytest.raises(LseError) as caught:
                client.datasets.image("d", wanted)
            assert caught.value.reason == ("IMAGE_AMBIGUOUS" if wanted in ("é", "e\u0301") else "IMAGE_NOT_FOUND")
        else:
            assert client.datasets.image("d", wanted).id == found
    listed = client.datasets.images("d", filter='name = "J0013+0951"')
    assert [image.id for image in listed] == ["J0013+0951"]
    with pytest.raises(InvalidArgumentError, match=r"^The filter 'row > > 1' is not understood at '> 1', character 7;"):
        list(client.datasets.images("d", status="prepared", filter="row > > 1"))
    with pytest.raises(LseError, match="has all of these"):
        client.datasets.add("d", folder).wait()


def test_folders_of_classes_and_extensions_and_many_keywords(client: Client, tmp_path: Path) -> None:
    for number in range(6):
        path = tmp_path / "images" / ("ring" if number % 2 else "spiral") / f"{number}.fits"
        cards = {f"A{number}C{card}": (card, "") for card in range(500)} | {"EXPTIME": (1.5, "[s]")}
        write_fits(path, cards, seed=number)
        with fits.open(path, mode="append") as hdus:
            hdus.append(fits.ImageHDU(np.zeros((20, 20), np.int16), name="DQ"))
    (tmp_path / "c.csv").write_text('name,"a ""b"" c",back\\slash\n0,1,x\n1,2,y\n')
    dataset = client.datasets.ingest("d", tmp_path / "images", catalogue=tmp_path / "c.csv").wait()
    found = client.datasets.table("d").to_pydict()
    assert found["name"] == [*(f"ring/{number}" for number in (1, 3, 5)), *(f"spiral/{number}" for number in (0, 2, 4))]
    assert found["class"] == ["ring"] * 3 + ["spiral"] * 3
    assert found['a "b" c'] == [2, None, None, 1, None, None]
    assert found["header.exptime"] == [1.5] * 6
    assert found["not_read"] == ["DQ"] * 6
    keywords = [name for name in found if name.startswith("header.")]
    assert len(keywords) == 1000
    assert "The column 'class' is the folder of each image." in dataset.notes
    assert any("not read: DQ" in note for note in dataset.notes)
    assert any("2,001 header keywords are no columns" in note for note in dataset.notes)


def test_a_catalogue_is_joined_by_position(client: Client, tmp_path: Path) -> None:
    wcs = {"CTYPE1": ("RA---TAN", ""), "CTYPE2": ("DEC--TAN", ""), "CRPIX1": (10.5, ""), "CRPIX2": (10.5, "")}
    wcs |= {"CDELT1": (-1e-4, ""), "CDELT2": (1e-4, ""), "CRVAL1": (150.0, "")}
    for number, dec in enumerate((2.0, -2.0, 40.0)):
        write_fits(tmp_path / f"images/{number}.fits", wcs | {"CRVAL2": (dec, "")}, seed=number)
    write_fits(tmp_path / "images/3.fits", {}, seed=3)
    (tmp_path / "c.csv").write_text("source,RAJ2000,DEJ2000\nsouth,150.0001,-2\nnorth,150,2.0001\nlost,10,10\n")
    dataset = client.datasets.ingest(
        "d", tmp_path / "images", catalogue=tmp_path / "c.csv", catalogue_radius_arcsec=1
    ).wait()
    found = client.datasets.table("d").to_pydict()
    column = next(name for name in found if name.endswith("source") and name != "source")
    assert found[column] == ["north", "south", None, None]
    assert found["ra_deg"][:2] == [150, 150.0001]
    assert "The catalogue was joined by position within 1 arcsec: 2 of 4 images have a row." in dataset.notes
    assert "2 images have no row in the catalogue: 2, 3." in dataset.notes
    assert "1 row of the catalogue belongs to no image: row 3." in dataset.notes
    with pytest.raises(LseError, match="arcsec"):
        client.datasets.ingest("e", tmp_path / "images", catalogue=tmp_path / "c.csv", catalogue_radius_arcsec=-1)


def test_the_same_pixels_are_one_image_when_they_are_added(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = np.random.default_rng(3).normal(size=(5, 12, 12)).astype(np.float32)
    for name, number in (("a", 0), ("b", 1), ("again", 0)):
        fits.writeto(folder / f"{name}.fits", pixels[number])
    recipe = {"size": 12, "stretch": {"kind": "linear", "limits": "minmax"}}
    made = client.datasets.ingest("d", folder, recipe=recipe).wait()
    assert (made.prepared, made.rejected) == (3, 0)
    assert "1 image has the same pixels as another one, such as 'again' and 'a'." in made.notes
    new = tmp_path / "new"
    new.mkdir()
    fits.writeto(new / "c.fits", pixels[2])
    fits.writeto(new / "brighter.fits", 2 * pixels[1])  # the same tensor, of other values
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels[1])]).writeto(new / "copy-of-b.fits")
    fits.writeto(new / "d.fits", pixels[2])
    added = client.datasets.add("d", new).wait()
    assert (added.prepared, added.rejected) == (5, 2)
    table = client.datasets.table("d").to_pandas().set_index("name")
    assert table["reason"].dropna().to_dict() == {"copy-of-b": "IMAGE_DUPLICATE", "d": "IMAGE_DUPLICATE"}
    assert table.loc["copy-of-b", "message"] == "It has the same pixels as 'b', which the dataset has: it is one image."
    assert table["row"].tolist() == [0, 1, 2, 3, 4, -1, -1]
    assert len(client.datasets.thumbnails("d", range(5))) == 5
    same = client.datasets.duplicates("d").to_pydict()
    assert (same["group"], same["name"], same["other_name"]) == ([0, 0], ["a", "again"], ["again", "a"])
    assert same["similarity"] == [None, None]
    assert [(each.version, each.prepared, each.rejected) for each in added.versions] == [(1, 3, 0), (2, 5, 2)]
    assert added.versions[1].sources == (str(new),)
    part = client.datasets.subset("part", of="d", rows=[1, 0, 4]).wait()
    assert [(each.version, each.prepared) for each in part.versions] == [(1, 3)]
    assert client.datasets.duplicates("part")["name"].to_pylist() == ["a", "again"]
    assert client.datasets.duplicates("part").schema == client.datasets.duplicates("d").schema
