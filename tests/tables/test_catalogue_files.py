"""Catalogues in every form that people have them in, each with the same values."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, Table

from lse.columns import ColumnMeaning
from lse.errors import InvalidArgumentError
from lse.tables.catalogue import Catalogue, read_catalogue

NAMES = ["J0013+0951", "J0013-0951", "Ünï"]
OBJIDS = [1237648720693755918, 1237648720693755919, 2**63 - 1]
HASHES = [2**63 + 12345678901234567, 2**64 - 1, 5]


def written(folder: Path, text: str | bytes, name: str = "catalogue.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(path: Path, **options: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = read_catalogue(path, **options).table.to_pydict()
    return found


EXPECTED = {
    "name": ["a", "b", "c"],
    "ra_deg": [10.5, 11.5, 12.5],
    "dec_deg": [-5.25, -6.25, -7.25],
    "class": ["x, y", "é", None],
}
COMMAS = 'name,ra_deg,dec_deg,class\na,10.5,-5.25,"x, y"\nb,11.5,-6.25,é\nc,12.5,-7.25,\n'
FORMS: dict[str, str | bytes] = {
    "commas": COMMAS,
    "byte order mark": "\ufeff" + COMMAS,
    "carriage returns": COMMAS.replace("\n", "\r\n"),
    "old carriage returns": COMMAS.replace("\n", "\r"),
    "no last line end": COMMAS.rstrip(),
    "trailing separators": COMMAS.replace("\n", ",\n"),
    "spaces after commas": COMMAS.replace(",", ", ").replace("x,  y", "x, y"),
    "comments": "# made by TOPCAT\n#\n" + COMMAS + "# the end\n",
    "blank lines": "\n\n" + COMMAS.replace("\n", "\n\n"),
    "semicolons": COMMAS.replace("x, y", "x: y").replace(",", ";").replace("x: y", "x, y"),
    "semicolons unquoted": COMMAS.replace('"x, y"', "x: y").replace(",", ";").replace("x: y", "x, y"),
    "decimal commas": "name;ra_deg;dec_deg;class\na;10,5;-5,25;x, y\nb;11,5;-6,25;é\nc;12,5;-7,25;\n",
    "tabs": COMMAS.replace('"x, y"', "x: y").replace(",", "\t").replace("x: y", "x, y"),
    "bars": COMMAS.replace('"x, y"', "x: y").replace(",", " | ").replace("x: y", "x, y"),
    "spaces": 'name  ra_deg dec_deg class\na 10.5   -5.25 "x, y"\nb\t11.5 -6.25 é\n c 12.5 -7.25 ""\n',
    "commented header": "# made today\n# name ra_deg dec_deg class\n"
    'a 10.5 -5.25 "x, y"\nb 11.5 -6.25 é\nc 12.5 -7.25 ""\n',
    "latin-1": COMMAS.encode("latin-1"),
    "utf-16": COMMAS.encode("utf-16"),
    "utf-16 without a mark": COMMAS.encode("utf-16-le"),
    "gzip": gzip.compress(COMMAS.encode()),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_tables_of_text(tmp_path: Path, text: str | bytes) -> None:
    assert rows(written(tmp_path, text)) == EXPECTED
    assert rows(written(tmp_path, text, "t.tsv")) == EXPECTED


def test_quoted_values_keep_line_ends_quotes_and_separators(tmp_path: Path) -> None:
    text = 'name,note,"a ""b"" c"\na,"two\nlines, ""said""",1\n"b, c",x;y,2\n'
    found = rows(written(tmp_path, text))
    assert found == {"name": ["a", "b, c"], "note": ['two\nlines, "said"', "x;y"], 'a "b" c': [1, 2]}


def test_a_row_of_another_length_is_left_out_and_told(tmp_path: Path) -> None:
    text = "name,ra_deg,dec_deg,class\n" + "".join(f"g{n},{n},-{n},c\n" for n in range(8))
    catalogue = read_catalogue(written(tmp_path, text + "g8,,8,-8,c\ng9,9,-9\n"))
    assert catalogue.table.num_rows == 8
    (note,) = catalogue.notes
    assert note.startswith("2 rows were left out of the catalogue for having more or fewer than its 4 values")
    assert note.endswith(": 9 (5 values), 10 (3 values).")


def test_words_for_a_missing_value(tmp_path: Path) -> None:
    text = "name,mag,n,class,when,id\na,--,n/d,NA,...,0266\nb,18.25,7,None,2020-01-01,NA\nc,-99,,--,,0267\n"
    catalogue = read_catalogue(written(tmp_path, text))
    found = catalogue.table.to_pydict()
    assert found["mag"] == [None, 18.25, -99]
    assert found["n"] == [None, 7, None]
    assert found["class"] == [None, "None", "--"]  # what may be a class stays as it is
    assert [value and value.year for value in found["when"]] == [None, 2020, None]
    assert found["id"] == ["0266", None, "0267"]
    assert "1 value was taken as missing in the catalogue's column 'mag': '--'." in catalogue.notes
    assert len(catalogue.notes) == 5


def typed_table() -> Table:
    table = Table({"name": NAMES, "objid": OBJIDS, "hash": np.array(HASHES, np.uint64), "plate": ["0266", "0267", ""]})
    table["v"] = MaskedColumn([1.5, 2.25, 0], mask=[False, False, True], unit="km/s", description="Velocity.")
    table["n"] = MaskedColumn([1, 2, 3], mask=[False, True, False], dtype=np.int16)
    table["good"] = [True, False, True]
    table["f"] = np.array([0.1, np.nan, 3], np.float32)
    return table


def check(catalogue: Catalogue, *, units: bool = True) -> None:
    found = catalogue.table.to_pydict()
    assert found["name"] == NAMES
    assert found["objid"] == OBJIDS
    assert found["hash"] == [str(value) for value in HASHES]
    assert [value or None for value in found["plate"]] == ["0266", "0267", None]
    assert found["v"] == [1.5, 2.25, None]
    assert found["n"] == [1, None, 3]
    assert found["good"] == [True, False, True]
    assert found["f"][0] == pytest.approx(0.1, rel=1e-7)
    if units:
        meaning = ColumnMeaning.of(catalogue.table.field("v"))
        assert meaning.unit.replace(" ", "") in ("kms-1", "km/s")
        assert meaning.description == "Velocity."


# Astropy's own writer of VOTables warns of masked integers and of names that are not words.
WRITTEN_SO = pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning")


@WRITTEN_SO
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("t.fits", {}),
        ("t.ecsv", {"format": "ascii.ecsv"}),
        ("t.txt", {"format": "ascii.ecsv", "delimiter": ","}),
        ("binary2.vot", {"format": "votable", "tabledata_format": "binary2"}),
        ("tabledata.xml", {"format": "votable", "tabledata_format": "tabledata"}),
        ("t.parquet", {"format": "parquet"}),
    ],
)
def test_files_with_types_keep_them_with_units(tmp_path: Path, name: str, options: dict[str, Any]) -> None:
    table = typed_table()
    if "vot" in options.get("format", ""):
        table["hash"] = [str(value) for value in HASHES]  # the format has no such type
    if name.endswith("fits"):
        table["name"] = [each.encode() for each in NAMES]
    table.write(tmp_path / name, **options)
    check(read_catalogue(tmp_path / name))


def test_hdf5(tmp_path: Path) -> None:
    table = typed_table()
    table.remove_columns(["v", "n"])
    table.write(tmp_path / "records.hdf5", path="catalogue", serialize_meta=True)
    found = read_catalogue(tmp_path / "records.hdf5").table.to_pydict()
    assert (found["name"], found["objid"], found["hash"]) == (NAMES, OBJIDS, [str(value) for value in HASHES])
    with h5py.File(tmp_path / "columns.h5", "w") as file:
        file["data/name"], file["data/objid"], file["data/v"] = NAMES, OBJIDS, [0.5, 1.5, np.nan]
        file["data/v"].attrs["unit"] = "km/s"
    catalogue = read_catalogue(tmp_path / "columns.h5")
    assert catalogue.table.to_pydict()["objid"] == OBJIDS
    assert ColumnMeaning.of(catalogue.table.field("v")).unit == "km/s"
    with h5py.File(tmp_path / "image.h5", "w") as file:
        file["image"] = np.zeros((3, 3))
    with pytest.raises(InvalidArgumentError, match="one dataset of records"):
        read_catalogue(tmp_path / "image.h5")


@WRITTEN_SO
def test_votable_of_the_first_binary_serialisation(tmp_path: Path) -> None:
    table = Table({"name": ["a", "b"], "objid": OBJIDS[:2], "v": [1.5, np.nan]})
    table.write(tmp_path / "t.vot", format="votable", tabledata_format="binary")
    assert rows(tmp_path / "t.vot")["objid"] == OBJIDS[:2]


@WRITTEN_SO
def test_columns_of_votables_have_their_names_and_ucds(tmp_path: Path) -> None:
    table = Table({"name": ["a", "b"], "right asc.": [10.5, 11.5], "dec": [1.5, 2.5]})
    for column, ucd in (("right asc.", "pos.eq.ra;meta.main"), ("dec", "pos.eq.dec;meta.main")):
        table[column].meta["ucd"] = ucd
        table[column].unit = "deg"
    table.write(tmp_path / "t.vot", format="votable")
    catalogue = read_catalogue(tmp_path / "t.vot")
    assert catalogue.columns == ("right asc.", "dec", "ra_deg", "dec_deg")
    assert catalogue.table["ra_deg"].to_pylist() == [10.5, 11.5]
    assert ColumnMeaning.of(catalogue.table.field("dec")).ucd == "pos.eq.dec;meta.main"


def test_other_tables_of_astronomers(tmp_path: Path) -> None:
    small = Table({"name": ["a", "b"], "ra": [10.5, 11.5], "dec": [-1.5, 2.5]})
    small.write(tmp_path / "t.tbl", format="ascii.ipac")
    small.write(tmp_path / "t.mrt", format="ascii.mrt")
    for name in ("t.tbl", "t.mrt"):
        assert rows(tmp_path / name)["name"] == ["a", "b"]
    table = Table({"name": ["a"], "mag": [[1.5, 2.5]]})
    table.write(tmp_path / "t.fits")
    assert rows(tmp_path / "t.fits") == {"name": ["a"], "mag.0": [1.5], "mag.1": [2.5]}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x7fELF" + bytes(4000), b"PAR1" + bytes(50), b"SIMPLE  =" + bytes(90), b"\x89HDF\r\n" + bytes(90)),
        *(b"<?xml version='1.0'?><VOTABLE>", b"root:x:0:0:secret\nbin:x:1:1:secret\n", b"# %ECSV 1.0\n"),
        b"secret 1 2\n3\n",
    ],
)
def test_what_is_no_catalogue_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read_catalogue(written(tmp_path, content))
    assert caught.value.reason == "CATALOGUE_INVALID"
    assert "secret" not in caught.value.message
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\x00\x06", "spreadsheet"),
        (b'[{"name": "a", "ra": 1}]', "JSON"),
        (b'{"name": "a"}\n{"name": "b"}\n', "JSON"),
        (b"<!DOCTYPE html><html>", "web page"),
    ],
)
def test_what_is_another_file_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"it is .*{what}.*; save the table as CSV"):
        read_catalogue(written(tmp_path, content))


VIZIER = (
    "#RESOURCE=yCat\n#Name: I/355\n#Column\tRAJ2000\n\n_RAJ2000\tDEJ2000\tName\tF\n"
    "deg\tdeg\t \tmJy\n------\t------\t----\t---\n150.5\t+02.25\ta\t1.5\n010.5\t-02.25\tb\t\n"
)


@pytest.mark.parametrize("text", [VIZIER, "_RAJ2000,DEJ2000,Name,F\ndeg,deg,,mJy\n150.5,2.25,a,1.5\n10.5,-2.25,b,\n"])
def test_lines_of_units_below_the_header(tmp_path: Path, text: str) -> None:
    found = read_catalogue(written(tmp_path, text.replace("_RAJ2000\tDEJ2000", "_RAJ2000\t_DEJ2000").encode()))
    assert found.table["Name"].to_pylist() == ["a", "b"]
    assert found.table["F"].to_pylist() == [1.5, None]
    assert ColumnMeaning.of(found.table.field("F")).unit == "mJy"
    assert found.table["ra_deg"].to_pylist() == [150.5, 10.5]
    assert any("read as units" in note for note in found.notes)


def test_a_first_row_that_is_no_line_of_units_stays(tmp_path: Path) -> None:
    assert rows(written(tmp_path, b"name,type\na,m\nb,s\n")) == {"name": ["a", "b"], "type": ["m", "s"]}
    assert rows(written(tmp_path, b"name,mag\na,m\nb,1.5\n"))["name"] == ["a", "b"]


def test_exponents_of_fortran(tmp_path: Path) -> None:
    assert rows(written(tmp_path, b"name,v,w\na,1.5D+03,3d\nb,-2.5d-2,4d\nc,7,5d\n")) == {
        "name": ["a", "b", "c"],
        "v": [1500.0, -0.025, 7.0],
        "w": ["3d", "4d", "5d"],
    }


def test_devices_and_pipes_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (Path("/dev/zero"), tmp_path / "pipe.csv", tmp_path):
        with pytest.raises(InvalidArgumentError, match="cannot be opened"):
            read_catalogue(path)


def test_units_of_parquet_as_arrow_writes_them(tmp_path: Path) -> None:
    field = ColumnMeaning("Flux.", "Jy", "phot.flux").on(pa.field("flux", pa.float64()))
    schema = pa.schema([pa.field("name", pa.string()), field])
    pq.write_table(pa.table([["a"], [1.5]], schema=schema), tmp_path / "t.parquet")
    assert ColumnMeaning.of(read_catalogue(tmp_path / "t.parquet").table.field("flux")).unit == "Jy"
