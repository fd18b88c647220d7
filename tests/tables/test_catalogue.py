"""Catalogues as they are read, and joined to the inputs of a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lse.columns import ColumnMeaning
from lse.errors import InvalidArgumentError, LseError, NotFoundError
from lse.tables.catalogue import read_catalogue
from lse.tables.join import join_catalogue, join_notes


@dataclass(frozen=True)
class File:
    """An input of a dataset, as the join knows it."""

    name: str
    path: Path
    relative: str
    stem: str
    called: str = ""


def sources_of(folder: Path, *relatives: str) -> list[File]:
    return [
        File(relative.rpartition(".")[0], folder / relative, relative, Path(relative).stem) for relative in relatives
    ]


def table(folder: Path, text: str, name: str = "catalogue.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_columns_are_typed_and_nulls_left_out(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "ID,n,z,ok,kind,when,code,none\n007,1,0.5,true,FRI,2020-01-01,0012x,\n008,2,1,False,,2021-01-01,5,\n",
    )
    catalogue = read_catalogue(path)
    assert catalogue.key == "ID"
    assert catalogue.columns == ("n", "z", "ok", "kind", "when", "code")
    joined = join_catalogue(sources_of(tmp_path / "images", "007.png", "008.png", "9.png"), catalogue)
    assert joined.table.to_pylist() == [
        {"n": 1, "z": 0.5, "ok": True, "kind": "FRI", "when": datetime.fromisoformat("2020-01-01"), "code": "0012x"},
        {"n": 2, "z": 1.0, "ok": False, "kind": None, "when": datetime.fromisoformat("2021-01-01"), "code": "5"},
        dict.fromkeys(catalogue.columns),
    ]
    assert joined.sources_without_row == ("9",)
    assert joined.rows_without_source == ()


@pytest.mark.parametrize(
    "key",
    [
        "sub/a.png",
        "./sub/a.png",
        "a.png",
        "a",
        "images/sub/a.png",
        "sub/a",
        "sub\\a.png",
        "survey/images/sub/a.png",
    ],
)
def test_a_row_finds_its_image_however_it_is_written(tmp_path: Path, key: str) -> None:
    sources = sources_of(tmp_path / "survey/images", "sub/a.png", "sub/b.png")
    joined = join_catalogue(sources, read_catalogue(table(tmp_path, f"path,class\n{key},disc\nelsewhere/b.png,ring\n")))
    assert joined.table.to_pylist() == [{"class": "disc"}, {"class": None}]
    assert joined.sources_without_row == ("sub/b",)
    assert joined.rows_without_source == ("elsewhere/b.png",)


@pytest.mark.parametrize("column", ["objid", "Source_ID", "designation"])
def test_the_names_of_surveys_for_their_objects_are_known(tmp_path: Path, column: str) -> None:
    sources = sources_of(tmp_path / "images", "587722952767439450.jpg", "8.jpg")
    joined = join_catalogue(sources, read_catalogue(table(tmp_path, f"class,{column}\ndisc,587722952767439450\n")))
    assert joined.table.to_pylist() == [{"class": "disc"}, {"class": None}]


def test_ambiguous_rows_are_listed_and_joined_to_none(tmp_path: Path) -> None:
    sources = sources_of(tmp_path / "images", "one/a.png", "two/a.png", "b.png")
    joined = join_catalogue(sources, read_catalogue(table(tmp_path, "file,c\na.png,1\nb,2\n")))
    assert joined.table["c"].to_pylist() == [None, None, 2]
    assert joined.ambiguous_rows == {"a.png": ("one/a", "two/a")}
    joined = join_catalogue(sources, read_catalogue(table(tmp_path, "file,c\none/a.png,1\none/a,2\nz,3\n")))
    assert joined.table["c"].to_pylist() == [None, None, None]
    assert joined.ambiguous_sources == {"one/a": ("one/a.png", "one/a")}
    assert join_notes(joined, "its column 'file'", 3) == [
        "The catalogue was joined by its column 'file': 0 of 3 images have a row.",
        "2 images have no row in the catalogue: two/a, b.",
        "1 row of the catalogue belongs to no image: z.",
        "1 image fits several rows and was given none: one/a (one/a.png, one/a).",
    ]


def test_another_object_is_never_joined(tmp_path: Path) -> None:
    names = ["J0013+0951.fits", "J0013-0951.fits", "a b.fits", "UPPER.fits", "1.fits", "αCen.fits", "e\u0301.fits"]
    keys = ["J0013 0951", "J0013-0951", "a-b", "upper", "0001", "βCen", "\u00e9", "x-J0013+0951"]
    text = "name,c\n" + "".join(f"{key},{row}\n" for row, key in enumerate(keys))
    joined = join_catalogue(sources_of(tmp_path, *names), read_catalogue(table(tmp_path, text)))
    assert joined.table["c"].to_pylist() == [None, 1, None, None, None, None, 6]
    assert joined.rows_without_source == ("J0013 0951", "a-b", "upper", "0001", "βCen", "x-J0013+0951")


def test_what_differs_in_its_writing_alone_is_told(tmp_path: Path) -> None:
    sources = sources_of(tmp_path, "ABC.png", "x.png", "J0013-0951.png", "other.png")
    rows = "name,c\nabc,1\nx.fits,2\nJ0013\u22120951,3\nz,4\n"
    joined = join_catalogue(sources, read_catalogue(table(tmp_path, rows)))
    assert joined.matched == 0
    said = join_notes(joined, "its column 'name'", 4)[-1]
    assert "abc (ABC), x.fits (x), J0013\u22120951 (J0013-0951)." in said


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "CSV"),
        ("path,c\n", {}, "no rows"),
        ("path,c\na,1\na,2\n", {}, "Rows 1 and 2"),
        ("path,c\n,1\n", {}, "Row 1"),
        ("path,c,c\na,1,2\n", {}, "twice"),
        ("x,y\n1,2\n", {}, "x, y"),
        ("path,c\na,1\n", {"key": "nope"}, "'nope'"),
        ("path,c\na,1,2,3\n", {}, "CSV"),
    ],
)
def test_wrong_catalogues(tmp_path: Path, text: str, options: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read_catalogue(table(tmp_path, text), **options)
    assert words in caught.value.message
    assert caught.value.reason == "CATALOGUE_INVALID"


def test_other_ways_to_give_a_catalogue(tmp_path: Path) -> None:
    assert read_catalogue(table(tmp_path, "path\tc\na\t1\n", "t.tsv")).columns == ("c",)
    assert read_catalogue(table(tmp_path, "x,path\nb,a\n"), key="x").key == "x"
    with pytest.raises(NotFoundError):
        read_catalogue(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"path,c\n\xff\xfe\x00,1\n")
    with pytest.raises(LseError):
        read_catalogue(tmp_path / "binary.csv")
    with pytest.raises(LseError):
        read_catalogue(tmp_path)


def test_identifiers_stay_exact(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "id,objid,hash,plate,flux,signed\n"
        "a,1237648720693755918,9235717715756009472,0266,1,+5\n"
        "b,1237648720693755919,9235717715756009473,0267,2.5,-05\n"
        "c,,,,,\n",
    )
    found = read_catalogue(path).table
    assert found.to_pydict() == {
        "id": ["a", "b", "c"],
        "objid": [1237648720693755918, 1237648720693755919, None],
        "hash": ["9235717715756009472", "9235717715756009473", None],
        "plate": ["0266", "0267", None],
        "flux": [1.0, 2.5, None],
        "signed": [5, -5, None],
    }


def test_parquet_keeps_types_units_and_meanings(tmp_path: Path) -> None:
    fields = [
        pa.field("name", pa.large_string()),
        ColumnMeaning("Velocity.", "km/s", "spect.dopplerVeloc").on(pa.field("v", pa.float32())),
        pa.field("n", pa.uint8()),
        pa.field("big", pa.uint64()),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
        pa.field("nothing", pa.null()),
    ]
    columns = [["a", "b"], [0.5, None], [1, None], [2**64 - 1, 1], ["x", None], [None, None]]
    pq.write_table(pa.table(columns, schema=pa.schema(fields)), tmp_path / "t.parquet")
    found = read_catalogue(tmp_path / "t.parquet")
    assert [str(field.type) for field in found.table.schema] == ["string", "double", "int64", "string", "string"]
    assert found.table["big"].to_pylist() == ["18446744073709551615", "1"]
    assert ColumnMeaning.of(found.table.field("v")) == ColumnMeaning("Velocity.", "km/s", "spect.dopplerVeloc")
    joined = join_catalogue(sources_of(tmp_path, "b.png", "c.png"), found).table
    assert ColumnMeaning.of(joined.field("v")).unit == "km/s"
    assert joined["kind"].to_pylist() == [None, None]
    pq.write_table(pa.table({"name": ["a"], "v": [[1.0]]}), tmp_path / "lists.parquet")
    with pytest.raises(InvalidArgumentError, match=r"'v' .* is of the type list"):
        read_catalogue(tmp_path / "lists.parquet")
