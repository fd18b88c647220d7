"""The catalogue of a dataset: a table with one row per image, of which one column identifies the image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lse.columns import ColumnMeaning, parsed, plain, texts
from lse.errors import InvalidArgumentError, NotFoundError
from lse.kinds import TEXT, kind_of
from lse.regular_files import read_regular_file
from lse.tables.files import FileTable, TableError, read_table
from lse.tables.positions import Positions, find_positions

__all__ = ["Catalogue", "catalogue_columns", "normal_key", "read_catalogue"]

_KEYS = (
    "path",
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "name",
    "id",
    "object_id",
    *("image_name", "image_id", "source_id", "source_name", "target_id", "galaxy_id"),
    *("objid", "obj_id", "objectid", "sourceid", "targetid", "designation"),
)
# Empty values of tables of text: as pandas has them, and in columns of other kinds than text also those that people
# write for a value that is not known.
_MISSING = frozenset({"NA", "N/A", "n/a", "#N/A", "null", "NULL", "nan", "NaN", "-nan", "-NaN", "<NA>"})
_SAID_MISSING = frozenset(
    {
        *(
            "-",
            "--",
            "---",
            "----",
            "...",
            "..",
            "…",
            "?",
            "*",
            "n/d",
            "N/D",
            "nd",
            "ND",
            "n.d.",
            "none",
            "None",
            "NONE",
        ),
        *("Null", "na", "Nan", "NAN", "masked", "missing", "unknown", "—", "–"),
    }
)
_SHOWN_COLUMNS = 20
_MOST_BYTES = 4 * 2**30


@dataclass(frozen=True)
class Catalogue:
    """A table about images.

    Attributes
    ----------
    key
        Name of the column that identifies the image; empty of a catalogue that is joined by position.
    table
        All columns, each of the Arrow type of its kind (`lse.kinds.KINDS`), the key always text; missing values are
        null. Units, UCDs and descriptions are metadata of the fields (`lse.columns.ColumnMeaning`).
    notes
        What was understood and what was left out, a sentence each.
    """

    key: str
    table: pa.Table
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns beside the key."""
        return tuple(name for name in self.table.column_names if not self.key or name != self.key)


def read_catalogue(
    path: str | Path, *, key: str | None = None, keyed: bool = True, within: Sequence[Path] | None = None
) -> Catalogue:
    """Read a table of any format that `lse.tables.files.read_table` knows.

    A column of a table without types is of the first kind as which all its values can be read exactly, see
    `lse.columns.parsed`; words for a missing value, such as ``n/d`` or ``--``, are missing in columns of numbers, dates
    and truth values.  Positions in the columns of any usual name become ``ra_deg`` and ``dec_deg``, see
    `lse.tables.positions`.

    Parameters
    ----------
    path
        The file.
    key
        Column that identifies the image; when not given the first of ``path``, ``file``, ``filename``, ``image``,
        ``name``, ``id`` and their like that the table has, whatever their case.
    keyed
        Whether it needs one; of a catalogue that is joined by position no column does.
    within
        Folders and files, without links, that a link must not lead out of; not given: anywhere.

    Raises
    ------
    NotFoundError
        ``CATALOGUE_NOT_FOUND``.
    InvalidArgumentError
        ``CATALOGUE_INVALID``: no such table, no such key column, a column twice, one of a type that is not read, no
        row, a row without key or a key twice; ``POSITIONS_AMBIGUOUS``.
    """
    path = Path(path).expanduser()
    found = _file_table(path, within)
    chosen = _key(found.table.column_names, key, path.name) if keyed else ""
    table, notes = _typed(found, chosen, path.name)
    positions = find_positions(table.drop_columns([chosen]) if keyed else table, path.name)
    if positions is not None:
        table = _with_positions(table, positions) if np.isfinite(positions.ra_deg).any() else table
        notes += positions.notes
    if keyed:
        _check_keys(table, chosen, path.name)
    return Catalogue(key=chosen, table=table, notes=(*found.notes, *notes))


def catalogue_columns(path: str | Path, *, within: Sequence[Path] | None = None) -> tuple[tuple[str, ...], int]:
    """Names of the columns of a table, as it has them, and the number of its rows; errors as of `read_catalogue`."""
    table = _file_table(Path(path).expanduser(), within).table
    return tuple(table.column_names), table.num_rows


def _file_table(path: Path, within: Sequence[Path] | None) -> FileTable:
    try:
        return read_table(read_regular_file(path, most_bytes=_MOST_BYTES, within=within))
    except FileNotFoundError as error:
        message = f"The catalogue {path} does not exist: check the path."
        raise NotFoundError(message, reason="CATALOGUE_NOT_FOUND", path=path) from error
    except (OSError, TableError) as error:
        detail = f"cannot be opened ({error.strerror})" if isinstance(error, OSError) else str(error)
        message = f"The catalogue {path.name} {detail}."
        raise InvalidArgumentError(message, reason="CATALOGUE_INVALID", path=path) from error


def _typed(found: FileTable, key: str, name: str) -> tuple[pa.Table, list[str]]:
    """Columns of a file, each of the type of its kind, and what was taken as missing in them."""
    fields, columns, notes = [], [], list[str]()
    for field, values in zip(found.table.schema, found.table.columns, strict=True):
        if key and field.name == key:
            typed = texts(values)
        elif values.null_count == len(values):
            continue  # says nothing, not even its type
        else:
            typed, words = (plain(values), {}) if found.typed else _parsed(values)
            if words:
                shown = ", ".join(repr(word) for word in words)
                count = sum(words.values())
                said = "value was" if count == 1 else "values were"
                notes.append(f"{count} {said} taken as missing in the catalogue's column {field.name!r}: {shown}.")
        if typed is None:
            message = (
                f"The column {field.name!r} of the catalogue {name} is of the type {field.type}, which is not "
                "read: leave it out or write it as numbers or text."
            )
            raise InvalidArgumentError(message, reason="CATALOGUE_INVALID", column=field.name)
        fields.append(ColumnMeaning.of(field).on(pa.field(field.name, typed.type)))
        columns.append(typed)
    return pa.table(columns, schema=pa.schema(fields)), notes


def _parsed(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, dict[str, int]]:
    """Column of texts in the type of its kind, and which words were taken as missing how often."""
    found, words = _without(values, _MISSING)
    if kind_of(found.type) is TEXT:
        other, more = _without(values, _MISSING | _SAID_MISSING)
        if kind_of(other.type) is not TEXT:
            return other, more
    return found, words


def _without(values: pa.ChunkedArray, words: frozenset[str]) -> tuple[pa.ChunkedArray, dict[str, int]]:
    missing = pc.is_in(values, value_set=pa.array(sorted(words)))
    counts = pc.value_counts(values.filter(missing)).to_pylist()
    found = parsed(pc.if_else(missing, pa.scalar(None, pa.string()), values))
    return found, {each["values"]: each["counts"] for each in counts}


def _with_positions(table: pa.Table, positions: Positions) -> pa.Table:
    """Table with the columns ``ra_deg`` and ``dec_deg``, in place of those that it has under these names."""
    for column, values, ucd in (
        ("ra_deg", positions.ra_deg, "pos.eq.ra;meta.main"),
        ("dec_deg", positions.dec_deg, "pos.eq.dec;meta.main"),
    ):
        field = ColumnMeaning("", "deg", ucd).on(pa.field(column, pa.float64()))
        array = pa.array(values, mask=np.isnan(values))
        if column in table.column_names:
            table = table.set_column(table.column_names.index(column), field, array)
        else:
            table = table.append_column(field, array)
    return table


def _key(columns: Sequence[str], wanted: str | None, name: str) -> str:
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        message = f"The catalogue {name} has the column {twice!r} twice: rename one."
        raise InvalidArgumentError(message, reason="CATALOGUE_INVALID", column=twice)
    if wanted is not None:
        if wanted in columns:
            return wanted
        message = f"The catalogue {name} has no column {wanted!r}: it has {_listed(columns)}."
        raise InvalidArgumentError(message, reason="CATALOGUE_INVALID", column=wanted)
    lower = {column.strip().lower(): column for column in reversed(columns)}
    for candidate in _KEYS:
        if candidate in lower:
            return lower[candidate]
    message = (
        f"The catalogue {name} has no column that identifies the image, such as path, filename, name or id: say which "
        f"one does (catalogue_key, --catalogue-key); it has {_listed(columns)}."
    )
    raise InvalidArgumentError(message, reason="CATALOGUE_INVALID")


def _listed(columns: Sequence[str]) -> str:
    """Names of columns; nothing is quoted of a file that may be no table at all."""
    if len(columns) < 2 or not all(re.match(r"[^\W\d]|$", column) for column in columns):
        return f"{len(columns)} columns" if len(columns) > 1 else "one column"
    more = ", …" if len(columns) > _SHOWN_COLUMNS else ""
    return ", ".join(column[:40] for column in columns[:_SHOWN_COLUMNS]) + more


def _check_keys(table: pa.Table, key: str, name: str) -> None:
    if not table.num_rows:
        message = f"The catalogue {name} has no rows below its header."
        raise InvalidArgumentError(message, reason="CATALOGUE_INVALID")
    first: dict[str, int] = {}
    for row, value in enumerate(table[key].to_pylist(), start=1):
        if value is None or not value.strip():
            message = f"Row {row} of the catalogue {name} has no {key!r}: give every row the image that it is about."
            raise InvalidArgumentError(message, reason="CATALOGUE_INVALID", row=row)
        before = first.setdefault(normal_key(value), row)
        if before != row:
            message = f"Rows {before} and {row} of the catalogue {name} both are about {value!r}: keep one."
            raise InvalidArgumentError(message, reason="CATALOGUE_INVALID", row=row, key=value)


def normal_key(key: str) -> str:
    """Key of a row as paths are compared: with ``/``, without spaces around it or a leading ``./``."""
    return key.strip().replace("\\", "/").removeprefix("./")
