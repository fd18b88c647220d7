"""Lists out of the catalogue: filtered, ordered, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Double, Row, Select, and_, case, cast, func, not_, or_

from lse.filters import Comparison, Condition, Field, Order, fold, parse_filter, parse_order
from lse.platform.catalogue.pages import decode_page_token, encode_page_token, page_limit

__all__ = ["FieldColumn", "PageRequest", "Rows", "json_values", "select_page"]

_OPERATORS = {"=": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}


@dataclass(frozen=True)
class FieldColumn:
    """A field that a list can be filtered and ordered by, and the SQL expression of its values."""

    field: Field
    values: ColumnElement[Any]


def json_values(document: ColumnElement[Any], key: str, field: Field) -> ColumnElement[Any]:
    """Values of a field in a JSON column, NULL where it is not there."""
    text: ColumnElement[str] = document[key].as_string()
    if field.kind == "integer":
        return cast(text, BigInteger)
    if field.kind == "number":
        return cast(text, Double)
    boolean: ColumnElement[bool] = document[key].as_boolean()
    return boolean if field.kind == "boolean" else text


@dataclass(frozen=True)
class PageRequest:
    """What a client asks of a list (AIP-132, AIP-158).

    Attributes
    ----------
    page_size
        Most results on the page; 0 for the default.
    page_token
        Token of the page; empty for the first.
    filter, order_by
        As in `lse.filters`.
    """

    page_size: int = 0
    page_token: str = ""
    filter: str = ""
    order_by: str = ""


@dataclass(frozen=True)
class Rows:
    """Rows of one page.

    Attributes
    ----------
    rows
        The rows.
    more
        Whether there are further ones.
    """

    rows: Sequence[Row[Any]]
    more: bool
    _keys: tuple[str, ...]
    _list: tuple[str, ...]

    def token_after(self, count: int) -> str:
        """Token of the page after the first so many rows; empty after the last of all."""
        if not count or (count == len(self.rows) and not self.more):
            return ""
        return encode_page_token([getattr(self.rows[count - 1], key) for key in self._keys], of=self._list)


def select_page(
    connection: Connection,
    query: Select[Any],
    columns: Mapping[str, FieldColumn],
    request: PageRequest,
    *,
    scope: str,
    order: Order = Order("name"),  # noqa: B008  # it is immutable
) -> Rows:
    """Rows of one page of a list.

    Parameters
    ----------
    connection
        Transaction to read in.
    query
        Selects what is listed, filter and order aside.
    columns
        Fields to filter and order by, among them ``name``, which is different for all rows.
    request
        What is asked for.
    scope
        What is listed, such as kind and parent: tokens belong to it.
    order
        Order where the request has none.

    Raises
    ------
    InvalidArgumentError
        If the request is wrong.
    """
    size = page_limit(request.page_size)
    condition = parse_filter(request.filter, {name: column.field for name, column in columns.items()})
    if condition is not None:
        query = query.where(_matching(condition, columns))
    orders = parse_order(request.order_by, {name: column.field for name, column in columns.items()}) or (order,)
    if all(each.field != "name" for each in orders):
        orders = (*orders, Order("name", orders[-1].descending))
    keys = [(key, each.descending) for each in orders for key in _sort_keys(columns[each.field])]
    what = (scope, request.filter, request.order_by)
    if last := decode_page_token(request.page_token, of=what):
        query = query.where(_after(keys, last))
    labels = tuple(f"sort_key_{index}" for index in range(len(keys)))
    query = query.add_columns(*(key.label(label) for (key, _), label in zip(keys, labels, strict=True)))
    query = query.order_by(*(key.desc() if descending else key for key, descending in keys)).limit(size + 1)
    found = connection.execute(query).all()
    return Rows(found[:size], len(found) > size, labels, what)


def _matching(condition: Condition, columns: Mapping[str, FieldColumn]) -> ColumnElement[bool]:
    return fold(
        condition,
        comparison=lambda comparison: _compared(comparison, columns[comparison.field].values),
        all_of=lambda parts: and_(*parts),
        any_of=lambda parts: or_(*parts),
        negation=not_,
    )


def _compared(comparison: Comparison, values: ColumnElement[Any]) -> ColumnElement[bool]:
    value = comparison.value
    if value is None:
        return values.is_not(None)
    if comparison.operator == ":":
        return func.lower(values).contains(str(value).lower(), autoescape=True)
    if isinstance(value, datetime):
        value = value.timestamp()
    compared: ColumnElement[bool] = getattr(values, _OPERATORS[comparison.operator])(value)
    return compared


def _sort_keys(column: FieldColumn) -> tuple[ColumnElement[Any], ...]:
    """What a field is sorted by, never NULL: first whether it has a value, then which."""
    if not getattr(column.values, "nullable", True):
        return (column.values,)
    zero: object = "" if column.field.kind in {"text", "choice"} else 0
    if column.field.kind == "boolean":
        return (case((column.values.is_(None), 0), (column.values, 2), else_=1),)
    return case((column.values.is_(None), 0), else_=1), func.coalesce(column.values, zero)


def _after(keys: Sequence[tuple[ColumnElement[Any], bool]], last: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a row comes after that of some keys: greater in one of them, equal in all before."""
    alternatives = []
    for index, ((key, descending), value) in enumerate(zip(keys, last, strict=True)):
        equal = [before == known for (before, _), known in zip(keys[:index], last[:index], strict=True)]
        alternatives.append(and_(*equal, key < value if descending else key > value))
    return or_(*alternatives)
