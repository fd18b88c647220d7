"""Sets of rows as bitmaps: bit ``i % 8`` of byte ``i // 8`` is row ``i``."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lse.errors import DataLossError, InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ROW_LIMIT", "bitmap_of_rows", "check_rows", "pack_bitmap", "rows_of_bitmap", "unpack_bitmap"]

ROW_LIMIT = 15 * 2**23
"""Rows from this one on do not fit: a bitmap must go into one message, and this many rows take 15 MiB."""


def rows_of_bitmap(bitmap: bytes) -> NDArray[np.int64]:
    """Rows of a bitmap, ascending, shape (n,).

    Examples
    --------
    >>> rows_of_bitmap(bytes([0b101])).tolist()
    [0, 2]
    """
    import numpy as np

    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return np.flatnonzero(bits).astype(np.int64)


def bitmap_of_rows(rows: Iterable[int] | NDArray[np.integer]) -> bytes:
    """Shortest bitmap of rows in any order, repeated or not.

    Parameters
    ----------
    rows
        Row numbers, shape (n,).

    Raises
    ------
    InvalidArgumentError
        ``ROWS_INVALID``: a row is not a whole number from 0 to ``ROW_LIMIT - 1``.

    Examples
    --------
    >>> list(bitmap_of_rows([2, 0, 2]))
    [5]
    """
    import numpy as np

    array = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows))
    if array.size == 0:
        return b""
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise InvalidArgumentError("Rows must be whole numbers in one dimension.", reason="ROWS_INVALID")
    if array.min() < 0 or array.max() >= ROW_LIMIT:
        raise InvalidArgumentError(
            f"Rows must lie between 0 and {ROW_LIMIT - 1}: {array.min()} to {array.max()} do not.",
            reason="ROWS_INVALID",
        )
    bits = np.zeros(int(array.max()) + 1, dtype=bool)
    bits[array] = True
    return np.packbits(bits, bitorder="little").tobytes()


def check_rows(bitmap: bytes, *, count: int, dataset: str) -> NDArray[np.int64]:
    """Rows of a bitmap that a caller gave for a dataset, ascending, at least one.

    Parameters
    ----------
    bitmap
        The bitmap.
    count
        Number of rows of the dataset.
    dataset
        Id of the dataset, for the message.

    Raises
    ------
    InvalidArgumentError
        ``ROWS_MISSING`` or ``ROWS_OUT_OF_RANGE``.
    """
    rows = rows_of_bitmap(bitmap)
    if not len(rows):
        raise InvalidArgumentError("No rows are given: choose at least one image.", reason="ROWS_MISSING")
    if rows[-1] >= count:
        raise InvalidArgumentError(
            f"The dataset '{dataset}' has no row {rows[-1]}: rows go from 0 to {count - 1}.",
            reason="ROWS_OUT_OF_RANGE",
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
