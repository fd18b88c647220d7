"""Rows of a catalogue as packed binary records, as FITS and VOTable store them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lse.columns import printable
from lse.tables.exports.table import CatalogueTable

__all__ = ["Look", "PackedColumn", "first_look", "number_column", "packed_records", "text_column", "truth_column"]


@dataclass(frozen=True)
class Look:
    """What a format with records of fixed width must know of a column before it writes the first.

    Attributes
    ----------
    missing
        Whether a value is missing.
    ascii, plain
        Whether all its texts are ASCII, and whether they are printable ASCII.
    width
        What the longest text takes.
    """

    missing: bool = False
    ascii: bool = True
    plain: bool = True
    width: int = 1


@dataclass(frozen=True)
class PackedColumn:
    """A column of fixed width.

    Attributes
    ----------
    dtype, shape
        What a value takes in a record: numbers are big-endian, lists have a length.
    pack
        Function that gives the values of a piece of the column for its records.
    """

    dtype: np.dtype[Any]
    pack: Callable[[pa.Array], NDArray[Any]]
    shape: tuple[int, ...] = ()


def first_look(catalogue: CatalogueTable, measure: Callable[[list[str]], int]) -> dict[str, Look]:
    """Look at all columns but lists, for which the catalogue is read once.

    Parameters
    ----------
    catalogue
        The catalogue.
    measure
        Width of the longest of some texts that are not all printable ASCII; of these it is the number of characters.
    """
    names = [field.name for field in catalogue.schema if not pa.types.is_fixed_size_list(field.type)]
    found = dict.fromkeys(names, Look())
    for block in catalogue.blocks(names):
        for name in names:
            before, values = found[name], printable(block[name])
            missing = before.missing or values.null_count > 0
            if not pa.types.is_string(values.type):
                found[name] = replace(before, missing=missing)
                continue
            plain = pc.all(pc.match_substring_regex(values, r"^[\x20-\x7e]*$")).as_py() is not False
            ascii_only = before.ascii and (plain or pc.all(pc.string_is_ascii(values)).as_py() is not False)
            width = pc.max(pc.utf8_length(values)).as_py() if plain else measure(values.drop_null().to_pylist())
            found[name] = Look(missing, ascii_only, before.plain and plain, max(before.width, width or 0))
    return found


def number_column(field: pa.Field, missing: int = 0) -> PackedColumn:
    """Numbers or lists of them; a missing whole number becomes `missing`, a missing real one NaN."""
    if pa.types.is_fixed_size_list(field.type):
        width = field.type.list_size
        dtype = np.dtype(field.type.value_type.to_pandas_dtype()).newbyteorder(">")
        return PackedColumn(dtype, lambda values: values.flatten().to_numpy().reshape(-1, width), (width,))
    dtype = np.dtype(field.type.to_pandas_dtype()).newbyteorder(">")
    if pa.types.is_floating(field.type):
        return PackedColumn(dtype, lambda values: values.to_numpy(zero_copy_only=False))
    return PackedColumn(dtype, lambda values: values.fill_null(missing).to_numpy(zero_copy_only=False))


def truth_column() -> PackedColumn:
    """Truth values as the letters T and F."""
    return PackedColumn(np.dtype("S1"), lambda values: np.where(values.fill_null(False), b"T", b"F"))


def text_column(width: int, encode: Callable[[str], bytes] | None = None) -> PackedColumn:
    """Texts in so many bytes, those that are not ASCII as `encode` gives them; a missing one is empty."""

    def pack(values: pa.Array) -> NDArray[np.bytes_]:
        texts = printable(values).fill_null("").to_pylist()
        return np.array(texts if encode is None else [encode(text) for text in texts], dtype=np.bytes_)

    return PackedColumn(np.dtype(f"S{width}"), pack)


def packed_records(
    catalogue: CatalogueTable, columns: Sequence[PackedColumn]
) -> Iterator[tuple[NDArray[np.void], NDArray[np.bool_]]]:
    """Records of the catalogue, block by block, and which of their values are missing, shape (n, columns)."""
    # Fields are known by their place: names may be anything.
    record = np.dtype([(f"f{place}", column.dtype, column.shape) for place, column in enumerate(columns)])
    for block in catalogue.blocks(catalogue.schema.names):
        packed = np.zeros(block.num_rows, record)
        missing = np.zeros((block.num_rows, len(columns)), dtype=bool)
        for place, column in enumerate(columns):
            values = block.column(place).combine_chunks()
            packed[f"f{place}"] = column.pack(values)
            if values.null_count:
                missing[:, place] = values.is_null().to_numpy(zero_copy_only=False)
        yield packed, missing
