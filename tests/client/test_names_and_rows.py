"""Names are checked on the spot; row sets survive their bitmaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.client.names import Names, new_name
from lse.client.rows import bitmap_of, rows_of
from lse.platform.errors import InvalidArgumentError

IDS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", fullmatch=True)


@given(IDS, IDS, IDS)
def test_short_id_and_full_name_are_the_same(project, first, second):
    names = Names(project)
    for full in (names.dataset(first), names.encoder(first), names.experiment(first), names.selection(first)):
        assert full.startswith(f"projects/{project}/")
        assert new_name(full) == (f"projects/{project}", first)
    assert Names("other").dataset(names.dataset(first)) == names.dataset(first)
    nested = names.clustering(first, second)
    assert names.clustering(names.experiment(first), second) == nested
    assert Names("other").clustering("ignored", nested) == nested
    assert new_name(nested) == (names.experiment(first), second)


@pytest.mark.parametrize(
    "name",
    ["", "Big", "white space", "-a", "a-", "x" * 64, "projects/p/encoders/e", "datasets/d", "projects//datasets/d"],
)
def test_wrong_names_are_refused_before_anything_is_sent(client, memory, name):
    with pytest.raises(InvalidArgumentError) as caught:
        client.datasets.get(name)
    assert caught.value.reason == "INVALID_NAME"
    with pytest.raises(InvalidArgumentError):
        client.datasets.ingest(name, ["/data"])
    assert memory.calls == []


def test_image_names_may_be_long(client):
    assert Names("p").image("d", "a" * 200).endswith("a" * 200)
    with pytest.raises(InvalidArgumentError):
        Names("p").image("d", "a" * 201)


def test_other_project_on_the_same_channel(client):
    other = client.with_project("survey")
    other.datasets.ingest("first", ["/data"]).wait(show_progress=False)
    assert [item.name for item in other.datasets.list()] == ["projects/survey/datasets/first"]
    assert client.datasets.list() == []
    assert client.projects() == ["survey"]


@given(st.lists(st.integers(0, 5000)))
def test_rows_survive_their_bitmap(rows):
    found = rows_of(bitmap_of(rows))
    assert found.dtype == np.int64
    assert found.tolist() == sorted(set(rows))
    assert rows_of(bitmap_of(np.asarray(rows, dtype=np.int32))).tolist() == found.tolist()


@pytest.mark.parametrize("rows", [[-1], [0.5], [[1, 2]], [10**9]])
def test_wrong_rows_are_refused(rows):
    with pytest.raises(InvalidArgumentError):
        bitmap_of(rows)


def test_selection_keeps_its_rows(client):
    made = client.selections.create("odd", dataset="first", rows=range(1, 100, 2))
    assert (made.id, made.images, made.dataset) == ("odd", 50, "projects/default/datasets/first")
    assert client.selections.get("odd").rows.tolist() == list(range(1, 100, 2))
    for name in ("even", "few", "many"):
        client.selections.create(name, dataset="first", rows=[0])
    assert [item.id for item in client.selections.list()] == ["even", "few", "many", "odd"]
