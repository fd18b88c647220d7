"""The neighbour graph against a plain computation of all distances, and its honest limits."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.metrics import pairwise_distances

from lse.analysis.approximate_neighbours import approximate_neighbours
from lse.analysis.neighbours import build_neighbour_graph, default_neighbours, find_neighbours
from lse.errors import CancelledError, InvalidArgumentError
from lse.progress import Monitor, Progress


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data.astype(np.float32)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_exact_graph_equals_all_distances(digits, metric):
    graph = build_neighbour_graph(digits, k=20, metric=metric)
    apart = pairwise_distances(digits.astype(float), metric=metric)
    np.fill_diagonal(apart, np.inf)
    expected = np.sort(apart, axis=1)[:, :20]
    np.testing.assert_allclose(graph.distances, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(apart, graph.indices, axis=1), expected, rtol=1e-4, atol=1e-6)
    assert graph.indices.dtype == np.int32
    assert graph.distances.dtype == np.float32
    assert graph.exact
    assert (graph.recall, graph.recall_rows) == (1.0, 0)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_approximate_graph_states_its_recall(digits, metric):
    exact = build_neighbour_graph(digits, k=15, metric=metric)
    first = build_neighbour_graph(digits, k=15, metric=metric, seed=3, exact_rows=100)
    again = build_neighbour_graph(digits, k=15, metric=metric, seed=3, exact_rows=100)
    assert not first.exact
    assert first.recall_rows == 1000
    assert first.recall > 0.95
    shared = [len(np.intersect1d(a, b)) for a, b in zip(exact.indices, first.indices, strict=True)]
    assert np.mean(shared) / 15 == pytest.approx(first.recall, abs=0.02)
    assert not (first.indices == np.arange(len(digits))[:, None]).any()
    np.testing.assert_array_equal(first.indices, again.indices)


@pytest.mark.parametrize("columns", [3, 24])
def test_an_approximate_graph_is_the_same_on_any_number_of_threads(columns):
    points = np.random.default_rng(2).normal(size=(3000, columns)).astype(np.float32)

    def find(threads: int) -> tuple[np.ndarray, np.ndarray]:
        told = iter((0, 0.1, 0.2, 1))  # three rounds among the neighbours of neighbours
        return approximate_neighbours(
            points, k=10, seed=1, recall=lambda _: next(told), monitor=Monitor(), threads=threads
        )

    first, second = find(1), find(3)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (np.diff(first[1], axis=1) >= 0).all()
    assert not (first[0] == np.arange(3000)[:, None]).any()
    assert all(len(set(row)) == 10 for row in first[0].tolist())
    np.testing.assert_allclose(first[1], np.square(points[first[0]] - points[:, None]).sum(axis=2), rtol=1e-5)


def test_vectors_of_many_dimensions_have_nearly_all_their_neighbours():
    random = np.random.default_rng(3)
    vectors = random.normal(size=(20_000, 12)) @ random.normal(size=(12, 64)) + 0.2 * random.normal(size=(20_000, 64))
    graph = build_neighbour_graph(vectors, k=15, exact_rows=1000)
    assert graph.recall > 0.98


def test_default_k_serves_tsne_where_the_graph_is_exact(digits):
    assert build_neighbour_graph(digits).k == default_neighbours(len(digits)) == 90
    assert default_neighbours(1_000_000) == 30


def test_few_rows_give_fewer_neighbours():
    graph = build_neighbour_graph(np.eye(4), k=30)
    assert graph.indices.shape == (4, 3)
    assert build_neighbour_graph([[0.0, 1.0], [1.0, 0.0]]).indices.tolist() == [[1], [0]]


def test_equal_rows_are_neighbours_at_no_distance_and_never_their_own():
    vectors = np.repeat(np.random.default_rng(0).normal(size=(3, 5)), 40, axis=0) * 1e3 + 1e4
    for metric in ("cosine", "euclidean"):
        graph = build_neighbour_graph(vectors, k=10, metric=metric)
        assert graph.distances.max() == 0
        assert not (graph.indices == np.arange(120)[:, None]).any()
        assert (graph.indices // 40 == np.arange(120)[:, None] // 40).all()


def test_zero_rows_are_alike_and_at_cosine_distance_one_from_others():
    graph = build_neighbour_graph([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1e-3]], k=3)
    assert graph.indices[0].tolist() == [1, 2, 3]
    assert graph.distances[0].tolist() == [0, 1, 1]
    assert graph.distances[2, 0] < 1e-5
    assert graph.distances[2, 1:].tolist() == [1, 1]


def hard_vectors(kind: str) -> np.ndarray:
    """Vectors on which float32 products rank badly."""
    random = np.random.default_rng(1)
    spread = random.normal(size=(1500, 32))
    if kind == "a large common mean":
        spread = 1 + 1e-3 * spread
    elif kind == "far groups":
        spread += 1e4 * random.normal(size=(5, 32))[random.integers(0, 5, len(spread))]
    elif kind == "equal rows":
        spread = spread[random.integers(0, 40, len(spread))]
    elif kind == "rows of zeros":
        spread[random.random(len(spread)) < 0.1] = 0
    elif kind == "huge values":
        spread *= 1e30
    elif kind == "rows of any length":
        spread *= 10.0 ** random.uniform(-30, 30, (len(spread), 1))
    return spread.astype(np.float32)


KINDS = ("a large common mean", "far groups", "equal rows", "rows of zeros", "huge values")


@pytest.mark.parametrize(
    ("kind", "metric"), [*product(KINDS, ["cosine", "euclidean"]), ("rows of any length", "cosine")]
)
def test_exact_is_exact_where_float32_is_not(kind, metric):
    vectors = hard_vectors(kind)
    if metric == "cosine":
        lengths = np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
        unit = vectors / np.where(lengths > 0, lengths, 1)
        # Differences of unit vectors, in float64: 1 - cos loses half of the digits of small distances.
        apart = pairwise_distances(unit, metric="sqeuclidean") / 2
        zero = lengths[:, 0] == 0
        apart[zero != zero[:, None]] = 1
    else:
        apart = pairwise_distances(vectors.astype(float), metric="euclidean")
    np.fill_diagonal(apart, np.inf)
    graph = build_neighbour_graph(vectors, k=15, metric=metric)
    true = np.sort(apart, axis=1)[:, :15]
    found = np.take_along_axis(apart, graph.indices, axis=1)
    noise = 1e-13 if metric == "cosine" else 1e-7 * true[:, -1:]
    assert (found <= true[:, -1:] * (1 + 1e-6) + noise).mean() == 1
    np.testing.assert_allclose(graph.distances, true, rtol=1e-4, atol=1e-7 if metric == "cosine" else 1e-3)
    asked = find_neighbours(vectors[:50], vectors, k=16, metric=metric)[1]
    np.testing.assert_allclose(asked[:, 1:], true[:50], rtol=1e-4, atol=1e-7 if metric == "cosine" else 1e-3)


def test_nearest_prunes(digits):
    graph = build_neighbour_graph(digits, k=20)
    np.testing.assert_array_equal(graph.nearest(5).indices, build_neighbour_graph(digits, k=5).indices)


def test_find_neighbours_of_new_rows(digits):
    indices, distances = find_neighbours(digits[:7], digits, k=3)
    assert indices[:, 0].tolist() == list(range(7))
    assert distances[:, 0].max() < 1e-6
    with pytest.raises(InvalidArgumentError, match="64"):
        find_neighbours(digits[:2, :5], digits, k=3)


@given(seed=st.integers(0, 1000), rows=st.integers(2, 40), width=st.integers(1, 6), k=st.integers(1, 50))
@settings(max_examples=40, deadline=None)
def test_rows_in_another_order_give_the_same_graph_in_that_order(seed, rows, width, k):
    rng = np.random.default_rng(seed)
    vectors, order = rng.normal(size=(rows, width)), rng.permutation(rows)
    graph = build_neighbour_graph(vectors, k=k, metric="euclidean")
    shuffled = build_neighbour_graph(vectors[order], k=k, metric="euclidean")
    np.testing.assert_allclose(shuffled.distances, graph.distances[order], rtol=1e-3, atol=1e-6)
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    assert graph.k == min(k, rows - 1)


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (np.empty((0, 3)), "VECTORS_TOO_FEW"),
        (np.ones((1, 3)), "VECTORS_TOO_FEW"),
        (np.ones(5), "SHAPE_INVALID"),
        (np.ones((5, 0)), "SHAPE_INVALID"),
        (np.ones((2, 2, 2)), "SHAPE_INVALID"),
        ([["a", "b"]], "SHAPE_INVALID"),
        ([[1.0, np.nan], [0.0, 1.0]], "VECTORS_NOT_FINITE"),
        ([[1.0, np.inf], [0.0, 1.0]], "VECTORS_NOT_FINITE"),
    ],
)
def test_bad_vectors_are_refused(vectors, reason):
    with pytest.raises(InvalidArgumentError) as caught:
        build_neighbour_graph(vectors)
    assert caught.value.reason == reason


def test_bad_k_is_refused(digits):
    with pytest.raises(InvalidArgumentError, match="k is 0"):
        build_neighbour_graph(digits, k=0)


def test_progress_and_cancel(digits):
    moments: list[Progress] = []
    build_neighbour_graph(digits, on_progress=moments.append)
    assert [moments[0].done, moments[-1].done] == [0, len(digits)]
    with pytest.raises(CancelledError):
        build_neighbour_graph(digits, should_stop=lambda: True)
