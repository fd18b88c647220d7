"""Tables of text: CSV and its like, with any usual separator, encoding and comments."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa

from lse.columns import ColumnMeaning
from lse.tables.files.file_table import FileTable, TableError

__all__ = ["decoded", "read_delimited"]

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_TRIED_LINES = 100
_BLOCK = 65536
_SHOWN = 5
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_FORTRAN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[dD][+-]?\d+")
_WRITTEN = str.maketrans({",": ".", "d": "e", "D": "e"})


def read_delimited(content: bytes) -> FileTable:
    """Read a table of text with a header line, all columns as text.

    Columns are separated by commas, semicolons, tabs, bars or spaces, whichever divides the first lines evenly; spaces
    around values are not part of them.  Lines that begin with ``#`` are comments, of which the last before the data may
    be the header.  A line with more or fewer values than the header is left out and told, since no one knows which
    value belongs where.

    Raises
    ------
    TableError
        If the lines do not agree on any number of columns.
    """
    text, notes = decoded(content)
    lines = text.splitlines(keepends=True)
    header_comment = _commented_header(lines)
    body = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if header_comment is not None:
        body.insert(0, header_comment)
    if not body:
        raise TableError("it has no header line")
    separator = _separator(body[: _TRIED_LINES + 1])
    rows = _rows(body, separator)
    names = [name.strip() for name in next(rows)]
    open_end = len(names) > 1 and not names[-1]  # every line ends with a separator
    columns, ragged, count = _columns(rows, len(names), spaced=separator == " ")
    columns, units = _without_units(columns)
    if units:
        notes.append("The line below the header of the catalogue was read as units.")
    if ragged and 2 * len(ragged) >= count:
        raise TableError(f"{len(ragged)} of its {count} lines have more or fewer values than its header has columns")
    if ragged:
        shown = ", ".join(f"{line} ({values} values)" for line, values in ragged[:_SHOWN])
        more = ", …" if len(ragged) > _SHOWN else ""
        said = "row was" if len(ragged) == 1 else "rows were"
        notes.append(
            f"{len(ragged)} {said} left out of the catalogue for having more or fewer than its {len(names)} values: "
            f"{shown}{more}."
        )
    if open_end and not any(column.null_count < len(column) for column in columns[-1:]):
        names, columns = names[:-1], columns[:-1]
    columns = [_with_points(column, commas=separator == ";") for column in columns]
    fields = [
        ColumnMeaning(unit=units.get(place, "")).on(pa.field(name, pa.string())) for place, name in enumerate(names)
    ]
    return FileTable(pa.table(columns, schema=pa.schema(fields)), "text", typed=False, notes=tuple(notes))


def decoded(content: bytes) -> tuple[str, list[str]]:
    """Text of a file in UTF-8, UTF-16 or Latin-1, and what had to be assumed, a sentence each."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), []
    head = content[:4096]
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 3 and head[place::2].count(0) > len(head) // 4 and not head[1 - place :: 2].count(0):
            return content.decode(name, "replace"), ["The catalogue was read as UTF-16."]
    if b"\0" in head:
        raise TableError("it is not text")
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), ["The catalogue is not UTF-8 and was read as Latin-1."]


def _commented_header(lines: Sequence[str]) -> str | None:
    """The comment before the first line of data where it is the header: as many words, none a number."""
    comments: list[str] = []
    for line in lines:
        if line.lstrip().startswith("#"):
            comments.append(line.lstrip().lstrip("#").strip())
        elif line.strip():
            if not comments:
                return None
            separator = _separator([comments[-1], line])
            header, first = (next(_rows([each], separator), []) for each in (comments[-1], line))
            data = any(_NUMBER.fullmatch(word.strip()) for word in first)
            named = len(header) > 1 and all(header) and not any(_NUMBER.fullmatch(word.strip()) for word in header)
            return comments[-1] + "\n" if data and named and len(header) == len(first) else None
    return None


def _separator(lines: Sequence[str]) -> str:
    """The separator that divides most lines into as many values as the header, and the header into most."""
    best, score = ",", (0.0, 0)
    for separator in _SEPARATORS:
        try:
            rows = list(_rows(lines, separator))
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        found = (sum(len(row) == width for row in rows) / max(len(rows), 1), width)
        # Spaces divide any text: they count only where nothing else divides the header.
        if width > 1 and found > score and (separator != " " or score[1] < 2):
            best, score = separator, found
    return best


def _rows(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    if separator == " ":
        lines = (line.replace("\t", " ").strip() + "\n" for line in lines)
    csv.field_size_limit(2**31 - 1)
    return csv.reader(lines, delimiter=separator, skipinitialspace=separator != "\t")


def _columns(
    rows: Iterator[list[str]], width: int, *, spaced: bool
) -> tuple[list[pa.ChunkedArray], list[tuple[int, int]], int]:
    """Columns of text, empty values null; number and length of each row of another width; number of rows."""
    chunks: list[list[pa.Array]] = [[] for _ in range(width)]
    ragged: list[tuple[int, int]] = []
    count = 0
    try:
        while block := list(islice(rows, _BLOCK)):
            kept = []
            for row in block:
                count += 1
                if len(row) == width:
                    kept.append(row)
                elif len(row) == width + 1 and not row[-1].strip() and not spaced:
                    kept.append(row[:-1])
                elif any(map(str.strip, row)):
                    ragged.append((count, len(row)))
            values = zip(*kept, strict=True) if kept else [()] * width
            for chunk, column in zip(chunks, values, strict=True):
                chunk.append(pa.array([value.strip() or None for value in column], pa.string()))
    except csv.Error as error:
        raise TableError(f"its row {count + 1} cannot be divided into values") from error
    return [pa.chunked_array(chunk, pa.string()) for chunk in chunks], ragged, count


def _without_units(columns: list[pa.ChunkedArray]) -> tuple[list[pa.ChunkedArray], dict[int, str]]:
    """Columns without the lines that some files have below the header, and the units that these gave, by column.

    Such are a line of dashes, as VizieR writes it below one of units, and a line of units over columns of numbers.
    """
    lines = [[column[place].as_py() for column in columns] for place in range(min(2, len(columns[0])))]
    dashes = next((place for place, line in enumerate(lines) if all(word and not word.strip("-") for word in line)), -1)
    if dashes >= 0:
        units = lines[0] if dashes else []
    elif lines and _are_units(lines[0], columns):
        dashes, units = 0, lines[0]
    else:
        return columns, {}
    named = {place: unit.strip("\"'") for place, unit in enumerate(units) if unit}
    return [column[dashes + 1 :] for column in columns], named


def _are_units(line: Sequence[str | None], columns: Sequence[pa.ChunkedArray]) -> bool:
    """Whether the words of a line are units, each over a column with numbers below it and nothing else."""
    from astropy.units import Unit  # loaded where a line without a number stands over the others

    words = [(word, column) for word, column in zip(line, columns, strict=True) if word]
    if not words or any(_NUMBER.fullmatch(word) for word, _ in words):
        return False
    for word, column in words:
        below = [value for value in column[1 : _TRIED_LINES + 1].to_pylist() if value]
        try:
            Unit(word)
        except (ValueError, TypeError):
            return False
        if not below or not all(_NUMBER.fullmatch(value) for value in below):
            return False
    return True


def _with_points(column: pa.ChunkedArray, *, commas: bool) -> pa.ChunkedArray:
    """Column of numbers as they are usual: decimal commas, if asked, and exponents of Fortran (``1.5D3``) replaced."""
    values = [value for value in column.to_pylist() if value is not None]
    other = _DECIMAL_COMMA if commas and not any("." in value for value in values) else _FORTRAN
    found = [bool(other.fullmatch(value)) for value in values]
    if not any(found) or not all(one or _NUMBER.fullmatch(value) for one, value in zip(found, values, strict=True)):
        return column
    return pa.chunked_array([[value and value.translate(_WRITTEN) for value in column.to_pylist()]], pa.string())
