"""Selections and their bitmaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.client import Client
from lse.errors import (
    AlreadyExistsError,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from lse.platform.deletion import delete_resource
from lse.rows import bitmap_of_rows, pack_bitmap, rows_of_bitmap, unpack_bitmap
from world import World


@given(st.sets(st.integers(0, 5000)))
def test_bitmaps_and_rows_are_the_same_sets(rows: set[int]) -> None:
    bitmap = bitmap_of_rows(np.array(sorted(rows), np.int64))
    assert rows_of_bitmap(bitmap).tolist() == sorted(rows)
    assert all(bitmap[row // 8] >> row % 8 & 1 for row in rows)
    assert unpack_bitmap(pack_bitmap(bitmap)) == bitmap


def test_damaged_bitmap_is_told() -> None:
    with pytest.raises(DataLossError, match="select again"):
        unpack_bitmap("no base 64 at all!")


def test_selections_are_kept_listed_and_deleted(client: Client, world: World) -> None:
    dataset = world.dataset("d", [{} for _ in range(100)])
    made = client.selections.create("nice", dataset="d", rows=[99, 7, 7, 0])
    assert (made.id, made.dataset, made.images) == ("nice", dataset.name, 3)
    assert made.rows.tolist() == [0, 7, 99]
    assert client.selections.get("nice") == made
    client.selections.create("all", dataset="d", rows=range(100))
    assert [(each.id, each.images) for each in client.selections.list()] == [("all", 100), ("nice", 3)]
    with pytest.raises(AlreadyExistsError, match="selection named 'all' exists"):
        client.selections.create("all", dataset="d", rows=[1])
    client.selections.delete("nice")
    with pytest.raises(NotFoundError, match="no selection named 'nice'"):
        client.selections.get("nice")
    with pytest.raises(NotFoundError, match="no selection named 'nice'"):
        client.selections.delete("nice")


def test_wrong_selections_are_refused(client: Client, world: World) -> None:
    world.dataset("d", [{} for _ in range(5)])
    with pytest.raises(InvalidArgumentError, match="no row 5"):
        client.selections.create("s", dataset="d", rows=[5])
    with pytest.raises(InvalidArgumentError, match="at least one image"):
        client.selections.create("s", dataset="d", rows=[])
    with pytest.raises(NotFoundError, match="no dataset named 'e'"):
        client.selections.create("s", dataset="e", rows=[0])
    assert client.selections.list() == []


def test_a_dataset_goes_only_with_its_selections(client: Client, world: World) -> None:
    dataset = world.dataset("d", [{}])
    client.selections.create("s", dataset="d", rows=[0])
    with pytest.raises(Exception, match="is used by selection 's'"):
        delete_resource(world.platform, dataset)
    delete_resource(world.platform, dataset, force=True)
    assert client.selections.list() == []


def test_pages_of_large_selections_fit_into_messages(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lse.platform.rpc import collection

    world.dataset("d", [{} for _ in range(8000)])
    monkeypatch.setattr(collection, "_PAGE_BYTES", 2500)
    names = [f"s{index}" for index in range(5)]
    for name in names:
        client.selections.create(name, dataset="d", rows=[0, 7999])
    assert [each.id for each in client.selections.list(view="full")] == names
    assert all(each.rows.tolist() == [0, 7999] for each in client.selections.list(view="full"))
    (first, *_) = client.selections.list()
    with pytest.raises(FailedPreconditionError, match="were not read"):
        _ = first.rows
