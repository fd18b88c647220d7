"""The image table: one row per input, with typed columns of all that is known about it.

It is put together from pieces: tables of some of the inputs each, whose columns say where they come from and which
types hold all their values. The types of the whole are found from the schemas of the pieces alone, so that the pieces
of a large dataset are never in memory together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from lse.columns import (
    ColumnMeaning,
    column,
    common_type,
    converted,
    holding_types,
    pandas_schema,
)
from lse.kinds import Scalar, kind_of

__all__ = [
    "FIXED_COLUMNS",
    "MOST_KEYWORDS",
    "beside",
    "catalogue_columns",
    "column_meanings",
    "column_types",
    "conformed",
    "earlier_piece",
    "fact_columns",
    "facts_of",
    "header_columns",
    "image_schema",
    "json_piece",
    "keywords_left_out",
    "with_meanings",
]

Origin = Literal["catalogue", "header", "preparation"]

_ORIGINS: tuple[Origin, ...] = ("catalogue", "header", "preparation")
_POSITION = ("ra_deg", "dec_deg")

_FIXED = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        ("source", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("ra_deg", pa.float64()),
        ("dec_deg", pa.float64()),
    ]
)
FIXED_COLUMNS = tuple(_FIXED.names)

_MEANINGS = {
    "name": ColumnMeaning("Name of the image in the dataset.", ucd="meta.id;meta.main"),
    "row": ColumnMeaning("Row of the image in the dataset, from 0.", ucd="meta.record"),
    "source": ColumnMeaning("File that the image was read from."),
    "ra_deg": ColumnMeaning(
        "Right ascension (ICRS): that of the catalogue where it has one, else of the middle of the image.",
        "deg",
        "pos.eq.ra;meta.main",
    ),
    "dec_deg": ColumnMeaning(
        "Declination (ICRS): that of the catalogue where it has one, else of the middle of the image.",
        "deg",
        "pos.eq.dec;meta.main",
    ),
    "s_region": ColumnMeaning(
        "Outline of the part of the image that is used (ICRS, degrees).", ucd="pos.outline;obs.field"
    ),
}
# A column of numbers may tell its unit by its name.
_UNITS = {"_deg": "deg", "_arcsec": "arcsec"}

# Metadata of the fields of pieces and image tables: where a column comes from, what it is called there, and the types
# that hold all its values.
_ORIGIN, _KEY, _HELD = b"origin", b"key", b"held"
# Metadata of the whole: how many header keywords have no column.
_LEFT_OUT = b"keywords_left_out"
_KEYWORD = "header:header."
MOST_KEYWORDS = 1000


# Pieces


def _fact_name(origin: Origin, key: str) -> str:
    """Name of a column in the pieces of an image table."""
    return f"{origin}:{key}"


def fact_columns(
    origin: Origin, facts: Sequence[Mapping[str, Scalar]], meanings: Mapping[str, ColumnMeaning] | None = None
) -> pa.Table:
    """Columns of a piece from facts about its inputs.

    Parameters
    ----------
    origin
        Where the facts come from.
    facts
        Facts about each input, in the order of the piece.
    meanings
        What they mean, as far as known.
    """
    keys = list(dict.fromkeys(key for each in facts for key in each))
    columns = [column([each.get(key) for each in facts]) for key in keys]
    unknown = ColumnMeaning()
    fields = [
        (meanings or {}).get(key, unknown).on(pa.field(key, values.type))
        for key, values in zip(keys, columns, strict=True)
    ]
    return facts_of(pa.table(columns, schema=pa.schema(fields)), origin)


def header_columns(facts: Sequence[Mapping[str, Scalar]], meanings: Mapping[str, ColumnMeaning]) -> pa.Table:
    """Columns of a piece from what files say of themselves, of their header keywords the most frequent ones."""
    counts = Counter(key for each in facts for key in each if key.startswith("header."))
    rare = {key for key, _ in counts.most_common()[MOST_KEYWORDS:]}
    table = fact_columns("header", [{k: v for k, v in each.items() if k not in rare} for each in facts], meanings)
    return table.replace_schema_metadata({_LEFT_OUT: str(len(rare)).encode()}) if rare else table


def facts_of(table: pa.Table, origin: Origin) -> pa.Table:
    """Table with typed columns, such as a catalogue, as columns of a piece."""
    fields = [_fact_field(field, values, origin, field.name) for field, values in _columns(table)]
    return pa.table(table.columns, schema=pa.schema(fields))


def earlier_piece(table: pa.Table) -> pa.Table:
    """Rows of an image table as a piece of another one."""
    fields = []
    for field, values in _columns(table):
        said = field.metadata or {}
        own = _ORIGIN in said
        fields.append(_fact_field(field, values, said[_ORIGIN].decode(), said[_KEY].decode()) if own else field)
    return pa.table(table.columns, schema=pa.schema(fields))


def json_piece(inputs: pa.Table) -> pa.Table:
    """Piece of the table of inputs that datasets had before their image table could be extended: facts as JSON."""
    piece = inputs.drop_columns(list(_ORIGINS))
    for origin in _ORIGINS:
        facts = fact_columns(origin, [json.loads(text or "{}") for text in inputs[origin].to_pylist()])
        piece = beside(piece, facts)
    return piece


def beside(first: pa.Table, second: pa.Table) -> pa.Table:
    """Columns of two tables of the same rows."""
    metadata = {**(first.schema.metadata or {}), **(second.schema.metadata or {})} or None
    schema = pa.schema([*first.schema, *second.schema], metadata=metadata)
    return pa.table([*first.columns, *second.columns], schema=schema)


def _columns(table: pa.Table) -> Iterable[tuple[pa.Field, pa.ChunkedArray]]:
    return zip(table.schema, table.columns, strict=True)


def _fact_field(field: pa.Field, values: pa.ChunkedArray, origin: Any, key: str) -> pa.Field:
    own = {_ORIGIN: origin, _KEY: key, _HELD: "|".join(holding_types(values))}
    meaning = ColumnMeaning.of(field)
    return meaning.on(pa.field(_fact_name(origin, key), field.type).with_metadata(own))


# The table


def image_schema(pieces: Iterable[pa.Schema]) -> pa.Schema:
    """Schema of the image table of some pieces.

    The fixed columns, then the catalogue's, then those of the files (``header.…`` and what the readers tell), then
    those of the preparation; each of the first kind that holds all its values exactly. One that has the name of an
    earlier one is called ``<origin>.<name>``. A unit is kept where all pieces that have the column agree on it.
    """
    # Of the fields of a column those that differ: there are many pieces, which mostly agree.
    found: dict[str, dict[Any, pa.Field]] = {}
    counts = Counter[str]()
    left_out = 0
    for piece in pieces:
        left_out += int((piece.metadata or {}).get(_LEFT_OUT, b"0"))
        for field in piece:
            if _ORIGIN in (said := field.metadata or {}):
                found.setdefault(field.name, {}).setdefault((field.type, *sorted(said.items())), field)
                counts[field.name] += 1
    keywords = sorted((name for name in found if name.startswith(_KEYWORD)), key=lambda name: -counts[name])
    for name in keywords[MOST_KEYWORDS:]:
        del found[name]
        left_out += 1
    fields = list(_FIXED)
    taken = set(FIXED_COLUMNS)
    for origin in _ORIGINS:
        for differing in found.values():
            same = list(differing.values())
            said = same[0].metadata
            key = said[_KEY].decode()
            if said[_ORIGIN].decode() != origin:
                continue
            held = [field.metadata[_HELD].decode().split("|") for field in same if not pa.types.is_null(field.type)]
            kind = common_type(held) if held else pa.string()
            if key in _POSITION and kind_of(kind).amount:
                continue  # among the fixed columns
            name = f"{origin}.{key}" if key in taken else key
            taken.add(name)
            own = pa.field(name, kind)
            fields.append(_common_meaning(same).on(own.with_metadata({_ORIGIN: origin, _KEY: key})))
    said = {_LEFT_OUT: str(left_out).encode()} if left_out else None
    return pandas_schema(with_meanings(pa.schema(fields, metadata=said)))


def keywords_left_out(schema: pa.Schema) -> int:
    """How many header keywords have no column in an image table, since there were too many."""
    return int((schema.metadata or {}).get(_LEFT_OUT, b"0"))


def _common_meaning(fields: Sequence[pa.Field]) -> ColumnMeaning:
    meanings = {ColumnMeaning.of(field) for field in fields if not pa.types.is_null(field.type)}
    if len(meanings) <= 1:
        return next(iter(meanings), ColumnMeaning())
    parts = ({getattr(each, part) for each in meanings} for part in ("description", "unit", "ucd", "frame"))
    return ColumnMeaning(*(next(iter(values)) if len(values) == 1 else "" for values in parts))


def with_meanings(schema: pa.Schema) -> pa.Schema:
    """Schema of an image table in which the fixed columns and those named by a unit have their meanings."""
    fields = []
    for field in schema:
        known = _MEANINGS.get(field.name)
        if known is None and kind_of(field.type).name == "number":
            known = next((ColumnMeaning(unit=unit) for end, unit in _UNITS.items() if field.name.endswith(end)), None)
        said = ColumnMeaning.of(field)
        fields.append(known.on(field) if known and not (said.unit or said.description) else field)
    return pa.schema(fields, metadata=schema.metadata)


def conformed(piece: pa.Table, schema: pa.Schema, *, first_row: int) -> pa.Table:
    """Rows of a piece in the schema of the image table.

    Parameters
    ----------
    piece
        The piece, with ``name``, ``source``, ``status``, ``reason`` and ``message``.
    schema
        See `image_schema`.
    first_row
        Row of its first prepared image: rejected inputs have the row -1.
    """
    prepared = pc.equal(piece["status"], "prepared")
    rows = pc.add(pc.cumulative_sum(prepared.cast(pa.int64())), first_row - 1)
    own = {"row": pc.if_else(prepared, rows, -1), **_positions(piece)}
    columns = []
    for field in schema:
        said = field.metadata or {}
        name = _fact_name(said[_ORIGIN].decode(), said[_KEY].decode()) if _ORIGIN in said else field.name
        values = own.get(name, piece[name] if name in piece.column_names else None)
        columns.append(
            pa.nulls(piece.num_rows, field.type) if values is None else converted(values, kind_of(field.type))
        )
    return pa.table(columns, schema=schema)


def _positions(piece: pa.Table) -> dict[str, Any]:
    """Position of each image: that of the catalogue where it has both coordinates, else that of the file."""
    if "ra_deg" in piece.column_names:
        return {}
    missing = pa.chunked_array([pa.nulls(piece.num_rows, pa.float64())])
    found = []
    for origin in ("catalogue", "header"):
        pair = [_fact_name(origin, key) for key in _POSITION]
        values = [piece[name].cast(pa.float64(), safe=False) if _is_amount(piece, name) else missing for name in pair]
        found.append(values)
    (ra, dec), (own_ra, own_dec) = found
    both = pc.and_(_is_known(ra), _is_known(dec))
    own = pc.and_(_is_known(own_ra), _is_known(own_dec))
    use_own = pc.and_(own, pc.invert(both))
    return {"ra_deg": pc.if_else(use_own, own_ra, ra), "dec_deg": pc.if_else(use_own, own_dec, dec)}


def _is_known(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_finite(values).fill_null(False)  # pyarrow takes it so


def _is_amount(piece: pa.Table, name: str) -> bool:
    return name in piece.column_names and kind_of(piece.schema.field(name).type).amount


# What the catalogue of resources says of it


def column_types(schema: pa.Schema) -> dict[str, str]:
    """Name of the kind of every column beside the fixed ones."""
    return {field.name: kind_of(field.type).name for field in schema if field.name not in FIXED_COLUMNS}


def column_meanings(schema: pa.Schema) -> dict[str, dict[str, str]]:
    """Unit, UCD and description of the columns beside the fixed ones, as far as known."""
    said = {field.name: asdict(ColumnMeaning.of(field)) for field in schema if field.name not in FIXED_COLUMNS}
    known = {name: {part: text for part, text in meaning.items() if text} for name, meaning in said.items()}
    return {name: meaning for name, meaning in known.items() if meaning}


def catalogue_columns(schema: pa.Schema) -> list[str]:
    """Columns of the image table that come from the catalogue."""
    return [field.name for field in schema if (field.metadata or {}).get(_ORIGIN) == b"catalogue"]
