"""All reducers through their one door: shape, faithfulness, repeatability, the shared graph, new points, bad input."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_swiss_roll

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.reducers import REDUCERS, reduce
from lse.errors import CancelledError, InvalidArgumentError, ResourceExhaustedError
from lse.parameters import parameters_schema
from lse.progress import Progress

FAST = {
    "pca": {},
    "tsne": {"n_iter": 120, "early_exaggeration_iter": 80},
    "umap": {"n_epochs": 60},
    "isomap": {},
    "truncated-svd": {},
    "pacmap": {"num_iters": 150},
    "mds": {"solver": "classical"},
    "spectral": {},
}
LINEAR = ("pca", "truncated-svd")


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data.astype(np.float32)[:600]


@pytest.fixture(scope="module")
def graph(digits):
    return build_neighbour_graph(digits)


def test_methods_are_described_for_forms():
    described = {method.id: parameters_schema(method.parameters)["properties"] for method in REDUCERS}
    assert list(described) == ["pca", "truncated-svd", "tsne", "umap", "densmap", "pacmap", "isomap", "mds", "spectral"]
    assert all(method.title and method.summary for method in REDUCERS)
    for parameters in described.values():
        assert all(parameter["description"] for parameter in parameters.values())
        assert {"n_components", "seed"} <= parameters.keys()
    assert list(described["umap"])[:2] == ["n_neighbors", "min_dist"]


def test_earlier_names_of_parameters_give_the_same_projection(digits, graph):
    earlier = {"neighbours": 8, "epochs": 40, "negative_samples": 3, "repulsion": 2.0, "initialisation": "pca"}
    today = {"n_neighbors": 8, "n_epochs": 40, "negative_sample_rate": 3, "repulsion_strength": 2.0, "init": "pca"}
    first, again = (
        reduce(digits, method="umap", parameters=parameters, neighbours=graph) for parameters in (earlier, today)
    )
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    assert first.report["parameters"] == again.report["parameters"]
    assert first.report["parameters"].items() >= today.items()


def test_a_number_of_neighbours_counts_as_umap_counts(digits, graph):
    projection = reduce(digits, method="umap", parameters={"n_neighbors": 10, "n_epochs": 20}, neighbours=graph)
    assert projection.report["neighbour_graph"]["k"] == 9


@pytest.mark.parametrize("components", [2, 3])
@pytest.mark.parametrize("method", FAST)
def test_coordinates_are_finite_faithful_and_repeatable(digits, graph, method, components):
    parameters = FAST[method] | {"n_components": components, "seed": 7}
    run = {"method": method, "parameters": parameters, "neighbours": graph}
    first, again = reduce(digits, **run), reduce(digits, **run)
    assert first.coordinates.shape == (600, components)
    assert first.coordinates.dtype == np.float32
    assert np.isfinite(first.coordinates).all()
    np.testing.assert_array_equal(first.coordinates, again.coordinates)
    faithfulness = first.report["faithfulness"]
    assert faithfulness["sample_rows"] == faithfulness["rows"] == 600
    nonlinear = method in {"tsne", "umap", "pacmap"}
    assert faithfulness["trustworthiness"] > (0.95 if nonlinear else 0.7 if method in LINEAR else 0.8)
    assert faithfulness["neighbours_kept"] > (0.35 if nonlinear else 0.15)
    assert (first.explained_variance is not None) == (method == "pca")
    json.dumps(first.report)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_the_shared_graph_is_used_and_changes_nothing(digits, graph, method):
    run = {"method": method, "parameters": FAST[method] | {"random_state": 1}}
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
    assert agree > {"pca": 0.3, "truncated-svd": 0.15, "isomap": 0.6, "mds": 0.5, "spectral": 0.6}.get(method, 0.8)
    with pytest.raises(InvalidArgumentError, match="fitted on 64"):
        model.transform(digits[:, :10])


def test_pca_knows_its_variance_and_follows_the_order_of_rows(digits):
    projection = reduce(digits, method="pca", parameters={"n_components": 3})
    assert list(projection.explained_variance) == sorted(projection.explained_variance, reverse=True)
    np.testing.assert_allclose(projection.model.transform(digits), projection.coordinates, atol=1e-3)
    order = np.random.default_rng(0).permutation(len(digits))
    shuffled = reduce(digits[order], method="pca", parameters={"n_components": 3})
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
    parameters = FAST[method] | {"n_components": components, "seed": seed}
    projection = reduce(vectors, method=method, parameters=parameters)
    assert projection.coordinates.shape == (rows, components)
    assert np.isfinite(projection.coordinates).all()


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (np.empty((0, 4)), "VECTORS_TOO_FEW"),
        (np.ones((1, 4)), "VECTORS_TOO_FEW"),
        (np.ones((40, 4)), "VECTORS_CONSTANT"),
        (np.full((40, 4), np.nan), "VECTORS_NOT_FINITE"),
        (np.arange(40.0), "SHAPE_INVALID"),
        (np.arange(40.0)[:, None], "PARAMETER_INVALID"),
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
        (
            {"method": "pca", "parameters": {"n_components": 4}},
            "'n_components' cannot be 4: it must be a whole number from 2 to 3",
        ),
        ({"method": "umap", "parameters": {"neighbors": 3}}, "did you mean 'n_neighbors'"),
        ({"method": "umap", "parameters": {"n_neighbors": 50}}, "set n_neighbors to at most 29"),
        ({"method": "umap", "parameters": {"n_neighbors": 5, "neighbours": 6}}, "given twice"),
        ({"method": "tsne", "parameters": {"max_iter": 300}}, "did you mean 'n_iter'"),
        ({"method": "umap", "parameters": {"min_dist": "2"}}, "above spread 1"),
        ({"method": "tsne", "parameters": {"perplexity": "30"}}, "at least 91 images and there are 30"),
        ({"method": "pca", "parameters": {"principal_components": 9}}, "at most 5"),
        ({"method": "pca", "parameters": {"n_components": 3, "principal_components": 2}}, "set it higher"),
    ],
)
def test_wrong_arguments_say_what_to_do(arguments, words):
    vectors = np.random.default_rng(0).normal(size=(30, 5))
    with pytest.raises(InvalidArgumentError, match=words):
        reduce(vectors, **arguments)


def test_whitened_components_have_unit_variance(digits):
    projection = reduce(digits, method="pca", parameters={"whiten": "true", "n_components": 3})
    np.testing.assert_allclose(projection.coordinates.var(axis=0, ddof=1), 1, rtol=1e-3)
    np.testing.assert_allclose(projection.model.transform(digits), projection.coordinates, atol=1e-3)


def test_isomap_unrolls_a_curved_sheet():
    points, angle = make_swiss_roll(800, random_state=0)
    length = (angle * np.sqrt(1 + angle**2) + np.arcsinh(angle)) / 2
    # With too many neighbours the graph links one turn of the roll to the next.
    projection = reduce(points, method="isomap", parameters={"metric": "euclidean", "n_neighbors": 10})
    assert max(abs(np.corrcoef(axis, length)[0, 1]) for axis in projection.coordinates.T) > 0.99
    flat = reduce(points, method="pca").coordinates
    assert max(abs(np.corrcoef(axis, length)[0, 1]) for axis in flat.T) < 0.5
    with pytest.raises(ResourceExhaustedError, match="up to 15,000 images"):
        reduce(np.random.default_rng(0).normal(size=(15_001, 2)), method="isomap")


def test_a_graph_of_other_vectors_is_refused(digits, graph):
    with pytest.raises(InvalidArgumentError, match="build it again"):
        reduce(digits[:100], method="umap", neighbours=graph)


@pytest.mark.parametrize(("method", "unit"), [("tsne", "iterations"), ("umap", "epochs")])
def test_progress_is_real_and_cancel_ends_the_work(digits, graph, method, unit):
    moments: list[Progress] = []
    parameters = {"umap": {"n_epochs": 3000}, "tsne": {"n_iter": 300, "early_exaggeration_iter": 100}}[method]

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
