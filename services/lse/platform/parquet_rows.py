"""Some rows of a Parquet file, in any order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

__all__ = ["read_rows"]


def read_rows(file: pq.ParquetFile, columns: list[str] | None, rows: NDArray[np.int64]) -> pa.Table:
    """Rows of a Parquet file in the order asked for; only the groups of rows that hold them are read.

    Parameters
    ----------
    file
        The file.
    columns
        Columns wanted; None for all.
    rows
        Rows wanted, counted from 0, shape (n,).
    """
    ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)], dtype=np.int64)
    ordered = np.argsort(rows, kind="stable")
    groups = np.searchsorted(ends, rows[ordered], side="right")
    pieces = [file.schema_arrow.empty_table() if columns is None else file.read_row_groups([], columns)]
    for group in np.unique(groups).tolist():
        first = ends[group - 1] if group else 0
        inside = rows[ordered[groups == group]] - first
        pieces.append(file.read_row_group(group, columns).take(pa.array(inside)))
    table = pa.concat_tables(pieces)
    if (np.diff(ordered) == 1).all():
        return table
    place = np.empty_like(ordered)
    place[ordered] = np.arange(len(ordered))
    return table.take(pa.array(place))
