"""Rows, columns and counts that requests give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latentspace.type.v1.row_set_pb2 import RowSet
from lse.errors import InvalidArgumentError
from lse.rows import rows_of_bitmap

__all__ = ["checked_columns", "checked_count", "rows_of", "some_rows"]


def rows_of(rows: RowSet, *, count: int, dataset: str) -> NDArray[np.int64] | range:
    """Rows of a message in ascending order, each once; all where none are given.

    Parameters
    ----------
    rows
        The message.
    count
        Number of rows that there are.
    dataset
        Id of the dataset, for the message of an error.

    Raises
    ------
    InvalidArgumentError
        If a row is not one of the dataset.
    """
    form = rows.WhichOneof("rows")
    if form is None:
        return range(count)
    if form == "range":
        start, end = rows.range.start, rows.range.end
        if not 0 <= start <= end <= count:
            raise InvalidArgumentError(
                f"The dataset '{dataset}' has no rows {start} to {end - 1}: rows go from 0 to {count - 1}.",
                reason="ROWS_OUT_OF_RANGE",
            )
        return range(start, end)
    found = rows_of_bitmap(rows.bitmap) if form == "bitmap" else np.unique(np.asarray(rows.list.rows, np.int64))
    wrong = [row for row in (found[:1].tolist() + found[-1:].tolist()) if not 0 <= row < count]
    if wrong:
        raise InvalidArgumentError(
            f"The dataset '{dataset}' has no row {wrong[0]}: rows go from 0 to {count - 1}.",
            reason="ROWS_OUT_OF_RANGE",
            row=wrong[0],
        )
    return found


def some_rows(rows: RowSet, *, count: int, dataset: str) -> NDArray[np.int64]:
    """As `rows_of`, where at least one must be given."""
    found = np.asarray(rows_of(rows, count=count, dataset=dataset) if rows.WhichOneof("rows") else [], np.int64)
    if not len(found):
        raise InvalidArgumentError("No rows are given: choose at least one image.", reason="ROWS_MISSING")
    return found


def checked_columns(asked: Sequence[str], known: Sequence[str], *, what: str, always: Sequence[str] = ()) -> list[str]:
    """Columns to read: those that are always read and those asked for; all where none are.

    Raises
    ------
    InvalidArgumentError
        If one asked for is not there.
    """
    for column in asked:
        if column not in known:
            raise InvalidArgumentError(
                f"{what} has no column '{column}': it has {', '.join(known)}.", reason="COLUMN_UNKNOWN", column=column
            )
    return list(dict.fromkeys([*always, *asked])) if asked else list(known)


def checked_count(asked: int, *, usual: int, most: int, what: str) -> int:
    """Number asked for; the usual one where it is 0.

    Raises
    ------
    InvalidArgumentError
        If it is negative or too large.
    """
    if not 0 <= asked <= most:
        raise InvalidArgumentError(f"{asked} {what} are not possible: choose 1 to {most}.", reason="COUNT_INVALID")
    return asked or usual
