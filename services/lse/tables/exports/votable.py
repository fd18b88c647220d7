"""VOTable 1.4 (Ochsenbein et al. 2019, IVOA Recommendation), data in BINARY2."""

from __future__ import annotations

import base64
import io
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from lse.columns import ColumnMeaning, printable_type
from lse.kinds import kind_of
from lse.methods import Method, NoFacts
from lse.parameters import Parameters
from lse.tables.exports.packed import (
    Look,
    PackedColumn,
    first_look,
    number_column,
    packed_records,
    text_column,
    truth_column,
)
from lse.tables.exports.table import CatalogueTable
from lse.tables.exports.units import described, unit_in

__all__ = ["METHOD", "write_votable"]

_DATATYPES = {"int64": "long", "int32": "int", "float64": "double", "float32": "float"}
_STREAM = b'<STREAM encoding="base64">'
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def write_votable(catalogue: CatalogueTable, file: BinaryIO) -> None:
    """Write a catalogue as VOTable.

    Fields have units, UCDs and descriptions, every fact is an INFO of the resource. Missing values are null, also
    numbers and texts, which NaN and the empty text are not; vectors are one array field.
    """
    looks = first_look(catalogue, lambda texts: max(map(_units, texts), default=0))
    columns = [_column(field, looks.get(field.name, Look())) for field in catalogue.schema]
    head, tail = _document(catalogue, columns, looks)
    file.write(head)
    for packed, missing in packed_records(catalogue, columns):
        # Records of BINARY2 begin with a flag for each missing value, the most significant bit first.
        flags = np.packbits(missing, axis=1)
        records = np.empty(len(packed), [("flags", np.uint8, flags.shape[1:]), ("values", packed.dtype)])
        records["flags"], records["values"] = flags, packed
        file.write(base64.encodebytes(records.tobytes()))
    file.write(tail)


def _column(field: pa.Field, look: Look) -> PackedColumn:
    kind = printable_type(field.type)
    if pa.types.is_boolean(kind):
        return truth_column()
    if not pa.types.is_string(kind):
        return number_column(field)
    return text_column(look.width) if look.ascii else text_column(2 * look.width, _utf16)


def _document(catalogue: CatalogueTable, columns: list[PackedColumn], looks: dict[str, Look]) -> tuple[bytes, bytes]:
    """What stands before and after the records."""
    from astropy.io.votable.tree import Field, Info, Resource, TableElement, VOTableFile

    document = VOTableFile(version="1.4")
    document.description = catalogue.title
    resource = Resource()
    resource.infos.extend(Info(name=key, value=value) for key, value in catalogue.facts.items())
    document.resources.append(resource)
    table = TableElement(document)
    table.name = "catalogue"
    resource.tables.append(table)
    for field, column, word in zip(catalogue.schema, columns, _words(catalogue.schema.names), strict=True):
        meaning = ColumnMeaning.of(field)
        unit = unit_in("vounit", meaning.unit)
        entry: Any = Field(
            document,
            # Programs know a column by its ID, which must be a word of ASCII; names may be anything on one line.
            ID=word,
            name=" ".join(field.name.split()),
            unit=unit or None,
            ucd=meaning.ucd or None,
            xtype=kind_of(field.type).xtype or None,
            **_stored(field, column, looks.get(field.name, Look())),
        )
        entry.description = described(meaning, unit) or None
        table.fields.append(entry)
    table.create_arrays(1)  # whose place the records take
    text = io.BytesIO()
    document.to_xml(text, tabledata_format="binary2")
    head, stream, rest = text.getvalue().partition(_STREAM)
    return head + stream, rest[rest.index(b"</STREAM>") :]


def _words(names: Sequence[str]) -> list[str]:
    """IDs of columns: their names where these are words of ASCII, else the nearest words that are free.

    Examples
    --------
    >>> _words(["name", "header.exptime", "4x", "µ", "a b", "a_b"])
    ['name', 'header.exptime', '_4x', '_', 'a_b_2', 'a_b']
    """
    taken = {name for name in names if _WORD.fullmatch(name)}
    words = []
    for name in names:
        word = name
        if not _WORD.fullmatch(name):
            plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
            plain = plain if _WORD.fullmatch(plain) else f"_{plain}".replace("__", "_", 1)
            free = (plain if number == 1 else f"{plain}_{number}" for number in itertools.count(1))
            word = next(each for each in free if each not in taken)
            taken.add(word)
        words.append(word)
    return words


def _stored(field: pa.Field, column: PackedColumn, look: Look) -> dict[str, str]:
    kind = printable_type(field.type)
    if pa.types.is_boolean(kind):
        return {"datatype": "boolean"}
    if pa.types.is_string(kind):
        return {"datatype": "char" if look.ascii else "unicodeChar", "arraysize": str(look.width)}
    stored = {"datatype": _DATATYPES[column.dtype.name]}
    return stored | {"arraysize": str(column.shape[0])} if column.shape else stored


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be")


def _units(text: str) -> int:
    return len(_utf16(text)) // 2


METHOD: Method[Callable[[CatalogueTable, BinaryIO], None], NoFacts] = Method(
    id="votable",
    title="VOTable",
    summary="VOTable of the Virtual Observatory, with units, UCDs and provenance.",
    parameters=Parameters,
    run=write_votable,
    facts=NoFacts(),
    aliases=("vot", "xml"),
    order=30,
)
