"""Sets of rows as bitmaps: bit ``i % 8`` of byte ``i // 8`` is row ``i``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["bitmap_of", "rows_of"]

# A bitmap must fit into one message; this many rows take 15 MiB.
_ROW_LIMIT = 15 * 2**23


def bitmap_of(rows: Iterable[int] | npt.NDArray[np.integer]) -> bytes:
    """Bitmap of rows in any order, each as often as it likes.

    Raises
    ------
    InvalidArgumentError
        If a row is no whole number, or outside 0 to 125,829,119.
    """
    import numpy as np

    array = np.asarray(rows if isinstance(rows, np.ndarray) else list(rows))
    if array.size == 0:
        return b""
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise InvalidArgumentError("Rows must be whole numbers in one dimension.", reason="INVALID_ROWS")
    if array.min() < 0 or array.max() >= _ROW_LIMIT:
        raise InvalidArgumentError(
            f"Rows must lie from 0 to {_ROW_LIMIT - 1}: {array.min()} to {array.max()} do not.", reason="INVALID_ROWS"
        )
    bits = np.zeros(int(array.max()) + 1, dtype=bool)
    bits[array] = True
    return np.packbits(bits, bitorder="little").tobytes()


def rows_of(bitmap: bytes) -> npt.NDArray[np.int64]:
    """Rows of a bitmap, ascending, shape (n,), int64."""
    import numpy as np

    return np.flatnonzero(np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")).astype(np.int64)
