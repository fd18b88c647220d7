"""Fitted projections stored and made again: new vectors fall into the same places, whatever comes with them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.principal import principal_axes
from lse.analysis.reducers import REDUCERS, ModelState, reduce, restore_model

FAST = {"pca": {}, "tsne": {"n_iter": 60, "early_exaggeration_iter": 40}, "umap": {"n_epochs": 60}, "isomap": {}} | {
    "truncated-svd": {},
    "pacmap": {"num_iters": 100},
    "mds": {"solver": "classical"},
    "spectral": {},
}


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data.astype(np.float32)[:450]


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("prepared", [{}, {"standardise": True, "principal_components": 20}])
def test_a_model_made_again_of_its_state_gives_the_same_places_in_any_batch(digits, method, prepared):
    fitted, new = digits[:400], digits[400:]
    graph = build_neighbour_graph(fitted)
    projection = reduce(fitted, method=method, parameters=FAST[method] | prepared, neighbours=graph)
    state = projection.model.state()
    stored = ModelState(json.loads(json.dumps(state.values)), state.arrays)
    model = restore_model(stored, fitted, projection.coordinates)
    placed = projection.model.transform(new)
    np.testing.assert_array_equal(model.transform(new), placed)
    order = np.random.default_rng(0).permutation(len(new))
    np.testing.assert_array_equal(model.transform(new[order]), placed[order])
    alone = np.concatenate([model.transform(new[row : row + 1]) for row in range(len(new))])
    np.testing.assert_array_equal(alone, placed)


@pytest.mark.parametrize("method", FAST)
def test_vectors_that_were_fitted_fall_near_their_places(digits, method):
    projection = reduce(digits, method=method, parameters=FAST[method])
    apart = np.linalg.norm(projection.model.transform(digits) - projection.coordinates, axis=1)
    assert np.median(apart) < 0.05 * np.ptp(projection.coordinates, axis=0).max()


def test_every_method_of_ours_stores_its_model():
    assert all(method.facts.restore for method in REDUCERS)


@pytest.mark.parametrize("ratio", [0, 254, 848, 1e5])
def test_principal_axes_hold_for_a_large_common_mean(ratio):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(500, 12)) * np.linspace(1, 2, 12)
    vectors = (vectors + ratio * vectors.std()).astype(np.float32)
    expected = PCA(3, svd_solver="full").fit(vectors.astype(np.float64))
    axes = principal_axes(vectors, 3)
    np.testing.assert_allclose(axes.shares, expected.explained_variance_ratio_, rtol=1e-6)
    np.testing.assert_allclose(np.abs((axes.matrix * expected.components_.T).sum(axis=0)), 1, atol=1e-6)
    projection = reduce(vectors, method="pca", parameters={"n_components": 3})
    np.testing.assert_allclose(
        np.abs(projection.coordinates), np.abs(expected.transform(vectors.astype(np.float64))), atol=1e-4
    )


def test_many_columns_are_decomposed_at_random_and_agree():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 1600)) * 10 + rng.normal(size=(60, 1600)) + 1000
    expected = PCA(2, svd_solver="full").fit(vectors)
    np.testing.assert_allclose(principal_axes(vectors, 2).shares, expected.explained_variance_ratio_, rtol=1e-3)


def test_shares_are_those_of_the_variance_before_principal_components(digits):
    whole = reduce(digits, method="pca").explained_variance
    reduced = reduce(digits, method="pca", parameters={"principal_components": 5}).explained_variance
    np.testing.assert_allclose(reduced, whole, rtol=1e-3)
