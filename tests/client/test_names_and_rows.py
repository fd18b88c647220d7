"""Names are checked on the spot; row sets survive their bitmaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.client.names import Names
from lse.errors import InvalidArgumentError
from lse.names import (
    CLUSTERING,
    DATASET,
    ENCODER,
    EXPERIMENT,
    IMAGE,
    LABEL_SCHEME,
    OPERATION,
    PREDICTION,
    PROJECTION,
    SELECTION,
    image_name,
    image_of,
)
from lse.rows import bitmap_of_rows, rows_of_bitmap

IDS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", fullmatch=True)


@given(IDS, IDS, IDS)
def test_short_id_and_full_name_are_the_same(project, first, second):
    names = Names(project)
    for pattern in (DATASET, ENCODER, EXPERIMENT, SELECTION, LABEL_SCHEME, OPERATION):
        full = names.of(pattern, first)
        assert full == f"projects/{project}/{pattern.collections[-1]}/{first}"
        assert Names("other").of(pattern, full) == full
    for pattern, above in (
        (CLUSTERING, EXPERIMENT),
        (PROJECTION, EXPERIMENT),
        (PREDICTION, EXPERIMENT),
        (IMAGE, DATASET),
    ):
        nested = names.of(pattern, first, second)
        assert names.of(pattern, names.of(above, first), second) == nested
        assert Names("other").of(pattern, "ignored", nested) == nested
        assert nested == f"{names.of(above, first)}/{pattern.collections[-1]}/{second}"


def test_collections_know_their_kinds_by_the_messages(client):
    known = {
        client.datasets: DATASET,
        client.encoders: ENCODER,
        client.experiments: EXPERIMENT,
        client.projections: PROJECTION,
        client.clusterings: CLUSTERING,
        client.predictions: PREDICTION,
        client.label_schemes: LABEL_SCHEME,
        client.selections: SELECTION,
    }
    assert [collection._pattern for collection in known] == list(known.values())


@pytest.mark.parametrize(
    "name",
    ["", "Big", "white space", "-a", "a-", "x" * 64, "projects/p/encoders/e", "datasets/d", "projects//datasets/d"],
)
def test_wrong_names_are_refused_before_anything_is_sent(client, proxy, name):
    with pytest.raises(InvalidArgumentError) as caught:
        client.datasets.get(name)
    assert caught.value.reason == "NAME_INVALID"
    with pytest.raises(InvalidArgumentError):
        client.datasets.ingest(name, ["/data"])
    assert proxy.calls == []


def test_image_names_may_be_long():
    assert Names("p").of(IMAGE, "d", "a" * 4096).endswith("a" * 4096)
    for wrong in ("a" * 4097, "", "a\0b"):
        with pytest.raises(InvalidArgumentError):
            Names("p").of(IMAGE, "d", wrong)


@given(st.text(min_size=1, max_size=300).filter(lambda text: "\0" not in text))
def test_an_image_has_the_name_of_its_file_whatever_that_is(name):
    full = Names("p").of(IMAGE, "d", name) if not IMAGE.is_full(name) else IMAGE.format("p", "d", name)
    assert full.isascii()
    assert IMAGE.parse(full) == ("p", "d", name)
    assert image_name(full) == name
    assert Names("other").of(IMAGE, "ignored", full) == full
    assert image_of("projects/p/datasets/d", name) == full


def test_other_project_on_the_same_channel(client, proxy):
    other = client.with_project(f"{client.project}-survey")
    other.label_schemes.create("types")
    assert [item.name for item in other.label_schemes.list()] == [f"projects/{other.project}/labelSchemes/types"]
    assert client.label_schemes.list() == []
    assert other.project in client.projects()
    assert client.project not in client.projects()


@given(st.lists(st.integers(0, 5000)))
def test_rows_survive_their_bitmap(rows):
    found = rows_of_bitmap(bitmap_of_rows(rows))
    assert found.dtype == np.int64
    assert found.tolist() == sorted(set(rows))
    assert rows_of_bitmap(bitmap_of_rows(np.asarray(rows, dtype=np.int32))).tolist() == found.tolist()


@pytest.mark.parametrize("rows", [[-1], [0.5], [[1, 2]], [10**9]])
def test_wrong_rows_are_refused(rows):
    with pytest.raises(InvalidArgumentError):
        bitmap_of_rows(rows)


def test_selection_keeps_its_rows(prepared_client):
    selections = prepared_client.selections
    made = selections.create("odd", dataset="first", rows=range(1, 24, 2))
    assert (made.id, made.images, made.dataset) == ("odd", 12, "projects/prepared/datasets/first")
    assert selections.get("odd").rows.tolist() == list(range(1, 24, 2))
    names = ["even", "few", "many", "odd"]
    for name in names[:3]:
        selections.create(name, dataset="first", rows=[0])
    # Other tests keep selections of the dataset, too.
    listed = [item.id for item in selections.list(filter="dataset = projects/prepared/datasets/first")]
    assert [name for name in listed if name in names] == names
    for name in names:
        selections.delete(name)
