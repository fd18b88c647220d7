"""All reducers through their one door: shape, faithfulness, repeatability, the shared graph, new points, bad input."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from lse.platform.errors import CancelledError, InvalidArgumentError
from lse.platform.neighbours import build_neighbour_graph
from lse.platform.progress import Progress
from lse.projection.reducers import list_methods, reduce

FAST = {
    "pca": {},
    "tsne": {"iterations": 120, "early_iterations": 80},
    "umap": {"epochs": 60},
}


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data.astype(np.float32)[:600]


@pytest.fixture(scope="module")
def graph(digits):
    return build_neighbour_graph(digits)


def test_methods_are_described_for_forms():
    described = {method.name: method for method in list_methods()}
    assert list(described) == ["pca", "tsne", "umap"]
    for method in described.values():
        assert method.title
        assert method.help
        assert all(parameter.help for parameter in method.parameters)
    assert {p.name for p in described["umap"].parameters} >= {"neighbours", "min_dist", "metric", "epochs"}


@pytest.mark.parametrize("components", [2, 3])
@pytest.mark.parametrize("method", FAST)
def test_coordinates_are_finite_faithful_and_repeatable(digits, graph, method, components):
    run = {"method": method, "components": components, "parameters": FAST[method], "seed": 7, "neighbours": graph}
    first, again = reduce(digits, **run), reduce(digits, **run)
    assert first.coordinates.shape == (600, components)
    assert first.coordinates.dtype == np.float32
    assert np.isfinite(first.coordinates).all()
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    faithfulness = first.report["faithfulness"]
    assert faithfulness["sample_rows"] == faithfulness["rows"] == 600
    assert faithfulness["trustworthiness"] > (0.8 if method == "pca" else 0.95)
    assert faithfulness["neighbours_kept"] > (0.15 if method == "pca" else 0.35)
    assert (first.explained_variance is not None) == (method == "pca")
    json.dumps(first.report)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_the_shared_graph_is_used_and_changes_nothing(digits, graph, method):
    run = {"method": method, "parameters": FAST[method], "seed": 1}
    with_graph, without = reduce(digits, **run, neighbours=graph), reduce(digits, **run)
    assert with_graph.report["neighbour_graph"]["source"] == "shared"
    assert without.report["neighbour_graph"]["source"] == "built"
    np.testing.assert_array_equal(with_graph.coordinates, without.coordinates)


def test_a_graph_that_does_not_serve_is_not_used_and_the_report_says_so(digits, graph):
    small = reduce(digits, method="tsne", parameters=FAST["tsne"], neighbours=graph.nearest(20))
    assert small.report["neighbour_graph"]["source"] == "built"
    assert "20 neighbours by cosine, 90 by cosine" in small.report["neighbour_graph"]["shared_not_used"]
    other = reduce(digits, method="umap", parameters=FAST["umap"] | {"metric": "euclidean"}, neighbours=graph)
    assert other.report["neighbour_graph"]["metric"] == "euclidean"
    prepared = reduce(
        digits,
        method="umap",
        parameters=FAST["umap"] | {"standardise": "yes", "principal_components": "20"},
        neighbours=graph,
    )
    assert prepared.report["preparation"].startswith("columns standardised, then 20 principal components (")
    assert prepared.report["neighbour_graph"]["source"] == "built"


@pytest.mark.parametrize("method", FAST)
def test_new_points_fall_near_their_neighbours_also_from_a_pickled_model(digits, graph, method):
    projection = reduce(
        digits[:500], method=method, parameters=FAST[method], neighbours=build_neighbour_graph(digits[:500])
    )
    model = pickle.loads(pickle.dumps(projection.model))
    placed = model.transform(digits[500:])
    assert placed.shape == (100, 2)
    labels = load_digits().target
    apart = np.linalg.norm(placed[:, None] - projection.coordinates[None], axis=2)
    nearest = labels[:500][np.argsort(apart, axis=1)[:, :5]]
    agree = np.mean(nearest == labels[500:600, None])
    assert agree > (0.3 if method == "pca" else 0.8)
    with pytest.raises(InvalidArgumentError, match="fitted on 64"):
        model.transform(digits[:, :10])


def test_pca_knows_its_variance_and_follows_the_order_of_rows(digits):
    projection = reduce(digits, method="pca", components=3)
    assert list(projection.explained_variance) == sorted(projection.explained_variance, reverse=True)
    np.testing.assert_allclose(projection.model.transform(digits), projection.coordinates, atol=1e-3)
    order = np.random.default_rng(0).permutation(len(digits))
    shuffled = reduce(digits[order], method="pca", components=3)
    np.testing.assert_allclose(np.abs(shuffled.coordinates), np.abs(projection.coordinates[order]), atol=1e-2)


@given(
    rows=st.integers(8, 40),
    width=st.integers(3, 8),
    components=st.sampled_from([2, 3]),
    method=st.sampled_from(sorted(FAST)),
    seed=st.integers(0, 99),
    distinct=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_small_and_repeated_vectors_give_finite_coordinates(*, rows, width, components, method, seed, distinct):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, width))
    if not distinct:
        vectors[rows // 2 :] = vectors[0]
    projection = reduce(vectors, method=method, components=components, parameters=FAST[method], seed=seed)
    assert projection.coordinates.shape == (rows, components)
    assert np.isfinite(projection.coordinates).all()


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (np.empty((0, 4)), "TOO_FEW_ROWS"),
        (np.ones((1, 4)), "TOO_FEW_ROWS"),
        (np.ones((40, 4)), "CONSTANT_VECTORS"),
        (np.full((40, 4), np.nan), "NOT_FINITE"),
        (np.arange(40.0), "BAD_SHAPE"),
        (np.arange(40.0)[:, None], "BAD_COMPONENTS"),
    ],
)
def test_vectors_that_cannot_be_arranged_are_refused(method, vectors, reason):
    with pytest.raises(InvalidArgumentError) as caught:
        reduce(vectors, method=method)
    assert caught.value.reason == reason


def test_vectors_in_one_direction_have_no_cosine_to_arrange():
    vectors = np.outer(np.arange(1, 41), np.ones(4))
    with pytest.raises(InvalidArgumentError, match="choose another metric"):
        reduce(vectors, method="umap")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"method": "tsnee"}, "did you mean 'tsne'"),
        ({"method": "pca", "components": 4}, "2 or 3"),
        ({"method": "umap", "parameters": {"neighbors": 3}}, "did you mean 'neighbours'"),
        ({"method": "umap", "parameters": {"neighbours": 50}}, "at most 29"),
        ({"method": "umap", "parameters": {"min_dist": "2"}}, "above spread 1"),
        ({"method": "tsne", "parameters": {"perplexity": "30"}}, "at least 91 images and there are 30"),
        ({"method": "pca", "parameters": {"principal_components": 9}}, "at most 5"),
        ({"method": "pca", "components": 3, "parameters": {"principal_components": 2}}, "set it higher"),
    ],
)
def test_wrong_arguments_say_what_to_do(arguments, words):
    vectors = np.random.default_rng(0).normal(size=(30, 5))
    with pytest.raises(InvalidArgumentError, match=words):
        reduce(vectors, **arguments)


def test_a_graph_of_other_vectors_is_refused(digits, graph):
    with pytest.raises(InvalidArgumentError, match="build it again"):
        reduce(digits[:100], method="umap", neighbours=graph)


@pytest.mark.parametrize(("method", "unit"), [("tsne", "iterations"), ("umap", "epochs")])
def test_progress_is_real_and_cancel_ends_the_work(digits, graph, method, unit):
    moments: list[Progress] = []
    parameters = {"umap": {"epochs": 3000}, "tsne": {"iterations": 300, "early_iterations": 100}}[method]

    def stop_half_way() -> bool:
        return bool(moments) and moments[-1].stage == "arranging" and moments[-1].done >= moments[-1].total / 4

    with pytest.raises(CancelledError, match="Cancelled during arranging"):
        reduce(
            digits,
            method=method,
            parameters=parameters,
            neighbours=graph,
            on_progress=moments.append,
            should_stop=stop_half_way,
        )
    arranged = [moment for moment in moments if moment.stage == "arranging"]
    assert {moment.unit for moment in arranged} == {unit}
    assert [moment.done for moment in arranged] == sorted(moment.done for moment in arranged)
    assert 0 < arranged[-1].done < arranged[-1].total
