"""Finding sources, naming them and joining a catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.ingestion.sources import Source, find_sources, join_catalogue, read_catalogue
from lse.ingestion.sources.files import _name
from lse.platform.errors import InvalidArgumentError, LseError, NotFoundError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_folders_are_walked_in_order_without_hidden_files_and_sidecars(tmp_path: Path) -> None:
    names = ["b/2.png", "b/1.PNG", "a/x.fits.gz", "a/odd", "a/table.dat"]
    touch(*(tmp_path / name for name in names))
    touch(
        *(
            tmp_path / name
            for name in ("catalogue.csv", "README.md", ".hidden.png", ".git/x.png", "b/notes.txt", "own.dat")
        )
    )
    sources = find_sources([str(tmp_path)], exclude=[tmp_path / "own.dat"])
    assert [source.relative for source in sources] == ["a/odd", "a/table.dat", "a/x.fits.gz", "b/1.PNG", "b/2.png"]
    assert [source.name for source in sources] == ["a-odd", "a-table.dat", "a-x", "b-1", "b-2"]
    assert find_sources([str(tmp_path / "catalogue.csv")])[0].relative == "catalogue.csv"


def test_alike_names_are_told_apart_the_same_way_each_time(tmp_path: Path) -> None:
    touch(tmp_path / "one/x.png", tmp_path / "one/X.png", tmp_path / "one/x.fits", tmp_path / "two/x.png")
    both = [tmp_path / "one", tmp_path / "two"]
    first = find_sources(both)
    assert find_sources(both) == first
    assert len({source.name for source in first}) == 4
    assert [source.relative for source in first] == ["one/X.png", "one/x.fits", "one/x.png", "two/x.png"]
    assert len(find_sources([tmp_path / "one", tmp_path / "one/x.png"])) == 3


def test_missing_and_empty_sources(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        find_sources([str(tmp_path / "absent")])
    touch(tmp_path / "readme.md")
    for paths in ([str(tmp_path)], []):
        with pytest.raises(InvalidArgumentError) as caught:
            find_sources(paths)
        assert caught.value.reason == "NO_SOURCES"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=300), max_size=20))
def test_names_are_unique_short_and_plain(relatives: list[str]) -> None:
    taken: set[str] = set()
    names = [_name(relative, taken) for relative in relatives]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)
        assert len(name) <= 200


def sources_of(folder: Path, *relatives: str) -> list[Source]:
    touch(*(folder / relative for relative in relatives))
    return find_sources([folder])


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
    assert joined.metadata["007"] == {
        "n": 1,
        "z": 0.5,
        "ok": True,
        "kind": "FRI",
        "when": "2020-01-01",
        "code": "0012x",
    }
    assert joined.metadata["008"] == {"n": 2, "z": 1.0, "ok": False, "when": "2021-01-01", "code": "5"}
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
        "sub-a",
        "survey/images/sub/a.png",
    ],
)
def test_a_row_finds_its_image_however_it_is_written(tmp_path: Path, key: str) -> None:
    sources = sources_of(tmp_path / "survey/images", "sub/a.png", "sub/b.png")
    joined = join_catalogue(sources, read_catalogue(table(tmp_path, f"path,class\n{key},disc\nelsewhere/b.png,ring\n")))
    assert joined.metadata == {"sub-a": {"class": "disc"}}
    assert joined.sources_without_row == ("sub-b",)
    assert joined.rows_without_source == ("elsewhere/b.png",)


def test_ambiguous_rows_are_refused(tmp_path: Path) -> None:
    sources = sources_of(tmp_path / "images", "one/a.png", "two/a.png")
    with pytest.raises(InvalidArgumentError, match="fits 2 images"):
        join_catalogue(sources, read_catalogue(table(tmp_path, "file,c\na.png,1\n")))
    with pytest.raises(InvalidArgumentError, match="both belong"):
        join_catalogue(sources, read_catalogue(table(tmp_path, "file,c\none/a.png,1\none/a,2\n")))


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
    assert caught.value.reason == "INVALID_CATALOGUE"


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
