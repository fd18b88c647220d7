"""Interest, tags and notes: set bit by bit, by several people, read, exported, and gone with their dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from lse.client import Client, connect
from lse.errors import InvalidArgumentError, NotFoundError
from lse.platform.deletion import delete_resource
from world import World


def said(client: Client, *columns: str) -> dict[int, tuple[Any, ...]]:
    table = client.remarks.table("d", columns=columns)
    return {row["row"]: tuple(row[name] for name in columns) for row in table.to_pylist()}


def test_what_is_not_given_stays(world: World, client: Client) -> None:
    world.dataset("d", [{} for _ in range(6)], rejected=2)
    with connect(client.address, project="p", token="Ada") as ada:
        assert ada.remarks.set("d", rows=range(3), interest=4, add_tags=["merger", "blue "]) == 3
        assert ada.remarks.set("d", rows=[1, 2], interest=4, add_tags=["merger"]) == 0
    assert client.remarks.set("d", rows=[2, 5], note=" tidal tail ", remove_tags=["blue"]) == 2
    assert client.remarks.set("d", rows=[1], interest=-1) == 1
    assert said(client, "interest", "tags", "note") == {
        0: (4, ["blue", "merger"], ""),
        1: (None, ["blue", "merger"], ""),
        2: (4, ["merger"], "tidal tail"),
        5: (None, [], "tidal tail"),
    }
    assert said(client, "author")[0] == ("Ada",)
    assert said(client, "author")[2] != ("Ada",)
    # Of an image of which nothing is left to say there is no remark.
    assert client.remarks.set("d", rows=[5, 1], note="", remove_tags=["blue", "merger"]) == 2
    assert client.remarks.table("d", rows=[0, 1, 5], columns=["name"]).to_pydict() == {
        "name": ["image-0000"],
        "row": [0],
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"interest": 6}, "give 0 to 5"),
        ({"interest": -2}, "give 0 to 5"),
        ({"add_tags": [" "]}, "cannot be a tag"),
        ({"add_tags": ["a, b"]}, "without a comma"),
        ({"add_tags": [f"t{i}" for i in range(51)]}, "at most 50"),
        ({"note": "x" * 10_001}, "at most 10,000"),
    ],
)
def test_what_cannot_be_said_is_refused(world: World, client: Client, values: dict[str, Any], message: str) -> None:
    world.dataset("d", [{}])
    with pytest.raises(InvalidArgumentError, match=message) as refused:
        client.remarks.set("d", rows=[0], **values)
    assert refused.value.reason == "REMARK_INVALID"
    assert said(client, "note") == {}


def test_remarks_are_exported(world: World, client: Client, tmp_path: Path) -> None:
    dataset = world.dataset("d", [{} for _ in range(3)])
    world.experiment("x", dataset, np.eye(3))
    assert "remark.note" not in pq.read_schema(client.export("x", tmp_path / "none.parquet")).names
    client.remarks.set("d", rows=[0], interest=0)
    client.remarks.set("d", rows=[2], add_tags=["b", "a"], note="n")
    table = pq.read_table(client.export("x", tmp_path / "x.parquet"))
    assert table["remark.interest"].to_pylist() == [0, None, None]
    assert table["remark.tags"].to_pylist() == [None, None, "a, b"]
    assert table["remark.note"].to_pylist() == [None, None, "n"]


def test_remarks_end_with_their_dataset(world: World, client: Client) -> None:
    dataset = world.dataset("d", [{}])
    client.remarks.set("d", rows=[0], interest=5)
    delete_resource(world.platform, dataset, force=False)
    with pytest.raises(NotFoundError):
        client.remarks.table("d")
    world.dataset("d", [{}])
    assert said(client, "interest") == {}
