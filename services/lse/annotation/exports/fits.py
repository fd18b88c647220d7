"""FITS binary table (FITS standard 4.0, Pence et al. 2010, A&A 524, A42, and its successor of 2018)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lse.annotation.exports.columns import PlainColumn, plain_column
from lse.annotation.exports.table import CatalogueTable
from lse.platform.errors import FailedPreconditionError

__all__ = ["write_fits"]

_MOST_COLUMNS = 999
_FORMATS = {"int64": "K", "int32": "J", "int16": "I", "float64": "D", "float32": "E", "bool": "L"}


def write_fits(catalogue: CatalogueTable, file: BinaryIO) -> None:
    r"""Write a catalogue as a FITS binary table, the extension ``CATALOGUE``.

    Missing integers are the column's TNULL, missing truth values make a column of 0, 1 and TNULL, missing numbers are
    NaN and missing texts empty. FITS texts are ASCII: other characters are written as escapes (``\xe9``), and a
    comment says so. Names that differ only in upper and lower case, which FITS does not tell apart, get a number.

    Raises
    ------
    FailedPreconditionError
        ``TOO_MANY_COLUMNS``: FITS has at most 999.
    """
    from astropy.io import fits

    table = catalogue.table
    if table.num_columns > _MOST_COLUMNS:
        raise FailedPreconditionError(
            f"The catalogue has {table.num_columns} columns and a FITS table holds at most {_MOST_COLUMNS}: "
            "export it as Parquet or VOTable.",
            reason="TOO_MANY_COLUMNS",
        )
    names = _fits_names(table.column_names)
    columns, escaped = [], []
    for name, fits_name in zip(table.column_names, names, strict=True):
        plain = plain_column(table[name])
        form, values, null, changed = _fits_values(plain)
        if changed:
            escaped.append(fits_name)
        columns.append(
            fits.Column(name=fits_name, format=form, array=values, null=null, unit=catalogue.meaning(name).unit or None)
        )
    hdu: Any = fits.BinTableHDU.from_columns(columns, name="CATALOGUE")
    header = hdu.header
    header["DATE"] = (datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), "UTC")
    header["CREATOR"] = (_ascii(catalogue.facts.get("software", "")), "program that wrote this")
    if catalogue.facts.get("simulated"):
        header["SIMULATE"] = (True, "the images are simulated")
    for index, (name, fits_name) in enumerate(zip(table.column_names, names, strict=True), start=1):
        description = catalogue.meaning(name).description or ("" if fits_name == name else f"Column '{name}'.")
        if description:
            header[f"TCOMM{index}"] = _ascii(description)
    header["COMMENT"] = _ascii(catalogue.title)
    if escaped:
        header["COMMENT"] = f"Characters beyond ASCII are escaped in: {', '.join(escaped)}."
    for key, value in catalogue.facts.items():
        header["HISTORY"] = _ascii(f"{key}: {value}")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)


def _fits_values(plain: PlainColumn) -> tuple[str, NDArray[Any], int | None, bool]:
    """Format, values, value of a missing one, and whether characters had to be escaped."""
    values, missing = plain.values, plain.missing
    if values.dtype.kind == "U":
        texts = [_ascii(text, plain=False) for text in values.tolist()]
        encoded = np.array(texts, dtype=np.bytes_)
        return f"{encoded.dtype.itemsize or 1}A", encoded, None, texts != values.tolist()
    if values.ndim == 2:
        return f"{values.shape[1]}{_FORMATS[values.dtype.name]}", values, None, False
    null = None
    if missing is not None:
        values = values.astype(np.int16) if values.dtype == bool else values.copy()
        # The least integer of the type is a value that no image has.
        null = int(np.iinfo(values.dtype).min)
        values[missing] = null
    return _FORMATS[values.dtype.name], values, null, False


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


def _ascii(text: str, *, plain: bool = True) -> str:
    """Text of printable ASCII; `plain` drops accents first, which names and remarks can do without."""
    if plain:
        text = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    escaped = text.encode("ascii", "backslashreplace").decode()
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in escaped)
