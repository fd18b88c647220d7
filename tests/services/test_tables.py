"""Tables that are read row by row and column by column, through the client and a real server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lse.client import Client
from lse.client.requests import rows_message
from lse.errors import InvalidArgumentError
from lse.platform.rpc.rows import rows_of
from world import World

COUNT = 40


@pytest.fixture
def read(client: Client, world: World) -> dict[str, Callable[..., pa.Table]]:
    """How each kind of table is read."""
    dataset = world.dataset("d", [{"flux": float(row)} for row in range(COUNT)], rejected=3)
    generator = np.random.default_rng(0)
    experiment = world.experiment("x", dataset, generator.normal(size=(COUNT, 4)))
    world.projection("p", experiment, generator.normal(size=(COUNT, 3)).astype(np.float32))
    labels = generator.integers(-1, 3, COUNT).astype(np.int32)
    world.clustering("k", experiment, labels=labels, memberships=generator.random(COUNT, np.float32))
    world.prediction("c", experiment, ["one", "two"], generator.random((COUNT, 2), np.float32))
    client.label_schemes.create("l", classes=["a"])
    client.labels.set("l", dataset="d", rows=range(COUNT), label="a")
    return {
        "image table": lambda **given: client.datasets.table("d", **given),
        "vectors": lambda **given: client.experiments.vectors("x", **given),
        "coordinates": lambda **given: client.projections.coordinates("x", "p", **given),
        "assignments": lambda **given: client.clusterings.assignments("x", "k", **given),
        "predictions": lambda **given: client.predictions.table("x", "c", **given),
        "labels": lambda **given: client.labels.table("l", dataset="d", **given),
    }


TABLES = ["image table", "vectors", "coordinates", "assignments", "predictions", "labels"]


@pytest.mark.parametrize("kind", TABLES)
def test_rows_and_columns_are_those_of_the_whole(read: dict[str, Callable[..., pa.Table]], kind: str) -> None:
    whole = read[kind]()
    if kind == "image table":
        whole = whole.filter(pa.compute.greater_equal(whole["row"], 0))
    for rows in ([3, 1, 39], range(5, 9), range(0), np.arange(COUNT), [7]):
        part = read[kind](rows=rows)
        assert part.schema == whole.schema
        assert part.equals(whole.take(pa.array(sorted(set(np.asarray(rows, int).tolist())), pa.int64())))
    for column in whole.column_names:
        part = read[kind](columns=[column], rows=[2, 30])
        assert set(part.column_names) - {"name"} == {"row", column} - {"name"}
        assert part[column].equals(whole[column].take(pa.array([2, 30])))


@pytest.mark.parametrize("kind", TABLES)
def test_wrong_rows_and_columns_are_refused(read: dict[str, Callable[..., pa.Table]], kind: str) -> None:
    for rows in ([40], range(39, 41), [5000]):
        with pytest.raises(InvalidArgumentError, match=r"has no rows? .*: rows go from 0 to 39"):
            read[kind](rows=rows)
    with pytest.raises(InvalidArgumentError, match=r"has no column 'nothing': it has .*row"):
        read[kind](columns=["row", "nothing"])


@given(st.sets(st.integers(0, 3000)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_arrive_as_they_were_sent(rows: set[int]) -> None:
    message = rows_message(rows)
    assert message is not None
    assert list(rows_of(message, count=3001, dataset="d")) == sorted(rows)


def test_few_of_many_rows_are_a_small_message() -> None:
    few: Any = rows_message([10_000_000])
    assert few.ByteSize() < 20
    some: Any = rows_message(range(1_000_000, 9_000_000))
    assert some.ByteSize() < 20
