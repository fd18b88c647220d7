"""Similar images by examples, under filters, in other clusters and page by page, against plain NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import connected_components

from lse.client import Client, connect
from lse.errors import InvalidArgumentError, NotFoundError
from running_services import RunningServices


class World(NamedTuple):
    """A client, the catalogue of its images and their unit vectors."""

    client: Client
    images: pd.DataFrame
    units: np.ndarray


@pytest.fixture(scope="module")
def world(services: RunningServices, prepared: str) -> Iterator[World]:
    with connect(services.address, project=prepared) as client:
        images = client.datasets.table("first").to_pandas().query("status == 'prepared'").sort_values("row")
        vectors = client.experiments.vectors("first").to_pandas().sort_values("row")["vector"]
        exact = np.stack(vectors.to_list()).astype(np.float64)
        images["cluster"] = (
            client.clusterings.assignments("first", "first").to_pandas().sort_values("row")["cluster"].to_numpy()
        )
        yield World(client, images.reset_index(drop=True), exact / np.linalg.norm(exact, axis=1, keepdims=True))


def check(world: World, target: np.ndarray, allowed: np.ndarray, k: int, **query: object) -> None:
    found = world.client.search.similar("first", k=k, **query)
    cosines = world.units @ (target / np.linalg.norm(target))
    expected = np.flatnonzero(allowed)[np.argsort(-cosines[allowed], kind="stable")][:k]
    assert [match.row for match in found] == expected.tolist()
    assert [match.similarity for match in found] == pytest.approx(cosines[expected], abs=1e-6)
    assert [match.image_id for match in found] == world.images["name"][expected].tolist()


def test_examples(world):
    positive, negative = [0, 2, 4], [1, 3]
    target = 2 * world.units[positive].mean(axis=0) - world.units[negative].mean(axis=0)
    allowed = ~np.isin(np.arange(len(world.units)), [*positive, *negative])
    names = world.images["name"]
    check(world, target, allowed, 8, like=positive, unlike=negative)
    check(world, target, allowed, 8, like=[names[0], 2, 4], unlike=names[negative].tolist(), exact=True)
    world.client.selections.create("like", dataset="first", rows=positive)
    check(world, target, allowed, 50, like="like", unlike=negative)
    only = ~np.isin(np.arange(len(world.units)), positive)
    check(world, world.units[positive].mean(axis=0), only, 5, like="like")
    check(world, world.units[0], np.arange(len(world.units)) != 0, 5, like=[0])


def test_filters(world):
    images, query = world.images, world.images["name"][0]
    others = images["name"] != query
    bright = images["brightness"] > 170
    check(world, world.units[0], others & bright, 50, image=query, filter="brightness > 170")
    check(
        world,
        world.units[0],
        others & bright & (images["class"] == "disc"),
        3,
        image=query,
        filter="class = disc AND NOT brightness <= 170",
    )
    own = images["cluster"] == 1
    check(world, world.units[0], others & own, 50, image=query, filter="cluster.first = 1")
    world.client.label_schemes.create("kind", classes=["odd"])
    world.client.labels.set("kind", dataset="first", rows=[3, 7, 8], label="odd")
    labelled = np.isin(np.arange(len(images)), [3, 7, 8])
    check(world, world.units[0], labelled, 50, image=query, filter="label.kind = odd")
    assert world.client.search.similar("first", image=query, filter="class = galaxy") == []
    within = others & bright & (images["cluster"] == images["cluster"][0])
    check(
        world,
        world.units[0],
        within,
        50,
        image=query,
        filter="brightness > 170",
        scope="same-cluster",
        clustering="first",
    )


def test_the_best_of_each_other_cluster(world):
    images = world.images
    for row in (0, 1):
        (match,) = world.client.search.similar(
            "first", image=images["name"][row], scope="other-clusters", clustering="first", k=5
        )
        others = np.flatnonzero(images["cluster"] != images["cluster"][row])
        assert match.row == others[np.argmax(world.units[others] @ world.units[row])]
        assert match.cluster == images["cluster"][match.row]


@pytest.mark.parametrize("options", [{}, {"exact": True}, {"filter": "brightness > 0"}])
def test_pages_go_on_where_the_one_before_ended(world, monkeypatch, options):
    whole = world.client.search.similar("first", image="bar-00", k=100, **options)
    assert len(whole) == len(world.images) - 1
    monkeypatch.setattr("lse.client.search._PAGE", 4)
    assert world.client.search.similar("first", image="bar-00", k=100, **options) == whole
    assert world.client.search.similar("first", image="bar-00", k=10, **options) == whole[:10]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"image": "bar-00", "filter": "brightnes > 1"}, "did you mean 'brightness'"),
        ({"image": "bar-00", "filter": "status = prepared"}, "unknown field 'status'"),
        ({"like": []}, "No images to resemble are given"),
        ({"like": [99]}, "has no row 99"),
        ({"like": ["bar-00"], "unlike": ["bar-00"], "scope": "near"}, "not a scope"),
        ({"image": "bar-00", "unlike": ["bar-01"]}, "give images to resemble"),
        ({"image": "bar-00", "k": 0}, "1 to 1000000 images"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(world, query, message):
    with pytest.raises(InvalidArgumentError, match=message):
        world.client.search.similar("first", **query)


def test_an_example_that_is_not_there_is_named(world):
    with pytest.raises(NotFoundError, match="no image 'none'"):
        world.client.search.similar("first", like=["bar-00", "none"])


def test_many_searches_in_one_call(world, tmp_path):
    names, units = world.images["name"], world.units
    own = np.eye(len(units), dtype=bool)
    cosines = np.where(own, -2, units @ units.T)
    expected = np.argsort(-cosines, axis=1, kind="stable")[:, :4]
    rows = [7, 2, 2, 11]
    for exact in (False, True):
        found = world.client.search.similar_to_each("first", rows=rows, k=4, exact=exact).to_pandas()
        assert found["query"].tolist() == np.repeat(np.arange(4), 4).tolist()
        assert found["row"].to_numpy().reshape(4, 4).tolist() == expected[rows].tolist()
        assert found["similarity"].to_numpy() == pytest.approx(np.sort(cosines[rows])[:, :-5:-1].ravel(), abs=1e-6)
        by_name = world.client.search.similar_to_each("first", images=names[rows], k=4, exact=exact).to_pandas()
        assert by_name["name"].tolist() == names[expected[rows].ravel()].tolist()
        vectors = world.client.search.similar_to_each(
            "first", vectors=units[rows] * 1e-20, k=5, exact=exact
        ).to_pandas()
        assert vectors["row"].to_numpy().reshape(4, 5)[:, 0].tolist() == rows
    discs = world.images["class"] == "disc"
    table = world.client.search.similar_to_each("first", rows=range(len(units)), k=1000, filter="class = disc")
    counts = np.bincount(table["query"], minlength=len(units))
    assert counts.tolist() == (discs.sum() - discs).tolist()


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ({}, "exactly one of images, rows and vectors"),
        ({"rows": []}, "Nothing to search for"),
        ({"rows": [99]}, "has no row 99"),
        ({"vectors": [[1.0, 2.0]]}, "not whole vectors of 8 components"),
        ({"vectors": np.zeros((3, 8))}, "Vector 0 is not finite or has no direction"),
        ({"rows": [1], "k": 1001}, "1 to 1000 images"),
    ],
)
def test_many_searches_that_cannot_be_are_refused(world, queries, message):
    with pytest.raises(InvalidArgumentError, match=message):
        world.client.search.similar_to_each("first", **queries)


def test_near_duplicates(world):
    table = world.client.experiments.near_duplicates("first", min_similarity=0.97)
    cosines = world.units @ world.units.T - 2 * np.eye(len(world.units))
    graph = cosines >= 0.97
    count, component = connected_components(graph, directed=False)
    expected = {frozenset(np.flatnonzero(component == each)) for each in range(count)}
    found = table.to_pandas()
    groups = [frozenset(rows) for _, rows in found.groupby("group")["row"]]
    assert set(groups) == {group for group in expected if len(group) > 1}
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)
    assert found["similarity"].to_numpy() == pytest.approx(cosines[found["row"]].max(axis=1), abs=1e-6)
    assert found["name"].tolist() == world.images["name"][found["row"]].tolist()
    nearest = 1 - np.sort(cosines, axis=1)[:, -1]
    usual = world.client.experiments.near_duplicates("first").schema.metadata[b"min_similarity"]
    assert float(usual) == pytest.approx(1 - np.median(nearest) / 10, abs=1e-6)
    with pytest.raises(InvalidArgumentError, match="above 0 and up to 1"):
        world.client.experiments.near_duplicates("first", min_similarity=1.5)
