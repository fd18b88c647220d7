"""FITS binary table (FITS standard 4.0, Pence et al. 2010, A&A 524, A42, and its successor of 2018)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from lse.columns import ColumnMeaning, printable_type
from lse.errors import FailedPreconditionError
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

__all__ = ["METHOD", "write_fits"]

_MOST_COLUMNS = 999
_BLOCK = 2880
_FORMATS = {"int64": "K", "int32": "J", "int16": "I", "float64": "D", "float32": "E"}


def write_fits(catalogue: CatalogueTable, file: BinaryIO) -> None:
    r"""Write a catalogue as a FITS binary table, the extension ``CATALOGUE``.

    Missing integers are the column's TNULL, missing truth values make a column of 0, 1 and TNULL, missing numbers are
    NaN and missing texts empty. FITS texts are ASCII: other characters are written as escapes (``\xe9``), and a
    comment says so. Names that differ only in upper and lower case, which FITS does not tell apart, get a number.

    Raises
    ------
    FailedPreconditionError
        ``COLUMNS_TOO_MANY``: FITS has at most 999.
    """
    from astropy.io import fits

    if len(catalogue.schema) > _MOST_COLUMNS:
        raise FailedPreconditionError(
            f"The catalogue has {len(catalogue.schema)} columns and a FITS table holds at most {_MOST_COLUMNS}: "
            "export it as Parquet or VOTable.",
            reason="COLUMNS_TOO_MANY",
        )
    looks = first_look(catalogue, lambda texts: max((len(_escaped(text)) for text in texts), default=0))
    names = _fits_names(catalogue.schema.names)
    columns, entries, escaped = [], [], []
    for field, name in zip(catalogue.schema, names, strict=True):
        look = looks.get(field.name, Look())
        column, null = _column(field, look)
        if not look.ascii:
            escaped.append(name)
        form = f"{column.dtype.itemsize}A" if pa.types.is_string(printable_type(field.type)) else _format(column)
        unit = unit_in("fits", ColumnMeaning.of(field).unit) or None
        entries.append(fits.Column(name=name, format=form, null=null, unit=unit))
        columns.append(column)
    hdu: Any = fits.BinTableHDU.from_columns(entries, nrows=0, name="CATALOGUE")
    _describe(hdu.header, catalogue, names, escaped)
    hdu.header["NAXIS2"] = catalogue.count
    fits.HDUList([fits.PrimaryHDU()]).writeto(file)
    file.write(hdu.header.tostring().encode("ascii"))
    size = 0
    for packed, _ in packed_records(catalogue, columns):
        size += file.write(packed.tobytes())
    file.write(bytes(-size % _BLOCK))


def _column(field: pa.Field, look: Look) -> tuple[PackedColumn, int | None]:
    """How a column is stored, and the value of a missing one."""
    kind = printable_type(field.type)
    if pa.types.is_string(kind):
        return text_column(look.width, None if look.plain else lambda text: _escaped(text).encode()), None
    if pa.types.is_boolean(kind):
        if not look.missing:
            return truth_column(), None
        null = int(np.iinfo(np.int16).min)
        column = number_column(pa.field(field.name, pa.int16()), null)
        return replace(column, pack=lambda values: column.pack(values.cast(pa.int16()))), null
    if pa.types.is_integer(kind) and look.missing:
        # The least integer of the type is a value that no image has.
        null = int(np.iinfo(kind.to_pandas_dtype()).min)
        return number_column(field, null), null
    return number_column(field), None


def _format(column: PackedColumn) -> str:
    letter = "L" if column.dtype.kind == "S" else _FORMATS[column.dtype.name]
    return f"{column.shape[0]}{letter}" if column.shape else letter


def _describe(header: Any, catalogue: CatalogueTable, names: list[str], escaped: list[str]) -> None:
    header["DATE"] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC")
    header["CREATOR"] = (_ascii(catalogue.facts.get("software", "")), "program that wrote this")
    if catalogue.facts.get("simulated"):
        header["SIMULATE"] = (True, "the images are simulated")
    for index, (field, name) in enumerate(zip(catalogue.schema, names, strict=True), start=1):
        meaning = ColumnMeaning.of(field)
        description = described(meaning, unit_in("fits", meaning.unit))
        if not description and name != field.name:
            description = f"Column '{field.name}'."
        if description:
            header[f"TCOMM{index}"] = _ascii(description)
        if meaning.ucd:
            header[f"TUCD{index}"] = _ascii(meaning.ucd)
    header["COMMENT"] = _ascii(catalogue.title)
    if escaped:
        header["COMMENT"] = f"Characters beyond ASCII are escaped in: {', '.join(escaped)}."
    for key, value in catalogue.facts.items():
        header["HISTORY"] = _ascii(f"{key}: {value}")


def _fits_names(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        base = unique = _ascii(name).strip() or "column"
        number = 2
        while unique.lower() in taken:
            unique, number = f"{base}_{number}", number + 1
        taken.add(unique.lower())
        found.append(unique)
    return found


def _ascii(text: str) -> str:
    """Text of printable ASCII for names and remarks, which can do without accents."""
    return _escaped("".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each)))


def _escaped(text: str) -> str:
    """Text of printable ASCII, all else as escapes."""
    escaped = text.encode("ascii", "backslashreplace").decode()
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in escaped)


METHOD: Method[Callable[[CatalogueTable, BinaryIO], None], NoFacts] = Method(
    id="fits",
    title="FITS",
    summary="FITS binary table, with units and provenance.",
    parameters=Parameters,
    run=write_fits,
    facts=NoFacts(),
    aliases=("fit",),
    order=40,
)
