"""The images of a dataset in another order, or some of them: by the fields of an image and by metadata columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lse.filters import Field, named_fields, parse_filter, parse_order
from lse.platform.artifacts import Artifacts
from lse.tables.filters import filtered, ordered, table_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["select_lines"]

# Columns of the image table and the fields of an image that have another name.
_IMAGE_FIELDS = {"reason": "rejection_reason", "message": "rejection_message"}
# Column of line numbers beside those of an image table, whose names have no such character.
_LINE = "\0line"


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
