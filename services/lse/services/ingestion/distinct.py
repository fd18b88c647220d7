"""How many different values a column has: what makes it names of groups rather than amounts, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lse.platform.artifacts import Artifacts

__all__ = ["MOST_COUNTED", "distinct_counts"]

# More values than these are told apart by nobody: counting ends, and with it the memory that it takes.
MOST_COUNTED = 100_000


def distinct_counts(artifacts: Artifacts, uri: str, columns: Iterable[str]) -> dict[str, int]:
    """Count the different values of columns of an image table among prepared images, missing ones aside.

    A column is read by groups of rows, and no further once `MOST_COUNTED` were found.
    """
    with artifacts.opened_table(uri) as file:
        groups = range(file.num_row_groups)
        prepared = [pc.greater_equal(file.read_row_group(group, ["row"])["row"], 0) for group in groups]
        return {column: _distinct_count(file, column, prepared) for column in columns}


def _distinct_count(file: pq.ParquetFile, column: str, prepared: Sequence[pa.ChunkedArray]) -> int:
    found: pa.Array | None = None
    for group, mask in enumerate(prepared):
        values = file.read_row_group(group, [column])[column].filter(mask).unique().drop_null()
        found = values if found is None else pa.chunked_array([found, values]).unique()
        if len(found) >= MOST_COUNTED:
            return MOST_COUNTED
    return 0 if found is None else len(found)
