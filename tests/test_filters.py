"""The filter language: what is written comes back as a condition, and all else is refused with a sentence."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError
from lse.filters import AllOf, AnyOf, Comparison, Condition, Field, Not, Order, fold, parse_filter, parse_order

FIELDS = {
    "method": Field("text"),
    "image_count": Field("integer"),
    "header.exptime": Field("number"),
    "simulated": Field("boolean"),
    "create_time": Field("time"),
    "state": Field("choice", ("creating", "ready", "failed")),
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_values = {
    "method": texts,
    "image_count": st.integers(-(2**63), 2**63 - 1),
    "header.exptime": st.floats(allow_nan=False, allow_infinity=False),
    "simulated": st.booleans(),
    "create_time": st.datetimes(timezones=st.just(UTC)),
    "state": st.sampled_from(["creating", "ready", "failed"]),
}
_operators = {
    name: ["=", "!="] if name in {"simulated", "state"} else ["=", "!=", "<", "<=", ">", ">="] for name in FIELDS
}
comparisons = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda name: st.one_of(
        st.builds(Comparison, st.just(name), st.sampled_from(_operators[name]), _values[name]),
        st.just(Comparison(name, ":", None)),
    )
) | st.builds(Comparison, st.just("method"), st.just(":"), texts)
conditions: st.SearchStrategy[Condition] = st.recursive(
    comparisons,
    lambda part: st.one_of(
        st.builds(Not, part),
        st.builds(AllOf, st.lists(part, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(part, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def written(condition: Condition) -> str:
    """Filter that states a condition."""

    def comparison(part: Comparison) -> str:
        value = part.value
        if value is None:
            return f"{part.field}:*"
        if isinstance(value, datetime):
            value = value.isoformat()
        text = str(value).lower() if isinstance(value, bool) else str(value)
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{part.field} {part.operator} {quoted}"

    return fold(
        condition,
        comparison=comparison,
        all_of=lambda parts: f"({' AND '.join(parts)})",
        any_of=lambda parts: f"({' OR '.join(parts)})",
        negation=lambda part: f"NOT {part}",
    )


@given(conditions)
def test_a_condition_is_read_as_it_was_written(condition: Condition) -> None:
    text = written(condition)
    if len(text) <= 2000:
        assert parse_filter(text, FIELDS) == condition


@given(st.text(max_size=60) | st.text(" ()=<>!:\"'*\\ANDORTmethod1.-", max_size=40))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgumentError):  # any other error is a fault
        parse_filter(text, FIELDS)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("", None),
        (" \n", None),
        ("method = umap", Comparison("method", "=", "umap")),
        ("method='a \\'b\\''", Comparison("method", "=", "a 'b'")),
        ("ANDmethod = 1", "unknown field 'ANDmethod': did you mean 'method'?"),
        ("method = ANDROMEDA", Comparison("method", "=", "ANDROMEDA")),
        ("state = READY", Comparison("state", "=", "ready")),
        ("image_count=9007199254740993", Comparison("image_count", "=", 9007199254740993)),
        ("image_count < 2.5", Comparison("image_count", "<", 2.5)),
        ("header.exptime > -1e3", Comparison("header.exptime", ">", -1000.0)),
        ("create_time >= 2026-11-29", Comparison("create_time", ">=", datetime(2026, 11, 29, tzinfo=UTC))),
        (
            'create_time < "2026-11-29T01:00:00+02:00"',
            Comparison("create_time", "<", datetime(2026, 11, 28, 23, tzinfo=UTC)),
        ),
        ("((simulated = TRUE))", Comparison("simulated", "=", True)),
        ("NOT method:um", Not(Comparison("method", ":", "um"))),
        ("methid = 1", "unknown field 'methid': did you mean 'method'? Fields are method, image_count"),
        ("method", "ends too early; write for instance create_time"),
        ("method = ", "ends too early"),
        ("method = a AND", "ends too early"),
        ("method = a image_count = 1", "is not understood at 'image_count = 1'"),
        ("method = a AND image_count = 1 OR image_count = 2", "put parentheses where AND and OR meet"),
        ("method = a)", "is not understood at ')'"),
        ("(method = a", "ends too early"),
        ("image_count = many", "compares 'image_count' with 'many': give a number"),
        ("header.exptime = nan", "give a number"),
        ("header.exptime = 1e999", "give a number"),
        ("simulated = maybe", "give true or false"),
        ("simulated < true", "its values have no order"),
        ("state = gone", "choose one of creating, ready, failed"),
        ("create_time = today", "give a time such as"),
        ("image_count:3", "looks for text in 'image_count'"),
        ("NOT " * 30 + "method = a", "nested more than 20 times"),
        ("method = " + "a" * 2000, "longer than 2000 characters"),
        ("method = 'a", "is not understood at ''a'"),
    ],
)
def test_filters(text: str, condition: Condition | str | None) -> None:
    if isinstance(condition, str):
        with pytest.raises(InvalidArgumentError, match="The filter") as caught:
            parse_filter(text, FIELDS)
        assert caught.value.reason == "FILTER_INVALID"
        assert condition in caught.value.message
    else:
        assert parse_filter(text, FIELDS) == condition


def test_orders() -> None:
    assert parse_order("", FIELDS) == ()
    assert parse_order(" create_time  desc, method,image_count asc", FIELDS) == (
        Order("create_time", descending=True),
        Order("method"),
        Order("image_count"),
    )
    for text, message in [
        ("create_time descending", "is not understood at 'create_time descending'"),
        ("method, method desc", "give each once"),
        ("creat_time", "did you mean 'create_time'?"),
        ("method,", "There is no field '' to order by"),
    ]:
        with pytest.raises(InvalidArgumentError) as caught:
            parse_order(text, FIELDS)
        assert message in caught.value.message
        assert caught.value.reason == "ORDER_INVALID"
