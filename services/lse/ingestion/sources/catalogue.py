"""The catalogue of a dataset: a CSV table with a row for each image, joined by path, file name or name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import csv

from lse.ingestion.readers.image import MetadataValue
from lse.ingestion.sources.files import Source, stem
from lse.platform.errors import InvalidArgumentError, NotFoundError

__all__ = ["Catalogue", "JoinedCatalogue", "join_catalogue", "read_catalogue"]

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
)
_SHOWN = 3


@dataclass(frozen=True)
class Catalogue:
    """A table about images.

    Attributes
    ----------
    key
        Name of the column that tells the image.
    table
        All columns: int64, float64, bool or string, the key always string; missing values are null.
    """

    key: str
    table: pa.Table

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns beside the key."""
        return tuple(name for name in self.table.column_names if name != self.key)


@dataclass(frozen=True)
class JoinedCatalogue:
    """A catalogue brought together with the sources.

    Attributes
    ----------
    metadata
        The columns of its row for each source's name, missing values left out.
    sources_without_row
        Names of the sources that the catalogue does not have.
    rows_without_source
        Keys of the rows that belong to no source.
    """

    metadata: Mapping[str, Mapping[str, MetadataValue]]
    sources_without_row: tuple[str, ...]
    rows_without_source: tuple[str, ...]


def read_catalogue(path: str | Path, *, key: str | None = None) -> Catalogue:
    """Read a CSV table (or, by its suffix ``.tsv``, one with tabs) with a header line.

    The type of a column is what all its values agree on: whole numbers, numbers, true/false, else text.

    Parameters
    ----------
    path
        The file, in UTF-8.
    key
        Column that tells the image; when not given the first of ``path``, ``file``, ``filename``, ``image``, ``name``,
        ``id`` and their like that the table has, whatever their case.

    Raises
    ------
    NotFoundError
        ``CATALOGUE_NOT_FOUND``.
    InvalidArgumentError
        ``INVALID_CATALOGUE``: no CSV, no such key column, a column twice, no row, a row without key or a key twice.
    """
    path = Path(path).expanduser()
    parsing = csv.ParseOptions(delimiter="\t" if path.suffix.lower() == ".tsv" else ",", newlines_in_values=True)
    try:
        with path.open("rb") as file:
            head = csv.open_csv(file, parse_options=parsing).schema.names
        chosen = _key(head, key, path.name)
        types: dict[str, pa.DataType] = {chosen: pa.string()}
        table = _parse(path, parsing, types)
        # Dates would come as dates; all that is neither number nor truth value is text here.
        others = [field.name for field in table.schema if not _is_plain(field.type)]
        if others:
            table = _parse(path, parsing, types | dict.fromkeys(others, pa.string()))
    except FileNotFoundError as error:
        message = f"The catalogue {path} does not exist: check the path."
        raise NotFoundError(message, reason="CATALOGUE_NOT_FOUND", path=path) from error
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        detail = str(getattr(error, "strerror", None) or error).splitlines()[0].removeprefix("CSV parse error: ")
        message = f"The catalogue {path.name} cannot be read as CSV: {detail.rstrip('.')}."
        raise InvalidArgumentError(message, reason="INVALID_CATALOGUE", path=path) from error
    nulls = [field.name for field in table.schema if pa.types.is_null(field.type)]
    table = table.drop_columns(nulls)
    _check_keys(table, chosen, path.name)
    return Catalogue(key=chosen, table=table)


def _parse(path: Path, parsing: csv.ParseOptions, types: dict[str, pa.DataType]) -> pa.Table:
    # Words for truth: figures stay numbers.
    converting = csv.ConvertOptions(
        column_types=types,
        strings_can_be_null=True,
        true_values=["true", "True", "TRUE"],
        false_values=["false", "False", "FALSE"],
    )
    return csv.read_csv(path, parse_options=parsing, convert_options=converting)


def _is_plain(kind: pa.DataType) -> bool:
    checks = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_null)
    return any(check(kind) for check in checks)


def _key(columns: Sequence[str], wanted: str | None, name: str) -> str:
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        message = f"The catalogue {name} has the column {twice!r} twice: rename one."
        raise InvalidArgumentError(message, reason="INVALID_CATALOGUE", column=twice)
    if wanted is not None:
        if wanted in columns:
            return wanted
        message = f"The catalogue {name} has no column {wanted!r}: it has {', '.join(columns)}."
        raise InvalidArgumentError(message, reason="INVALID_CATALOGUE", column=wanted)
    lower = {column.strip().lower(): column for column in reversed(columns)}
    for candidate in _KEYS:
        if candidate in lower:
            return lower[candidate]
    message = (
        f"The catalogue {name} has no column that tells the image, such as path, filename, name or id: say which of "
        f"{', '.join(columns)} does."
    )
    raise InvalidArgumentError(message, reason="INVALID_CATALOGUE")


def _check_keys(table: pa.Table, key: str, name: str) -> None:
    if not table.num_rows:
        message = f"The catalogue {name} has no rows below its header."
        raise InvalidArgumentError(message, reason="INVALID_CATALOGUE")
    first: dict[str, int] = {}
    for row, value in enumerate(table[key].to_pylist(), start=1):
        if value is None or not value.strip():
            message = f"Row {row} of the catalogue {name} has no {key!r}: give every row the image that it is about."
            raise InvalidArgumentError(message, reason="INVALID_CATALOGUE", row=row)
        before = first.setdefault(_normal(value), row)
        if before != row:
            message = f"Rows {before} and {row} of the catalogue {name} both are about {value!r}: keep one."
            raise InvalidArgumentError(message, reason="INVALID_CATALOGUE", row=row, key=value)


def join_catalogue(sources: Sequence[Source], catalogue: Catalogue) -> JoinedCatalogue:
    """Find the row of every source.

    A key matches a source when it is the end of its path (``b.png`` and ``a/b.png`` for ``/x/a/b.png``), with or
    without the image's suffix, when the source's relative path is the end of the key (a catalogue written one folder
    higher), or when it is the source's name.  Upper and lower case differ.

    Raises
    ------
    InvalidArgumentError
        ``AMBIGUOUS_CATALOGUE`` when a row fits several sources or two rows fit one.
    """
    by_stem: defaultdict[str, list[Source]] = defaultdict(list)
    for each in sources:
        by_stem[stem(each.path.name)].append(each)
    by_name = {source.name: source for source in sources}
    names = catalogue.columns
    columns = [catalogue.table[column].to_pylist() for column in names]
    metadata: dict[str, dict[str, MetadataValue]] = {}
    taken_by: dict[str, str] = {}
    lonely: list[str] = []
    for row, key in enumerate(catalogue.table[catalogue.key].to_pylist()):
        source = _match(_normal(key), by_stem, by_name)
        if source is None:
            lonely.append(key)
            continue
        if source.name in taken_by:
            message = (
                f"The catalogue's rows {taken_by[source.name]!r} and {key!r} both belong to the image "
                f"{source.relative!r}: keep one."
            )
            raise InvalidArgumentError(message, reason="AMBIGUOUS_CATALOGUE", key=key)
        taken_by[source.name] = key
        metadata[source.name] = {
            name: values[row] for name, values in zip(names, columns, strict=True) if values[row] is not None
        }
    return JoinedCatalogue(
        metadata=metadata,
        sources_without_row=tuple(source.name for source in sources if source.name not in metadata),
        rows_without_source=tuple(lonely),
    )


def _normal(key: str) -> str:
    return key.strip().replace("\\", "/").removeprefix("./")


def _match(key: str, by_stem: Mapping[str, list[Source]], by_name: Mapping[str, Source]) -> Source | None:
    wanted = PurePosixPath(key)
    candidates = by_stem.get(stem(wanted.name), [])
    fitting = [source for source in candidates if _fits(wanted, source)]
    exact = [source for source in fitting if source.relative == key]
    chosen = exact or fitting
    if len(chosen) > 1:
        shown = ", ".join(source.relative for source in chosen[:_SHOWN])
        message = f"The catalogue's row {key!r} fits {len(chosen)} images ({shown}): write more of the path into it."
        raise InvalidArgumentError(message, reason="AMBIGUOUS_CATALOGUE", key=key)
    return chosen[0] if chosen else by_name.get(key)


def _fits(wanted: PurePosixPath, source: Source) -> bool:
    """Whether a key is the end of a source's path, or the source's relative path the end of the key."""
    relative = PurePosixPath(source.relative)
    if stem(wanted.name) != wanted.name and wanted.name != relative.name:
        return False  # a key with a suffix means that very file
    parents, below = wanted.parent.parts, relative.parent.parts
    above = source.path.parent.parts
    if len(parents) <= len(above) and above[len(above) - len(parents) :] == parents:
        return True
    return len(below) <= len(parents) and parents[len(parents) - len(below) :] == below and bool(below)
