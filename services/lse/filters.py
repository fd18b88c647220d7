"""The filter language of lists (a subset of AIP-160) and their order: texts become conditions on named, typed fields.

A filter compares fields with values and joins the comparisons by ``AND``, ``OR``, ``NOT`` and parentheses::

    method = umap AND (create_time > "2026-11-01" OR NOT title:draft)

``=``, ``!=``, ``<``, ``<=``, ``>`` and ``>=`` compare; ``field:text`` matches texts that contain another, whatever the
case, and ``field:*`` all that have a value.  A missing value fulfils no comparison, nor its negation.  Where ``AND``
and ``OR`` meet, parentheses are required: AIP-160 and SQL disagree on which of them comes first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, NoReturn, TypeVar

from lse.errors import InvalidArgumentError
from lse.validation import did_you_mean

__all__ = [
    "AllOf",
    "AnyOf",
    "Comparison",
    "Condition",
    "Field",
    "Not",
    "Order",
    "fold",
    "named_fields",
    "parse_filter",
    "parse_order",
]

Operator = Literal["=", "!=", "<", "<=", ">", ">=", ":"]
Value = str | int | float | bool | datetime | None
"""What a field is compared with; None, of ``field:*``, is any value."""

_T = TypeVar("_T")

_GRAMMAR = r"""
?start: simple | simple ("AND" simple)+ -> all_of | simple ("OR" simple)+ -> any_of
?simple: "NOT" simple -> negation | "(" start ")" | (WORD | QUOTED) OPERATOR (WORD | QUOTED) -> comparison
OPERATOR: "<=" | ">=" | "!=" | "=" | "<" | ">" | ":"
QUOTED: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
WORD: /[^\s()=<>!:"']+/
%ignore /\s+/
"""
_LONGEST = 2000
_DEEPEST = 20
_EXAMPLE = 'create_time > "2026-11-01" AND (method = umap OR title:radio)'


@dataclass(frozen=True)
class Field:
    """A field that can be filtered and ordered by.

    Attributes
    ----------
    kind
        Type of its values.
    choices
        Values of a choice, in lower case.
    """

    kind: Literal["text", "integer", "number", "boolean", "time", "choice"]
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """A field compared with a value."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True)
class AllOf:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """Conditions of which one must hold."""

    conditions: tuple[Condition, ...]


Condition = Comparison | Not | AllOf | AnyOf


@dataclass(frozen=True)
class Order:
    """A field to order by."""

    field: str
    descending: bool = False


def parse_filter(text: str, fields: Mapping[str, Field]) -> Condition | None:
    """Condition that a filter states; None of an empty one.

    Parameters
    ----------
    text
        The filter.
    fields
        The fields that it may name.

    Raises
    ------
    InvalidArgumentError
        If the text is not a filter, or compares a field that is not there or with a value of another type.

    Examples
    --------
    >>> parse_filter("image_count >= 100", {"image_count": Field("integer")})
    Comparison(field='image_count', operator='>=', value=100)
    """
    from lark import UnexpectedInput, UnexpectedToken

    if not text.strip():
        return None
    if len(text) > _LONGEST:
        _refuse(text, f"is longer than {_LONGEST} characters")
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        at = error.pos_in_stream or 0
        rest = "" if ended else text[at:].strip()
        where = "ends too early" if ended else f"is not understood at '{rest[:30]}', character {at + 1}"
        mixed = " (put parentheses where AND and OR meet)" if rest.startswith(("AND", "OR")) else ""
        _refuse(text, f"{where}{mixed}; write for instance {_EXAMPLE}")
    return _condition(tree, text, fields)


def parse_order(text: str, fields: Mapping[str, Field]) -> tuple[Order, ...]:
    """Fields to order by, most important first.

    Parameters
    ----------
    text
        Names of fields, separated by commas, each followed by `` desc`` where large values come first.
    fields
        The fields that it may name.

    Raises
    ------
    InvalidArgumentError
        If it names a field that is not there, or one twice.

    Examples
    --------
    >>> parse_order("create_time desc", {"create_time": Field("time")})
    (Order(field='create_time', descending=True),)
    """
    orders: list[Order] = []
    for part in text.split(",") if text.strip() else []:
        name, _, direction = part.strip().partition(" ")
        if direction.strip() not in {"", "asc", "desc"} or any(order.field == name for order in orders):
            raise InvalidArgumentError(
                f"The order '{text}' is not understood at '{part.strip()}': separate fields by commas, give each once, "
                "and add ' desc' where large values come first.",
                reason="ORDER_INVALID",
            )
        if name not in fields:
            raise InvalidArgumentError(
                f"There is no field '{name}' to order by: {_known(name, fields)}.", reason="ORDER_INVALID"
            )
        orders.append(Order(name, direction.strip() == "desc"))
    return tuple(orders)


def fold(
    condition: Condition,
    *,
    comparison: Callable[[Comparison], _T],
    all_of: Callable[[Sequence[_T]], _T],
    any_of: Callable[[Sequence[_T]], _T],
    negation: Callable[[_T], _T],
) -> _T:
    """Turn a condition into another form, such as one of SQL, from its parts upwards."""

    def turn(part: Condition) -> _T:
        if isinstance(part, Comparison):
            return comparison(part)
        if isinstance(part, Not):
            return negation(turn(part.condition))
        return (all_of if isinstance(part, AllOf) else any_of)([turn(each) for each in part.conditions])

    return turn(condition)


def named_fields(condition: Condition | None) -> set[str]:
    """Names of the fields that a condition is about."""
    if condition is None:
        return set()

    def together(parts: Sequence[set[str]]) -> set[str]:
        return set().union(*parts)

    return fold(
        condition,
        comparison=lambda comparison: {comparison.field},
        all_of=together,
        any_of=together,
        negation=lambda part: part,
    )


@cache
def _parser() -> Any:
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr")


def _condition(tree: Any, text: str, fields: Mapping[str, Field], depth: int = 0) -> Condition:
    if depth > _DEEPEST:
        _refuse(text, f"is nested more than {_DEEPEST} times")
    if tree.data == "comparison":
        left, operator, right = tree.children
        return _comparison(left, operator, right, text, fields)
    parts = tuple(_condition(child, text, fields, depth + 1) for child in tree.children)
    if tree.data == "negation":
        return Not(*parts)
    return AllOf(parts) if tree.data == "all_of" else AnyOf(parts)


def _comparison(left: Any, operator: Any, right: Any, text: str, fields: Mapping[str, Field]) -> Comparison:
    name, value = _unquoted(left), _unquoted(right)
    if name not in fields:
        _refuse(text, f"has the unknown field '{name}': {_known(name, fields)}")
    field = fields[name]
    if operator == ":" and right == "*":
        return Comparison(name, ":", None)
    if operator == ":" and field.kind != "text":
        _refuse(text, f"looks for text in '{name}', which holds none: compare it by =")
    if operator not in {"=", "!=", ":"} and field.kind in {"boolean", "choice"}:
        _refuse(text, f"compares '{name}' by {operator}, but its values have no order: use = or !=")
    if field.kind == "choice":
        if value.lower() not in field.choices:
            _refuse(text, f"compares '{name}' with '{value}': choose one of {', '.join(field.choices)}")
        return Comparison(name, operator.value, value.lower())
    read, what = _VALUES[field.kind]
    try:
        return Comparison(name, operator.value, read(value))
    except (ValueError, KeyError, OverflowError):
        _refuse(text, f"compares '{name}' with '{value}': give {what}")


def _unquoted(token: Any) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL) if token.type == "QUOTED" else str(token)


def _refuse(text: str, what: str) -> NoReturn:
    shown = text if len(text) <= 100 else f"{text[:100]}…"
    raise InvalidArgumentError(f"The filter '{shown}' {what}.", reason="FILTER_INVALID")


def _known(name: str, fields: Mapping[str, Field]) -> str:
    nearest = did_you_mean(name, fields)
    return f"{nearest}{'Fields are' if nearest else 'use one of'} {', '.join(fields)}"


def _integer(text: str) -> int | float:
    if re.fullmatch(r"[+-]?\d{1,19}", text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    return _number(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


_VALUES: dict[str, tuple[Callable[[str], Value], str]] = {
    "text": (str, "a text"),
    "integer": (_integer, "a number"),
    "number": (_number, "a number"),
    "boolean": (_boolean, "true or false"),
    "time": (_time, "a time such as 2026-11-29T12:00:00Z in quotes"),
}
