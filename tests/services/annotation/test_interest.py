"""Images ranked by the interest that experts are likely to have in them."""

from __future__ import annotations

import numpy as np
import pytest

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.suggestions import expected_interest
from lse.client import Client
from lse.errors import InvalidArgumentError
from world import World


def groups(sizes: list[int], *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around the axes of a space, one group an axis, and the group of each."""
    which = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).normal(scale=0.15, size=(len(which), len(sizes) + 5))
    return (np.eye(len(sizes) + 5)[which] + noise).astype(np.float32), which


def ranked(vectors: np.ndarray, interest: dict[int, int]) -> np.ndarray:
    distances = build_neighbour_graph(vectors, k=min(20, len(vectors) - 1)).distances
    return expected_interest(vectors, distances, interest)


def test_unusual_images_come_first_as_long_as_nobody_judged() -> None:
    vectors, _ = groups([200, 200])
    vectors[[7, 300]] = np.random.default_rng(1).normal(size=(2, vectors.shape[1]))
    assert set(np.argsort(-ranked(vectors, {}))[:2].tolist()) == {7, 300}


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_answers_find_a_rare_kind_among_artefacts_that_are_rarer_still(seed: int) -> None:
    # Two kinds that are usual, artefacts that are as unusual as what is looked for, and that.
    vectors, which = groups([500, 450, 20, 30], seed=seed)
    interest: dict[int, int] = {}
    for _ in range(10):
        order = [row for row in np.argsort(-ranked(vectors, interest)).tolist() if row not in interest][:10]
        interest |= {row: {2: 0, 3: 5}.get(int(which[row]), 1) for row in order}
    top = which[np.argsort(-ranked(vectors, interest))[:50]]
    assert (top == 3).sum() == 30
    assert (top == 2).sum() <= 5


def test_the_order_of_rows_changes_nothing() -> None:
    vectors, _ = groups([60, 40, 20])
    order = np.random.default_rng(0).permutation(len(vectors))
    place = {row: spot for spot, row in enumerate(order.tolist())}
    one = ranked(vectors, {3: 5, 70: 0, 110: 2})
    other = ranked(vectors[order], {place[3]: 5, place[70]: 0, place[110]: 2})
    np.testing.assert_allclose(one[order], other, atol=1e-4)


def test_equal_and_empty_vectors_are_ranked() -> None:
    vectors = np.repeat(np.float32([[1, 0], [0, 1], [0, 0]]), 8, axis=0)
    scores = ranked(vectors, {0: 5, 8: 0})
    assert np.isfinite(scores).all()
    assert scores[1] > scores[20] > scores[9]


def test_services_rank_by_what_is_said(world: World, client: Client) -> None:
    vectors, which = groups([40, 15])
    world.experiment("x", world.dataset("d", [{} for _ in which]), vectors, graph=build_neighbour_graph(vectors, k=20))
    everything = client.remarks.rank("x")
    assert everything.column_names == ["name", "row", "score", "interest"]
    assert sorted(everything["row"].to_pylist()) == list(range(55))
    assert everything["score"].to_pylist() == sorted(everything["score"].to_pylist(), reverse=True)
    names = dict(zip(everything["row"].to_pylist(), everything["name"].to_pylist(), strict=True))
    assert names[54] == "image-0054"
    client.remarks.set("d", rows=[41], interest=5)
    client.remarks.set("d", rows=[3], interest=0)
    found = client.remarks.rank("x", count=14, unjudged_only=True).to_pylist()
    assert {each["row"] for each in found} == set(range(40, 55)) - {41}
    assert client.remarks.rank("x", count=1).to_pylist()[0]["interest"] == 5
    with pytest.raises(InvalidArgumentError, match="-1 images are not possible"):
        client.remarks.rank("x", count=-1)
