"""Joining a catalogue to the inputs of a dataset by path, file name or stem, exactly."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath, PurePosixPath
from typing import Protocol

import pyarrow as pa

from lse.tables.catalogue import Catalogue, normal_key

__all__ = ["JoinedCatalogue", "Source", "join_catalogue", "join_notes", "rows_for"]

_SHOWN = 5
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
_SUFFIXES = {".fits", ".fit", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}  # that one writes for another


class Source(Protocol):
    """An input of a dataset, which a row of a catalogue may be about."""

    @property
    def name(self) -> str:
        """Its name in the dataset."""

    @property
    def path(self) -> PurePath:
        """Absolute path of its file."""

    @property
    def relative(self) -> str:
        """Path below the folder that was given, with ``/``."""

    @property
    def stem(self) -> str:
        """Name of its file without suffix."""

    @property
    def called(self) -> str:
        """What people know its file by, where that is not its path."""


@dataclass(frozen=True)
class JoinedCatalogue:
    """A catalogue brought together with the sources.

    Attributes
    ----------
    table
        The catalogue's columns beside the key, one row per source in their order; null where it has no row.
    sources_without_row
        Names of the sources that the catalogue does not have.
    rows_without_source
        Keys of the rows that belong to no source.
    ambiguous_rows
        Keys of the rows that fit several sources, each with these; none of them is joined.
    ambiguous_sources
        Names of the sources that several rows fit, each with their keys; they are left without a row.
    alike
        Keys of rows that belong to no source, each with the source without a row whose name is written almost so: they
        differ in case, suffix or kind of dash.
    matched
        Number of sources with a row.
    """

    table: pa.Table
    sources_without_row: tuple[str, ...] = ()
    rows_without_source: tuple[str, ...] = ()
    ambiguous_rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ambiguous_sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    alike: Mapping[str, str] = field(default_factory=dict)
    matched: int = 0


def join_catalogue(sources: Sequence[Source], catalogue: Catalogue) -> JoinedCatalogue:
    """Find the row of every source.

    A key matches a source when it is the end of its path (``b.png`` and ``a/b.png`` for ``/x/a/b.png``), with or
    without the image's suffix, or when the source's relative path is the end of the key (a catalogue written one folder
    higher).  Nothing else matches: case, signs and dots differ, and only canonically equivalent Unicode is one text.
    What fits several ways is joined in none.
    """
    keys: list[str] = catalogue.table[catalogue.key].to_pylist()
    index = _Index(sources)
    fitting = [index.find(normal_key(key)) for key in keys]
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row, found in enumerate(fitting):
        for number in found:
            rows_of[number].append(row)
    matches = {number: rows[0] for number, rows in rows_of.items() if len(rows) == 1 and len(fitting[rows[0]]) == 1}
    clashing = {number: rows for number, rows in rows_of.items() if len(rows) > 1}
    names = [source.name for source in sources]
    alone = tuple(name for number, name in enumerate(names) if number not in rows_of)
    unused = tuple(key for key, found in zip(keys, fitting, strict=True) if not found)
    return JoinedCatalogue(
        table=rows_for(catalogue, [matches.get(number) for number in range(len(sources))]),
        sources_without_row=alone,
        rows_without_source=unused,
        alike=_alike(unused, alone),
        ambiguous_rows={
            key: tuple(names[number] for number in found)
            for key, found in zip(keys, fitting, strict=True)
            if len(found) > 1
        },
        ambiguous_sources={names[number]: tuple(keys[row] for row in rows) for number, rows in clashing.items()},
        matched=len(matches),
    )


def rows_for(catalogue: Catalogue, rows: Sequence[int | None]) -> pa.Table:
    """Columns of a catalogue beside its key, in some rows; null where a row is None."""
    return catalogue.table.select(list(catalogue.columns)).take(pa.array(rows, pa.int64()))


def join_notes(joined: JoinedCatalogue, how: str, count: int) -> list[str]:
    """What became of the rows and the images, a sentence each.

    Parameters
    ----------
    joined
        The join.
    how
        By what it was joined, such as ``its column 'name'``.
    count
        Number of images.
    """
    notes = [f"The catalogue was joined by {how}: {joined.matched} of {count} images have a row."]
    unfitting = {
        "image has no row in the catalogue|images have no row in the catalogue": joined.sources_without_row,
        "row of the catalogue belongs to no image|rows of the catalogue belong to no image": joined.rows_without_source,
        "row fits several images and was not joined|rows fit several images and were not joined": _each(
            joined.ambiguous_rows
        ),
        "image fits several rows and was given none|images fit several rows and were given none": _each(
            joined.ambiguous_sources
        ),
    }
    for words, found in unfitting.items():
        one, many = words.split("|")
        if found:
            notes.append(f"{len(found)} {one if len(found) == 1 else many}: {', '.join(_few(found))}.")
    if joined.alike:
        said = ", ".join(_few([f"{key} ({name})" for key, name in joined.alike.items()]))
        notes.append(
            f"Rows that were not joined to images of almost the same name: {said}. Write them alike if they are."
        )
    return notes


def _alike(keys: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Keys and names of images that differ in case, suffix or kind of dash only."""
    written = {_loosely(name): name for name in names}
    return {key: written[loose] for key in keys if (loose := _loosely(key)) in written}


def _loosely(text: str) -> str:
    path = PurePosixPath(_canonical(text).casefold().translate(_DASHES))
    return str(path.with_suffix("") if path.suffix in _SUFFIXES else path)


def _each(found: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{one} ({', '.join(_few(many))})" for one, many in found.items()]


def _few(names: Sequence[str]) -> list[str]:
    return [*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])]


class _Index:
    """Sources by the names of their files."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._by_file: defaultdict[str, list[int]] = defaultdict(list)
        self._by_text: defaultdict[str, list[int]] = defaultdict(list)
        for number, source in enumerate(sources):
            for file in {source.stem, PurePosixPath(source.relative).name}:
                self._by_file[file].append(number)
                self._by_text[_canonical(file)].append(number)

    def find(self, key: str) -> list[int]:
        """Sources that a key fits: the one with this relative path, or all whose paths end or begin so."""
        wanted = PurePosixPath(key)
        fitting = [number for number in self._by_file.get(wanted.name, ()) if _fits(wanted, self._sources[number])]
        if not fitting:
            wanted = PurePosixPath(_canonical(key))
            alike = self._by_text.get(wanted.name, ())
            fitting = [number for number in alike if _fits(wanted, self._sources[number])]
        exact = [number for number in fitting if key in (self._sources[number].relative, self._sources[number].name)]
        return exact if len(exact) == 1 else fitting


def _canonical(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _fits(wanted: PurePosixPath, source: Source) -> bool:
    """Whether the folders of a key are the end of a source's, or the source's relative ones the end of the key's."""
    parents = tuple(map(_canonical, wanted.parent.parts))
    below = tuple(map(_canonical, PurePosixPath(source.relative).parent.parts))
    if source.called and not below:  # it was sent, without the folder that it was in
        return True
    above = tuple(map(_canonical, source.path.parent.parts))
    if len(parents) <= len(above) and above[len(above) - len(parents) :] == parents:
        return True
    return len(below) <= len(parents) and parents[len(parents) - len(below) :] == below and bool(below)
