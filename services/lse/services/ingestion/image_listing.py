"""The images of a dataset in another order, or some of them: by the fields of an image and by metadata columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lse.errors import InvalidArgumentError
from lse.filters import Field, named_fields, parse_filter, parse_order
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import DatasetRecord
from lse.tables.filters import filtered, ordered, table_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["select_lines", "thumbnail_rows"]

_MOST_THUMBNAILS = 1000
# Columns of the image table and the fields of an image that have another name.
_IMAGE_FIELDS = {"reason": "rejection_reason", "message": "rejection_message"}
# Column of line numbers beside those of an image table, whose names have no such character.
_LINE = "\0line"


def thumbnail_rows(rows: Sequence[int], dataset: DatasetRecord) -> Sequence[int]:
    """Rows of which thumbnails are asked for at a time.

    Raises
    ------
    InvalidArgumentError
        ``COUNT_INVALID`` or ``ROWS_OUT_OF_RANGE``.
    """
    if len(rows) > _MOST_THUMBNAILS:
        raise InvalidArgumentError(
            f"{len(rows)} thumbnails are too many: ask for at most {_MOST_THUMBNAILS} at a time.",
            reason="COUNT_INVALID",
        )
    last = dataset.result.prepared_count - 1
    outside = next((row for row in rows if not 0 <= row <= last), None)
    if outside is not None:
        message = f"The dataset '{dataset.id}' has no row {outside}: rows go from 0 to {last}."
        raise InvalidArgumentError(message, reason="ROWS_OUT_OF_RANGE")
    return rows


def select_lines(artifacts: Artifacts, uri: str, filter_: str, order_by: str) -> NDArray[np.int64]:
    """Lines of an image table that a filter leaves, in another order; only columns that it names are read."""
    schema = artifacts.table_schema(uri)
    shown = {name: _IMAGE_FIELDS.get(name, name) for name in schema.names}
    fields = {shown.get(name, name): field for name, field in table_fields(schema).items()}
    fields["status"] = Field("choice", ("prepared", "rejected"))
    condition, orders = parse_filter(filter_, fields), parse_order(order_by, fields)
    named = {order.field for order in orders} | named_fields(condition)
    table = artifacts.read_table(uri, [name for name in schema.names if shown[name] in named or name == "name"])
    table = table.rename_columns([shown[name] for name in table.column_names])
    table = table.append_column(_LINE, pa.array(np.arange(table.num_rows)))
    return np.asarray(ordered(filtered(table, condition), orders)[_LINE])
