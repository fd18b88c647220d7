"""Lists out of the catalogue: what a filter finds, in which order, and that pages make up the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Column, Float, MetaData, String, Table, delete, insert, select

from lse.errors import InvalidArgumentError
from lse.filters import Field, fold, parse_filter
from lse.platform.catalogue import Catalogue
from lse.platform.catalogue.pages import decode_page_token, encode_page_token, page_limit
from lse.platform.catalogue.queries import FieldColumn, PageRequest, json_values, select_page

TABLE = Table(
    "things",
    MetaData(),
    Column("name", String(20), primary_key=True),
    Column("create_time", Float, nullable=False),
    Column("spec", JSON, nullable=False),
)
KINDS = {"method": "text", "image_count": "integer", "score": "number", "simulated": "boolean"}
COLUMNS = {
    "name": FieldColumn(Field("text"), TABLE.c.name),
    "create_time": FieldColumn(Field("time"), TABLE.c.create_time),
    **{
        key: FieldColumn(Field(kind), json_values(TABLE.c.spec, key, Field(kind)))  # type: ignore[arg-type]
        for key, kind in KINDS.items()
    },
}
FIELDS = {name: column.field for name, column in COLUMNS.items()}

# Lower-case letters and what LIKE takes for a wildcard: every database puts these in the same order.
words = st.text("abc%_", max_size=3)
values: dict[str, st.SearchStrategy[Any]] = {
    "method": words,
    "image_count": st.sampled_from([-1, 0, 3, 4, 2**53 + 1]),
    "score": st.sampled_from([-1.5, 0.0, 0.1, 3.0]),
    "simulated": st.booleans(),
}
specs = st.fixed_dictionaries({}, optional={key: value | st.none() for key, value in values.items()})
things = st.lists(st.tuples(st.sampled_from([0.25, 1.5e9, 1.6e9]), specs), max_size=8)


def comparison(name: str, operator: str, value: Any) -> str:
    """One comparison of a filter."""
    return f"{name} {operator} '{value}'"


comparisons = st.one_of(
    *(
        st.builds(
            partial(comparison, key), st.sampled_from(["=", "!="] + (["<", ">="] if key != "simulated" else [])), value
        )
        for key, value in values.items()
    ),
    st.builds(partial(comparison, "method"), st.just(":"), words),
    st.sampled_from([f"{key}:*" for key in values]),
    st.sampled_from(["create_time > 2001-01-01", 'create_time <= "2017-07-14T02:40:00Z"']),
)
filters = st.recursive(
    comparisons,
    lambda part: st.one_of(
        part.map("NOT ({})".format),
        st.tuples(part, part).map(lambda two: f"({two[0]}) AND ({two[1]})"),
        st.tuples(part, part).map(lambda two: f"({two[0]}) OR ({two[1]})"),
    ),
    max_leaves=4,
)
orders = st.lists(
    st.tuples(st.sampled_from(sorted(COLUMNS)), st.sampled_from(["", " desc"])),
    max_size=3,
    unique_by=lambda order: order[0],
).map(lambda parts: ", ".join("".join(part) for part in parts))


@pytest.fixture
def catalogue(catalogue_url: str) -> Iterator[Catalogue]:
    catalogue = Catalogue(catalogue_url)
    with catalogue.transaction() as connection:
        TABLE.create(connection)
    yield catalogue
    with catalogue.transaction() as connection:
        TABLE.drop(connection)
    catalogue.close()


def holds(condition: Any, thing: dict[str, Any]) -> bool:
    """Whether a condition holds for a thing, by the rules of SQL for what is missing."""

    def compared(part: Any) -> Any:
        have, value = thing.get(part.field), part.value
        if value is None:
            return have is not None
        if have is None:
            return None
        value = value.timestamp() if isinstance(value, datetime) else value
        if part.operator == ":":
            return str(value).lower() in have.lower()
        tests = {"=": have == value, "!=": have != value, "<": have < value, ">=": have >= value}
        return tests.get(part.operator, have > value if part.operator == ">" else have <= value)

    def all_of(parts: Any) -> bool | None:
        return False if False in parts else None if None in parts else True

    def any_of(parts: Any) -> bool | None:
        return True if True in parts else None if None in parts else False

    return (
        fold(
            condition,
            comparison=compared,
            all_of=all_of,
            any_of=any_of,
            negation=lambda part: None if part is None else not part,
        )
        is True
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(things, filters | st.just(""), orders, st.integers(1, 4))
def test_pages_are_what_the_filter_says_in_order(
    catalogue: Catalogue, things: list[tuple[float, dict[str, Any]]], text: str, order: str, size: int
) -> None:
    kept = {
        f"thing-{index}": {"name": f"thing-{index}", "create_time": created, **spec}
        for index, (created, spec) in enumerate(things)
    }
    condition = parse_filter(text, FIELDS)
    expected = {name for name, thing in kept.items() if condition is None or holds(condition, thing)}
    with catalogue.transaction() as connection:
        connection.execute(delete(TABLE))
        for index, (created, spec) in enumerate(things):
            connection.execute(insert(TABLE).values(name=f"thing-{index}", create_time=created, spec=spec))
        found, token = [], ""
        while True:
            request = PageRequest(size, token, text, order)
            page = select_page(connection, select(TABLE), COLUMNS, request, scope="things")
            assert len(page.rows) <= size
            found += [row.name for row in page.rows]
            token = page.token_after(len(page.rows))
            if not token:
                break
    assert len(found) == len(expected)
    assert set(found) == expected

    def rank(name: str, field: str) -> tuple[bool, Any]:
        value = kept[name].get(field)
        return value is not None, value if value is not None else 0

    in_order = sorted(found)
    for part in reversed(order.split(", ") if order else []):
        field, _, descending = part.partition(" ")
        if part == order.rsplit(", ", maxsplit=1)[-1] and descending:
            in_order.sort(reverse=True)
        in_order.sort(key=lambda name, field=field: rank(name, field), reverse=bool(descending))  # type: ignore[misc]
    assert found == in_order


def test_a_page_that_is_cut_short_goes_on_where_it_was_cut(catalogue: Catalogue) -> None:
    with catalogue.transaction() as connection:
        for name in "abcde":
            connection.execute(insert(TABLE).values(name=name, create_time=0.0, spec={}))
        page = select_page(connection, select(TABLE), COLUMNS, PageRequest(3), scope="s")
        assert [row.name for row in page.rows] == ["a", "b", "c"]
        rest = select_page(connection, select(TABLE), COLUMNS, PageRequest(3, page.token_after(1)), scope="s")
        assert [row.name for row in rest.rows] == ["b", "c", "d"]
        last = select_page(connection, select(TABLE), COLUMNS, PageRequest(3, page.token_after(3)), scope="s")
        assert (len(last.rows), last.token_after(2)) == (2, "")
        for request in (
            PageRequest(3, page.token_after(3), filter="name = a"),
            PageRequest(3, page.token_after(3), order_by="create_time"),
            PageRequest(3, "bm90IG9uZQ=="),
            PageRequest(3, "é"),
        ):
            with pytest.raises(InvalidArgumentError, match="not one of this list"):
                select_page(connection, select(TABLE), COLUMNS, request, scope="s")
        with pytest.raises(InvalidArgumentError, match="not one of this list"):
            select_page(connection, select(TABLE), COLUMNS, PageRequest(3, page.token_after(3)), scope="other")
        with pytest.raises(InvalidArgumentError, match="negative"):
            select_page(connection, select(TABLE), COLUMNS, PageRequest(-1), scope="s")


@given(st.lists(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False), st.booleans()), min_size=1), st.text())
def test_tokens_hold_their_keys(keys: list[Any], scope: str) -> None:
    assert decode_page_token(encode_page_token(keys, of=[scope]), of=[scope]) == keys


def test_page_sizes() -> None:
    assert [page_limit(size) for size in (0, 1, 1000, 1001, 2**31 - 1)] == [100, 1, 1000, 1000, 1000]


def test_times_are_compared_in_utc() -> None:
    condition = parse_filter('create_time = "2026-11-29T00:00:00+01:00"', FIELDS)
    assert condition is not None
    assert condition.value == datetime(2026, 11, 28, 23, tzinfo=UTC)  # type: ignore[union-attr]
