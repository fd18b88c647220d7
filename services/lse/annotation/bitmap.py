"""Sets of rows as bitmaps: bit ``i % 8`` of byte ``i // 8`` is row ``i``."""

from __future__ import annotations

import base64
import binascii
import zlib

import numpy as np
from numpy.typing import NDArray

from lse.platform.errors import DataLossError, InvalidArgumentError

__all__ = ["bitmap_of_rows", "check_rows", "pack_bitmap", "rows_of_bitmap", "unpack_bitmap"]


def rows_of_bitmap(bitmap: bytes) -> NDArray[np.int64]:
    """Rows of a bitmap, ascending, shape (n,)."""
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.int64)


def bitmap_of_rows(rows: NDArray[np.int64]) -> bytes:
    """Shortest bitmap of rows of any order, none negative."""
    if not len(rows):
        return b""
    bits = np.zeros(int(rows.max()) + 1, dtype=bool)
    bits[rows] = True
    return np.packbits(bits, bitorder="little").tobytes()


def check_rows(bitmap: bytes, *, count: int, dataset: str) -> NDArray[np.int64]:
    """Rows of a bitmap that a caller gave for a dataset, ascending, at least one.

    Parameters
    ----------
    bitmap
        The bitmap.
    count
        Rows that the dataset has.
    dataset
        Id of the dataset, for the message.

    Raises
    ------
    InvalidArgumentError
        ``NO_ROWS`` or ``ROW_OUT_OF_RANGE``.
    """
    rows = rows_of_bitmap(bitmap)
    if not len(rows):
        raise InvalidArgumentError("No rows are given: choose at least one image.", reason="NO_ROWS")
    if rows[-1] >= count:
        raise InvalidArgumentError(
            f"The dataset '{dataset}' has no row {rows[-1]}: rows go from 0 to {count - 1}.",
            reason="ROW_OUT_OF_RANGE",
            row=rows[-1],
        )
    return rows


def pack_bitmap(bitmap: bytes) -> str:
    """Text under which a bitmap is kept in the catalogue: zlib in base 64."""
    return base64.b64encode(zlib.compress(bitmap)).decode()


def unpack_bitmap(text: str) -> bytes:
    """Bitmap of its text.

    Raises
    ------
    DataLossError
        ``SELECTION_DAMAGED``.
    """
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error) as error:
        raise DataLossError(
            "The rows of the selection cannot be read: delete it and select again.", reason="SELECTION_DAMAGED"
        ) from error
