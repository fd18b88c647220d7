"""Finding sources and naming them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError, NotFoundError
from lse.images.sources import find_sources, folder_classes, names_of


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
    assert [source.name for source in sources] == ["a/odd", "a/table.dat", "a/x", "b/1", "b/2"]
    assert find_sources([str(tmp_path / "catalogue.csv")])[0].relative == "catalogue.csv"


def test_alike_names_are_told_apart_the_same_way_each_time(tmp_path: Path) -> None:
    touch(tmp_path / "one/x.png", tmp_path / "one/X.png", tmp_path / "one/x.fits", tmp_path / "two/x.png")
    both = [tmp_path / "one", tmp_path / "two"]
    first = find_sources(both)
    assert find_sources(both) == first
    assert [source.name for source in first] == ["one/X", "one/x.fits", "one/x.png", "two/x"]
    assert [source.relative for source in first] == ["one/X.png", "one/x.fits", "one/x.png", "two/x.png"]
    assert len(find_sources([tmp_path / "one", tmp_path / "one/x.png"])) == 3


def test_missing_and_empty_sources(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        find_sources([str(tmp_path / "absent")])
    touch(tmp_path / "readme.md")
    for paths in ([str(tmp_path)], []):
        with pytest.raises(InvalidArgumentError) as caught:
            find_sources(paths)
        assert caught.value.reason == "SOURCES_MISSING"


def test_a_name_keeps_what_tells_its_file_apart(tmp_path: Path) -> None:
    names = [
        *("J0013+0951", "J0013-0951", "NGC 1", "ngc 1", "0001", "1", "x.y.z", "α Cen", "é", "e\u0301", "#1%20x&y=?"),
        *("lon+17.5_b-17.5", "quote'\"", "-dash", "☆", "☾", "SDSS J120000.00+013000.0"),
    ]
    touch(*(tmp_path / f"{name}.fits" for name in names), tmp_path / "UPPER.PNG", tmp_path / "noext")
    found = {source.relative: source.name for source in find_sources([tmp_path])}
    assert found == {f"{name}.fits": name for name in names} | {"UPPER.PNG": "UPPER", "noext": "noext"}


def test_file_names_that_are_no_text_are_spelled_out(tmp_path: Path) -> None:
    for name in (b"caf\xe9.png", b"caf\\xe9.png", b"\xff\xfe.fits"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    found = find_sources([tmp_path])
    assert sorted(source.name for source in found) == ["\\xff\\xfe", "caf\\xe9 (2)", "caf\\xe9 (3)"]
    for source in found:
        source.name.encode()
        source.relative.encode()
        assert source.path.is_file()


def test_added_files_take_names_that_are_free() -> None:
    files = {Path("/new/a.fits"): "a.fits", Path("/new/b.fits"): "b.fits", Path("/new/c.fits"): "c.fits"}
    assert names_of(files, ["a", "b", "b.fits"]) == ["a.fits", "/new/b.fits", "c"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=300), max_size=20, unique=True))
def test_names_are_unique(relatives: list[str]) -> None:
    names = names_of({Path(f"/{number}", relative): relative for number, relative in enumerate(relatives)})
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("relatives", "classes"),
    [
        (["a/1.png", "a/2.png", "b/3.png", "b/1.png"], ["a", "a", "b", "b"]),
        (["train/a/1.png", "train/a/2.png", "train/b/3.png", "test/b/4.png"], ["b", "a", "a", "b"]),
        (["a/1.png", "a/2.png", "3.png", "b/1.png"], None),
        (["1.png", "2.png"], None),
        (["a/1.png", "a/2.png"], None),
        (["o1/g.fits", "o1/r.fits", "o2/g.fits", "o2/r.fits"], None),
        (["o1/ch1.fits", "o1/ch2.fits", "o2/ch1.fits", "o2/ch2.fits"], None),
        (["a/x1.png", "a/x2.png", "b/x1.png", "b/x2.png"], ["a", "a", "b", "b"]),
        (["a/001.png", "a/002.png", "b/001.png", "b/002.png"], ["a", "a", "b", "b"]),
        (["a/1.png", "b/2.png", "c/3.png"], None),
    ],
)
def test_a_folder_a_class(tmp_path: Path, relatives: list[str], classes: list[str] | None) -> None:
    touch(*(tmp_path / relative for relative in relatives))
    assert folder_classes(find_sources([tmp_path])) == classes
