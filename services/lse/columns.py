"""Columns of tables about images: read from files, brought together, handed to people and programs.

What depends on the kind of a column is decided in `lse.kinds`; what a column means is metadata of its Arrow field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from lse.kinds import KINDS, TEXT, Kind, Scalar, cast_exactly, kind_named, kind_of, kind_of_value

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = [
    "ColumnMeaning",
    "column",
    "common_type",
    "converted",
    "holding_types",
    "message_value",
    "numbers",
    "pandas_schema",
    "parsed",
    "payloads",
    "plain",
    "printable",
    "printable_table",
    "printable_type",
    "shown",
    "texts",
    "value_of_message",
    "with_pandas_types",
]


# From files to columns


def column(values: Sequence[Scalar | None]) -> pa.Array:
    """Column of Python values: of the kind that they have in common, else text."""
    import pyarrow as pa

    try:
        found = pa.array(values)
        if pa.types.is_null(found.type) or str(found.type) in {kind.arrow for kind in KINDS}:
            return found
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        pass
    return pa.array([None if value is None else _text_of(value) for value in values], pa.string())


def parsed(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Column of the first kind as which all texts of a file without types can be read, such as CSV.

    Identifiers stay exact: whole numbers beyond 64 bits and digits after a leading zero remain text.

    Examples
    --------
    >>> import pyarrow as pa
    >>> str(parsed(pa.array(["1237648720693755918", None])).type)
    'int64'
    >>> str(parsed(pa.array(["0266", "0267"])).type)
    'string'
    """
    import pyarrow.compute as pc

    if texts.null_count == len(texts):
        return texts
    trimmed = pc.utf8_trim_whitespace(texts)
    candidates = (kind.parse(trimmed) for kind in KINDS if kind is not TEXT)
    return next((values for values in candidates if values is not None), texts)


def plain(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray | None:
    """Column of a file with types of its own (such as Parquet), in the type of its kind; None where no kind has it."""
    import pyarrow as pa

    if pa.types.is_null(values.type) or not str(values.type).startswith(tuple(f for k in KINDS for f in k.families)):
        return None
    found = cast_exactly(values, kind_of(values.type).arrow_type)
    return texts(values) if found is None else found  # such as whole numbers beyond 64 bits


# What several files have in common


def holding_types(values: pa.Array | pa.ChunkedArray) -> tuple[str, ...]:
    """Arrow types, the preferred first, that hold all values of a column exactly."""
    return tuple(kind.arrow for kind in KINDS if kind is TEXT or converted(values, kind) is not None)


def common_type(held: Iterable[Sequence[str]]) -> pa.DataType:
    """Preferred Arrow type that holds all values of several columns exactly, each given by its `holding_types`.

    Whole numbers among real ones are numbers as long as they stay exact; all else that does not fit is text.
    """
    common = set.intersection(*(set(types) for types in held))
    return next(kind.arrow_type for kind in KINDS if kind.arrow in common)


def converted(values: pa.Array | pa.ChunkedArray, kind: Kind) -> pa.Array | pa.ChunkedArray | None:
    """Column as another kind, or None where a value would not stay what it is."""
    import pyarrow as pa

    found = str(values.type)
    if found == kind.arrow:
        return values
    if kind is TEXT:
        return texts(values)
    if found == TEXT.arrow and kind.among_texts and values.null_count < len(values):
        return kind.parse(values)
    if pa.types.is_null(values.type) or (found, kind.name) == ("int64", "number"):
        return cast_exactly(values, kind.arrow_type)
    return None


def texts(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Column as text: numbers by the fewest digits that keep them, ``true`` and ``false``."""
    return kind_of(values.type).texts(values)


# To people and programs


def message_value(value: Scalar) -> tuple[str, Any]:
    """Field of ``latentspace.type.v1.MetadataField`` that carries a value, and what it carries."""
    kind = kind_of_value(value)
    return kind.name, kind.stored(value)


def value_of_message(field: str, value: Any) -> Scalar:
    """Value that such a field carries."""
    found: Scalar = kind_named(field).restored(value)
    return found


def payloads(table: pa.Table) -> list[dict[str, Any]]:
    """Rows of a table as the vector store keeps them beside their vectors."""
    rows: list[dict[str, Any]] = printable_table(table).to_pylist()
    return rows


def shown(value: Scalar) -> str:
    """Value as a person reads it, numbers with all the digits that they have."""
    return kind_of_value(value).shown(value)


def numbers(values: pa.Array | pa.ChunkedArray) -> NDArray[np.float64]:
    """Amounts as float64 of shape (n,), NaN where one is missing; for drawing."""
    import pyarrow as pa

    found = kind_of(values.type).numbers(pa.chunked_array([values]) if isinstance(values, pa.Array) else values)
    array: NDArray[np.float64] = found.to_numpy()
    return array


def printable(values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Column as files hold it that know only numbers, truth values and text."""
    return texts(values) if kind_of(values.type).xtype else values


def printable_type(arrow_type: pa.DataType) -> pa.DataType:
    """Type of such a column."""
    return TEXT.arrow_type if kind_of(arrow_type).xtype else arrow_type


def printable_table(table: pa.Table) -> pa.Table:
    """Table of such columns."""
    import pyarrow as pa

    return pa.table([printable(column) for column in table.columns], names=table.column_names)


def with_pandas_types(table: pa.Table) -> pa.Table:
    """Table whose schema is as `pandas_schema` makes it."""
    return table.replace_schema_metadata(pandas_schema(table.schema).metadata)


def pandas_schema(schema: pa.Schema) -> pa.Schema:
    """Schema by which ``to_pandas`` keeps whole numbers exact where some are missing (pandas' ``Int64``)."""
    columns = [
        {
            "name": field.name,
            "field_name": field.name,
            "pandas_type": "int64",
            "numpy_type": "Int64",
            "metadata": None,
        }
        for field in schema
        if str(field.type) == "int64" and field.nullable
    ]
    document = {"columns": columns, "index_columns": [], "column_indexes": []}
    return schema.with_metadata({**(schema.metadata or {}), b"pandas": json.dumps(document).encode()})


@dataclass(frozen=True)
class ColumnMeaning:
    """What a column says: metadata of its Arrow field.

    Attributes
    ----------
    description
        One sentence.
    unit
        Unit as FITS and VOTable write it, such as ``deg``; empty without one.
    ucd
        Unified content descriptor of the IVOA (UCD1+); empty without one.
    frame
        Frame of a position as its file declares it, with equinox and epoch, such as ``eq_FK5 J2000 epoch J1991.25``;
        empty without one.
    """

    description: str = ""
    unit: str = ""
    ucd: str = ""
    frame: str = ""

    @classmethod
    def of(cls, field: pa.Field) -> Self:
        """Meaning that a field has."""
        said = field.metadata or {}
        return cls(*(said.get(key, b"").decode() for key in (b"description", b"unit", b"ucd", b"frame")))

    def on(self, field: pa.Field) -> pa.Field:
        """The field with this meaning beside its other metadata."""
        own = {key.encode(): value.encode() for key, value in asdict(self).items() if value}
        return field.with_metadata({**(field.metadata or {}), **own})


def _text_of(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
