"""False and missed neighbours by hand, and outlier scores against scikit-learn."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.manifold import trustworthiness
from sklearn.neighbors import LocalOutlierFactor

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.outliers import OUTLIER_SCORES, score_outliers
from lse.analysis.reducers.faithfulness import measure_faithfulness
from lse.analysis.trust import measure_trust


def scores(vectors: np.ndarray, metric: str) -> dict[str, np.ndarray]:
    graph = build_neighbour_graph(vectors, metric=metric)
    return dict(zip(OUTLIER_SCORES, score_outliers(vectors, graph, seed=3).T, strict=True))


def test_false_and_missed_neighbours_are_those_of_a_plain_computation():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(200, 8)).astype(np.float32)
    places = vectors[:, :2].copy()
    graph = build_neighbour_graph(vectors, k=40, metric="euclidean")
    trust = measure_trust(places, graph)
    assert (trust.nearest, trust.near) == (15, 40)
    ranks = []
    for points in (vectors, places):
        apart = cdist(points.astype(np.float64), points.astype(np.float64))
        np.fill_diagonal(apart, np.inf)
        ranks.append(apart.argsort(axis=1).argsort(axis=1))
    latent, on_map = ranks
    np.testing.assert_allclose(trust.false_neighbours, ((on_map < 15) & (latent >= 40)).sum(axis=1) / 15, atol=1e-6)
    np.testing.assert_allclose(trust.missed_neighbours, ((latent < 15) & (on_map >= 40)).sum(axis=1) / 15, atol=1e-6)
    assert trust.figures()["false_neighbours"] == pytest.approx(trust.false_neighbours.mean())


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("rows", [6, 50, 800])
def test_trustworthiness_is_that_of_scikit_learn(rows, metric):
    random = np.random.default_rng(1)
    # Far from the origin, where squared lengths leave little of distances.
    vectors = (random.normal(size=(rows, 8)) + 1000 * (metric == "euclidean")).astype(np.float32)
    places = (vectors[:, :2] + random.normal(size=(rows, 2))).astype(np.float32)
    found = measure_faithfulness(vectors, places, metric=metric, seed=0)
    exact = vectors.astype(np.float64)
    expected = trustworthiness(
        exact - exact.mean(axis=0) if metric == "euclidean" else exact,
        places.astype(np.float64) - places.mean(axis=0),
        n_neighbors=found.k,
        metric=metric,
    )
    assert found.trustworthiness == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_a_map_of_a_few_hundred_points_does_not_wait_for_scikit_learn(method):
    drawing = (
        "import sys, numpy as np\n"
        "from lse.analysis.reducers import reduce\n"
        f"reduce(np.random.default_rng(0).normal(size=(300, 8)).astype('f4'), method='{method}')\n"
        "print({'sklearn', 'pandas'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", drawing], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_perfect_map_has_neither_and_two_islands_on_top_of_each_other_have_false_ones():
    random = np.random.default_rng(1)
    vectors = random.normal(size=(300, 2)).astype(np.float32)
    perfect = measure_trust(vectors, build_neighbour_graph(vectors, k=40, metric="euclidean"))
    assert perfect.figures() == {"false_neighbours": 0, "missed_neighbours": 0}
    far = np.concatenate([vectors, vectors + 50])
    folded = measure_trust(np.concatenate([vectors, vectors]), build_neighbour_graph(far, k=40, metric="euclidean"))
    assert folded.figures()["false_neighbours"] == pytest.approx(0.5, abs=0.05)
    assert measure_trust(vectors[:8], build_neighbour_graph(vectors[:8])) is None


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_scores_are_those_of_scikit_learn(labelled, metric):
    vectors, _ = labelled
    vectors = vectors + np.float32(0.5) if metric == "cosine" else vectors
    mine = scores(vectors, metric)
    exact = vectors.astype(np.float64)
    chosen = exact / np.linalg.norm(exact, axis=1, keepdims=True) if metric == "cosine" else exact
    apart = cdist(chosen, chosen, "sqeuclidean") / 2 if metric == "cosine" else cdist(chosen, chosen)
    np.fill_diagonal(apart, 0)
    k = min(20, len(vectors) - 1)
    np.testing.assert_allclose(mine["knn_distance"], np.sort(apart, axis=1)[:, k], rtol=1e-5, atol=1e-12)
    ordered = np.sort(apart, axis=1)
    if k + 1 < len(vectors) and (ordered[:, k + 1] - ordered[:, k]).min() > 1e-7 and ordered[:, k].min() > 1e-6:
        # Which of several equally near ones is the last of the neighbours is nobody's to say.
        factors = -LocalOutlierFactor(n_neighbors=k, metric="precomputed").fit(apart).negative_outlier_factor_
        np.testing.assert_allclose(mine["lof"], factors, rtol=2e-2)
    covariance = LedoitWolf().fit(exact - exact.mean(axis=0))
    expected = np.sqrt(covariance.mahalanobis(exact - exact.mean(axis=0)))
    np.testing.assert_allclose(mine["mahalanobis"], expected, rtol=1e-4)


def test_the_forest_is_that_of_scikit_learn():
    vectors = np.random.default_rng(2).normal(size=(400, 6)).astype(np.float32)
    vectors[0] = 9
    mine = scores(vectors, "euclidean")["isolation_forest"]
    theirs = -IsolationForest(random_state=3).fit(vectors).score_samples(vectors)
    assert np.corrcoef(mine, theirs)[0, 1] > 0.95
    assert mine.argmax() == theirs.argmax() == 0


@pytest.mark.parametrize(
    "vectors",
    [np.ones((5, 3)), np.eye(2), np.concatenate([np.zeros((30, 4)), np.ones((1, 4))]), np.full((9, 2), 1e30)],
)
def test_scores_of_equal_and_of_few_vectors_are_numbers(vectors):
    assert all(np.isfinite(values).all() for values in scores(vectors.astype(np.float32), "cosine").values())


def test_a_planted_outlier_is_first_by_every_score():
    vectors = np.random.default_rng(4).normal(size=(300, 5)).astype(np.float32)
    vectors[17] = 12 * np.array([1, -1, 1, -1, 1])
    assert {name: int(values.argmax()) for name, values in scores(vectors, "euclidean").items()} == dict.fromkeys(
        OUTLIER_SCORES, 17
    )
