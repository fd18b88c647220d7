"""Label schemes and labels, through the client and a real server."""

from __future__ import annotations

import getpass
import threading
from datetime import UTC, datetime, timedelta

import pytest

from lse.client import Client, connect
from lse.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
)
from lse.platform.deletion import delete_resource
from world import World


def test_classes_have_definitions(client: Client) -> None:
    meaning = {"FRI": "Brightest near the core.", "FRII": " Brightest at the ends. "}
    made = client.label_schemes.create("shape", classes=["FRI", "FRII"], class_definitions=meaning)
    assert made.class_definitions == {"FRI": "Brightest near the core.", "FRII": "Brightest at the ends."}
    # What is not given stays, what is empty goes, and a definition goes with its class.
    assert client.label_schemes.update("shape", title="Form").class_definitions == made.class_definitions
    fewer = client.label_schemes.update("shape", classes=["FRII", "bent"])
    assert fewer.class_definitions == {"FRII": "Brightest at the ends."}
    changed = client.label_schemes.update("shape", class_definitions={"bent": "The tails are swept back.", "FRII": " "})
    assert changed.class_definitions == {"bent": "The tails are swept back."}
    assert client.label_schemes.get("shape") == changed
    for wrong, why in (
        ({"FRI": "x"}, "no class 'FRI' to define: choose from FRII, bent"),
        ({"bent": "x" * 2001}, "2,001"),
    ):
        with pytest.raises(InvalidArgumentError, match=why) as refused:
            client.label_schemes.update("shape", class_definitions=wrong)
        assert refused.value.reason == "CLASS_INVALID"
    assert client.label_schemes.get("shape") == changed


def test_schemes_are_made_changed_listed_and_deleted(client: Client) -> None:
    made = client.label_schemes.create("shape", title="Shape", classes=["FRI", "FRII", "ellipse à bras"])
    assert (made.id, made.title, made.classes) == ("shape", "Shape", ("FRI", "FRII", "ellipse à bras"))
    assert made.create_time is not None
    assert abs(made.create_time - datetime.now(UTC)) < timedelta(minutes=1)
    with pytest.raises(AlreadyExistsError, match="choose another name"):
        client.label_schemes.create("shape")
    changed = client.label_schemes.update("shape", classes=["FRI", "bent"])
    assert (changed.title, changed.classes) == ("Shape", ("FRI", "bent"))
    assert client.label_schemes.get("shape") == changed
    client.label_schemes.create("another")
    assert [scheme.id for scheme in client.label_schemes.list()] == ["another", "shape"]
    with connect(client.address, project="p", token="Ada") as ada:
        assert ada.label_schemes.create("third").creator == "Ada"
        assert ada.label_schemes.update("shape", title="Form").creator == getpass.getuser()
        ada.label_schemes.delete("third")
    client.label_schemes.delete("shape")
    assert [scheme.id for scheme in client.label_schemes.list()] == ["another"]
    with pytest.raises(NotFoundError, match="no label scheme named 'shape'"):
        client.label_schemes.delete("shape")
    with pytest.raises(NotFoundError, match="no label scheme named 'shape'"):
        client.label_schemes.update("shape", title="x")


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
        client.label_schemes.create("s", classes=classes)
    assert caught.value.reason == "CLASS_INVALID"
    assert client.label_schemes.list() == []


def test_labels_are_set_changed_taken_away_and_read(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(12)], rejected=3)
    client.label_schemes.create("s", classes=["a", "b"])
    ada, bo, cy = (connect(client.address, project="p", token=name) for name in ("Ada", "Bo", "Cy"))
    with ada, bo, cy:
        assert ada.labels.set("s", dataset="d", rows=[1, 3, 11], label="a") == 3
        assert bo.labels.set("s", dataset="d", rows=[3, 4], label="b") == 2
        assert cy.labels.set("s", dataset="d", rows=[1, 3, 4], label="b") == 1
        assert ada.labels.set("s", dataset="d", rows=[11, 5], label="") == 1
    table = client.labels.table("s", dataset="d")
    assert table.drop_columns(["time"]).to_pylist() == [
        {"name": "image-0001", "row": 1, "label": "b", "author": "Cy"},
        {"name": "image-0003", "row": 3, "label": "b", "author": "Bo"},
        {"name": "image-0004", "row": 4, "label": "b", "author": "Bo"},
    ]
    assert all(abs(time - datetime.now(UTC)) < timedelta(minutes=1) for time in table["time"].to_pylist())


def test_what_each_expert_said_is_kept_and_compared(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(10)])
    client.label_schemes.create("s", classes=["a", "b", "c"])
    ada, bo = (connect(client.address, project="p", token=name) for name in ("Ada", "Bo"))
    with ada, bo:
        ada.labels.set("s", dataset="d", rows=range(8), label="a")
        bo.labels.set("s", dataset="d", rows=[1, 2, 3], label="b")
        bo.labels.set("s", dataset="d", rows=[4, 5], label="a")  # as in force: kept as his own all the same
        each = client.labels.table("s", dataset="d", rows=[2, 4], each_expert=True).to_pandas()
        assert each[["label", "author"]].to_numpy().tolist() == [["a", "Ada"], ["b", "Bo"], ["a", "Ada"], ["a", "Bo"]]
        found = client.labels.agreement("s", dataset="d")
        assert [(one.expert, one.images, one.shared) for one in found.experts] == [("Ada", 8, 5), ("Bo", 5, 5)]
        assert (found.shared, found.disputed_rows) == (5, (1, 2, 3))
        (pair,) = found.pairs
        assert (pair.first, pair.second, pair.images, pair.agreement, pair.kappa) == ("Ada", "Bo", 5, 0.4, 0.0)
        # Krippendorff: 10 labels of shared images, 7 a and 3 b; 3 images with one of each.
        assert found.alpha == pytest.approx(1 - 9 * 6 / (100 - 49 - 9))

        # Who takes his own back leaves those of the others; who has none takes all away.
        assert bo.labels.set("s", dataset="d", rows=[1, 4], label="") == 2
        table = client.labels.table("s", dataset="d", rows=[1, 4])
        assert table.select(["label", "author"]).to_pylist() == [{"label": "a", "author": "Ada"}] * 2
        assert client.labels.agreement("s", dataset="d").disputed_rows == (2, 3)
        assert bo.labels.set("s", dataset="d", rows=[1], label="") == 1
        assert client.labels.table("s", dataset="d", rows=[1], each_expert=True).num_rows == 0
        # Said again after somebody said otherwise, a label is the newest once more.
        ada.labels.set("s", dataset="d", rows=[3], label="a")
        assert client.labels.table("s", dataset="d", rows=[3])["label"].to_pylist() == ["a"]
        assert bo.labels.set("s", dataset="d", rows=[3], label="") == 1
        assert client.labels.table("s", dataset="d", rows=[3])["author"].to_pylist() == ["Ada"]
        # A class that only one expert still has is in use.
        ada.labels.set("s", dataset="d", rows=[2], label="c")
        bo.labels.set("s", dataset="d", rows=[2], label="a")
    with pytest.raises(FailedPreconditionError, match="1 image is labelled 'c'"):
        client.label_schemes.update("s", classes=["a", "b"])


def test_no_labels_are_an_empty_table(client: Client, world: World) -> None:
    world.dataset("d", [{}])
    client.label_schemes.create("s")
    table = client.labels.table("s", dataset="d")
    assert table.column_names == ["name", "row", "label", "author", "time"]
    assert table.num_rows == 0


def test_wrong_labels_are_refused_and_change_nothing(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(5)])
    client.label_schemes.create("s", classes=["a"])
    refusals: list[tuple[type[LseError], str, dict[str, object]]] = [
        (InvalidArgumentError, "its classes are a", {"rows": [0], "label": "c"}),
        (InvalidArgumentError, "no row 5: rows go from 0 to 4", {"rows": [0, 5], "label": "a"}),
        (InvalidArgumentError, "choose at least one image", {"rows": [], "label": "a"}),
        (NotFoundError, "no dataset named 'e'", {"rows": [0], "label": "a", "dataset": "e"}),
        (InvalidArgumentError, "another project", {"rows": [0], "label": "a", "dataset": "projects/q/datasets/d"}),
    ]
    for error, message, arguments in refusals:
        with pytest.raises(error, match=message):
            client.labels.set("s", **{"dataset": "d", **arguments})  # type: ignore[arg-type]
    assert client.labels.table("s", dataset="d").num_rows == 0


def test_a_class_in_use_stays(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(5)])
    client.label_schemes.create("s", classes=["a", "b"])
    client.labels.set("s", dataset="d", rows=[0, 1], label="a")
    with pytest.raises(FailedPreconditionError, match="2 images are labelled 'a'"):
        client.label_schemes.update("s", classes=["b"])
    assert client.label_schemes.update("s", classes=["c", "a"]).classes == ("c", "a")


def test_labels_belong_to_the_very_scheme_and_dataset(client: Client, world: World) -> None:
    """Neither a scheme nor a dataset made anew under an old name has the labels of the old one."""
    dataset = world.dataset("d", [{} for _ in range(5)])
    client.label_schemes.create("s", classes=["a"])
    client.labels.set("s", dataset="d", rows=[0], label="a")
    client.label_schemes.delete("s")
    client.label_schemes.create("s", classes=["a"])
    assert client.labels.table("s", dataset="d").num_rows == 0
    client.labels.set("s", dataset="d", rows=[0], label="a")
    delete_resource(world.platform, dataset)
    world.dataset("d", [{} for _ in range(5)])
    assert client.labels.table("s", dataset="d").num_rows == 0


def test_labels_set_at_the_same_time_are_all_kept(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(4000)])
    client.label_schemes.create("s", classes=["even", "odd"])
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
