"""Columns as NumPy arrays, for the formats that astropy writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["PlainColumn", "plain_column"]


@dataclass(frozen=True)
class PlainColumn:
    """Values of a column without the missing ones.

    Attributes
    ----------
    values
        Shape (n,) or, for lists, (n, width): bool, int, float or text. Where one is missing stands NaN, 0, False or "".
    missing
        Shape (n,), which values are missing; None where none is, and for floats and text, which have a value for it.
    """

    values: NDArray[Any]
    missing: NDArray[np.bool_] | None = None


def plain_column(column: pa.ChunkedArray) -> PlainColumn:
    """Values of a column of a table."""
    kind = column.type
    if pa.types.is_fixed_size_list(kind):
        return PlainColumn(column.combine_chunks().flatten().to_numpy().reshape(-1, kind.list_size))
    if pa.types.is_floating(kind):
        return PlainColumn(column.to_numpy())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        zero = pa.scalar(0, kind) if pa.types.is_integer(kind) else pa.scalar(value=False)
        missing = column.is_null().to_numpy() if column.null_count else None
        return PlainColumn(column.fill_null(zero).to_numpy(), missing)
    # An empty text has the type of one character: no format has columns of width zero.
    return PlainColumn(np.array(column.cast(pa.string()).fill_null("").to_pylist(), dtype=np.str_))
