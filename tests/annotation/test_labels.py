"""Label schemes and labels, through the client and a real server."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from lse.client import Client
from lse.platform.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
)

from .conftest import World


def test_schemes_are_made_changed_listed_and_deleted(client: Client) -> None:
    made = client.labels.create_scheme("shape", title="Shape", classes=["FRI", "FRII", "ellipse à bras"])
    assert (made.id, made.title, made.classes) == ("shape", "Shape", ("FRI", "FRII", "ellipse à bras"))
    assert made.create_time is not None
    assert abs(made.create_time - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(AlreadyExistsError, match="choose another name"):
        client.labels.create_scheme("shape")
    changed = client.labels.update_scheme("shape", classes=["FRI", "bent"])
    assert (changed.title, changed.classes) == ("Shape", ("FRI", "bent"))
    assert client.labels.scheme("shape") == changed
    client.labels.create_scheme("another")
    assert [scheme.id for scheme in client.labels.schemes()] == ["another", "shape"]
    client.labels.delete_scheme("shape")
    assert [scheme.id for scheme in client.labels.schemes()] == ["another"]
    with pytest.raises(NotFoundError, match="no label scheme named 'shape'"):
        client.labels.delete_scheme("shape")
    with pytest.raises(NotFoundError, match="no label scheme named 'shape'"):
        client.labels.update_scheme("shape", title="x")


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([""], "empty or has spaces"),
        ([" a"], "empty or has spaces"),
        (["a", "b", "a"], "'a' is given twice"),
        (["x" * 201], "at most 200"),
    ],
)
def test_wrong_classes_are_refused(client: Client, classes: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        client.labels.create_scheme("s", classes=classes)
    assert caught.value.reason == "INVALID_CLASS"
    assert client.labels.schemes() == []


def test_labels_are_set_changed_taken_away_and_read(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(12)], rejected=3)
    client.labels.create_scheme("s", classes=["a", "b"])
    assert client.labels.set("s", dataset="d", rows=[1, 3, 11], label="a", author="Ada") == 3
    assert client.labels.set("s", dataset="d", rows=[3, 4], label="b", author="Bo") == 2
    assert client.labels.set("s", dataset="d", rows=[1, 3, 4], label="b", author="Cy") == 1
    assert client.labels.set("s", dataset="d", rows=[11, 5], label="") == 1
    table = client.labels.table("s", dataset="d")
    assert table.drop_columns(["time"]).to_pylist() == [
        {"name": "image-0001", "row": 1, "label": "b", "author": "Cy"},
        {"name": "image-0003", "row": 3, "label": "b", "author": "Bo"},
        {"name": "image-0004", "row": 4, "label": "b", "author": "Bo"},
    ]
    assert all(abs(time - datetime.now(UTC)) < timedelta(minutes=1) for time in table["time"].to_pylist())


def test_no_labels_are_an_empty_table(client: Client, world: World) -> None:
    world.dataset("d", [{}])
    client.labels.create_scheme("s")
    table = client.labels.table("s", dataset="d")
    assert table.column_names == ["name", "row", "label", "author", "time"]
    assert table.num_rows == 0


def test_wrong_labels_are_refused_and_change_nothing(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(5)])
    client.labels.create_scheme("s", classes=["a"])
    refusals: list[tuple[type[LseError], str, dict[str, object]]] = [
        (InvalidArgumentError, "its classes are a", {"rows": [0], "label": "c"}),
        (InvalidArgumentError, "no row 5: rows go from 0 to 4", {"rows": [0, 5], "label": "a"}),
        (InvalidArgumentError, "choose at least one image", {"rows": [], "label": "a"}),
        (InvalidArgumentError, "use at most 200", {"rows": [0], "label": "a", "author": "x" * 201}),
        (NotFoundError, "no dataset named 'e'", {"rows": [0], "label": "a", "dataset": "e"}),
        (InvalidArgumentError, "another project", {"rows": [0], "label": "a", "dataset": "projects/q/datasets/d"}),
    ]
    for error, message, arguments in refusals:
        with pytest.raises(error, match=message):
            client.labels.set("s", **{"dataset": "d", **arguments})  # type: ignore[arg-type]
    assert client.labels.table("s", dataset="d").num_rows == 0


def test_a_class_in_use_stays(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(5)])
    client.labels.create_scheme("s", classes=["a", "b"])
    client.labels.set("s", dataset="d", rows=[0, 1], label="a")
    with pytest.raises(FailedPreconditionError, match="2 images are labelled 'a'"):
        client.labels.update_scheme("s", classes=["b"])
    assert client.labels.update_scheme("s", classes=["c", "a"]).classes == ("c", "a")


def test_labels_belong_to_the_very_scheme_and_dataset(client: Client, world: World) -> None:
    """Neither a scheme nor a dataset made anew under an old name has the labels of the old one."""
    dataset = world.dataset("d", [{} for _ in range(5)])
    client.labels.create_scheme("s", classes=["a"])
    client.labels.set("s", dataset="d", rows=[0], label="a")
    client.labels.delete_scheme("s")
    client.labels.create_scheme("s", classes=["a"])
    assert client.labels.table("s", dataset="d").num_rows == 0
    client.labels.set("s", dataset="d", rows=[0], label="a")
    world.platform.delete(dataset)
    world.dataset("d", [{} for _ in range(5)])
    assert client.labels.table("s", dataset="d").num_rows == 0


def test_labels_set_at_the_same_time_are_all_kept(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(4000)])
    client.labels.create_scheme("s", classes=["even", "odd"])
    threads = [
        threading.Thread(
            target=lambda first: client.labels.set(
                "s", dataset="d", rows=list(range(first, 4000, 4)), label=["even", "odd"][first % 2]
            ),
            args=(first,),
        )
        for first in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    table = client.labels.table("s", dataset="d")
    assert table["row"].to_pylist() == list(range(4000))
    assert table["label"].to_pylist() == ["even", "odd"] * 2000
