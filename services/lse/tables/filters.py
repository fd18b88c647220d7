"""Filters and orders of Arrow tables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, eq, ge, gt, invert, le, lt, ne, or_

import pyarrow as pa
import pyarrow.compute as pc

from lse.filters import Comparison, Condition, Field, Order, fold

__all__ = ["filtered", "ordered", "table_fields"]

_OPERATORS = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


def table_fields(schema: pa.Schema) -> dict[str, Field]:
    """Columns that can be filtered and ordered by, those of a single value, with their types."""
    kinds = {
        "text": pa.types.is_string,
        "integer": pa.types.is_integer,
        "number": pa.types.is_floating,
        "boolean": pa.types.is_boolean,
        "time": pa.types.is_timestamp,
    }
    return {
        column.name: Field(kind)  # type: ignore[arg-type]  # the kinds above are among those of a field
        for column in schema
        for kind, is_of in kinds.items()
        if is_of(column.type)
    }


def filtered(table: pa.Table, condition: Condition | None) -> pa.Table:
    """Rows of a table that fulfil a condition; all where there is none.

    Examples
    --------
    >>> table = pa.table({"redshift": [0.1, None, 0.7]})
    >>> filtered(table, parse_filter("redshift > 0.5", table_fields(table.schema)))["redshift"].to_pylist()
    [0.7]
    """
    if condition is None:
        return table
    expression = fold(
        condition,
        comparison=lambda comparison: _compared(comparison, table.schema.field(comparison.field).type),
        all_of=lambda parts: reduce(and_, parts),
        any_of=lambda parts: reduce(or_, parts),
        negation=invert,
    )
    return table.filter(expression)


def ordered(table: pa.Table, orders: Sequence[Order]) -> pa.Table:
    """Rows of a table in another order, missing values last; rows that are alike in it stay in theirs."""
    keys = [(order.field, "descending" if order.descending else "ascending") for order in orders]
    return table.take(pc.sort_indices(table, sort_keys=keys)) if keys else table


def _compared(comparison: Comparison, kind: pa.DataType) -> pc.Expression:
    values = pc.field(comparison.field)
    if comparison.value is None:
        return values.is_valid()
    if comparison.operator == ":":
        return pc.match_substring(values, str(comparison.value), ignore_case=True)
    value = pa.scalar(comparison.value)
    if pa.types.is_timestamp(kind):
        value = value.cast(pa.timestamp("us", tz="UTC") if kind.tz else pa.timestamp("us"))
    return _OPERATORS[comparison.operator](values, value)
