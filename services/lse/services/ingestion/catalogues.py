"""Catalogues of people, read for ingestion in a child with limits, and how they would be joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from lse.errors import InvalidArgumentError
from lse.images.sources import Source
from lse.platform.guarded.reading import Reading
from lse.progress import ShouldStop
from lse.services.ingestion.sent_files import sources_within
from lse.services.ingestion.sky_match import checked_radius
from lse.tables.catalogue import Catalogue, catalogue_columns, read_catalogue
from lse.tables.join import join_catalogue, join_notes

__all__ = ["AskedCatalogue", "JoinPreview", "own_catalogue", "preview_join", "preview_sent_join"]

T = TypeVar("T")


@dataclass(frozen=True)
class AskedCatalogue:
    """A catalogue as a request names it.

    Attributes
    ----------
    path
        Its file on this machine.
    key
        Column that identifies the image; empty where it is found by its name.
    radius_arcsec
        Largest separation where it is joined by position, 0 where it is not.
    """

    path: Path
    key: str = ""
    radius_arcsec: float = 0.0


@dataclass(frozen=True)
class JoinPreview:
    """How a catalogue would be joined.

    Attributes
    ----------
    key
        Column that identifies the image; empty where none does.
    columns
        Names of all columns, as the file has them.
    row_count
        Number of rows.
    matched_count
        Number of images with a row; None where it is joined by position, or not at all.
    notes
        What was understood and what fits nothing, a sentence each.
    problem
        Why it cannot be joined like this; empty where it can.
    """

    key: str
    columns: tuple[str, ...]
    row_count: int
    matched_count: int | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""


def own_catalogue(reading: Reading, asked: AskedCatalogue, *, should_stop: ShouldStop = lambda: False) -> Catalogue:
    """Read a catalogue; for its errors see `lse.tables.catalogue.read_catalogue`."""
    keyed = bool(asked.key or not asked.radius_arcsec)
    read = partial(read_catalogue, key=asked.key or None, keyed=keyed)
    return _guarded(reading, asked.path, read, should_stop=should_stop)


def preview_join(reading: Reading, asked: AskedCatalogue, sources: Sequence[Source]) -> JoinPreview:
    """See how a catalogue would be joined to some sources, or why it cannot be, and what there is to choose from.

    Raises
    ------
    InvalidArgumentError, NotFoundError
        ``CATALOGUE_INVALID``, ``CATALOGUE_NOT_FOUND``: it is no table at all; ``RADIUS_OUT_OF_RANGE``.
    """
    checked_radius(asked.radius_arcsec)
    columns, count = _guarded(reading, asked.path, catalogue_columns)
    try:
        catalogue = own_catalogue(reading, asked)
    except InvalidArgumentError as error:
        return JoinPreview("", columns, count, problem=error.message)
    if asked.radius_arcsec:
        if "ra_deg" not in catalogue.table.column_names:
            problem = "The catalogue has no columns of positions: choose the column that identifies the image."
            return JoinPreview("", columns, count, notes=catalogue.notes, problem=problem)
        return JoinPreview("", columns, count, notes=catalogue.notes)
    joined = join_catalogue(sources, catalogue)
    notes = (*catalogue.notes, *join_notes(joined, f"its column {catalogue.key!r}", len(sources)))
    return JoinPreview(catalogue.key, columns, count, joined.matched, notes)


def preview_sent_join(reading: Reading, asked: AskedCatalogue, file_name: str, paths: Sequence[str]) -> JoinPreview:
    """See how a catalogue would be joined to the images of a file that is sent, given their paths in it."""
    return preview_join(reading, asked, sources_within(file_name, paths))


def _guarded(reading: Reading, path: Path, read: Callable[..., T], *, should_stop: ShouldStop = lambda: False) -> T:
    size = path.stat().st_size if path.exists() else 0
    found: T = reading.call(
        partial(read, within=(path.resolve(), *reading.folders)),
        path,
        what=f"The catalogue {path.name}",
        input_bytes=size,
        should_stop=should_stop,
    )
    return found
