"""Groups of equal vectors, duplicates and rows of zeros: legal input, handled by every method as a person would."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from lse.analysis.clusterers import cluster
from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.reducers import reduce

FAST = {"tsne": {"n_iter": 200, "early_exaggeration_iter": 120}, "umap": {"n_epochs": 100}}


@pytest.fixture(scope="module")
def groups():
    """Six groups of a hundred equal vectors, in random order."""
    rng = np.random.default_rng(2)
    groups = rng.permutation(np.repeat(np.arange(6), 100))
    return rng.normal(size=(6, 16)).astype(np.float32)[groups], groups


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("method", FAST)
def test_six_groups_of_equal_vectors_are_six_islands(groups, method, metric):
    vectors, truth = groups
    projection = reduce(vectors, method=method, parameters=FAST[method] | {"metric": metric})
    middles = np.stack([projection.coordinates[truth == group].mean(axis=0) for group in range(6)])
    # Every point lies nearest the middle of its own group.
    apart = np.linalg.norm(projection.coordinates[:, None] - middles, axis=2)
    assert (apart.argmin(axis=1) == truth).all()


@pytest.mark.parametrize("scale", [1.0, 1e3])
@pytest.mark.parametrize("method", ["kmeans", "dbscan", "hdbscan", "agglomerative"])
def test_six_groups_of_equal_vectors_are_six_clusters_without_noise(groups, method, scale):
    vectors, truth = groups
    clustering = cluster(vectors * np.float32(scale), method=method)
    assert clustering.n_clusters == 6
    assert (clustering.labels >= 0).all()
    assert adjusted_rand_score(truth, clustering.labels) == 1


@pytest.mark.parametrize("method", FAST)
def test_pairs_of_duplicates_stay_together(method):
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(60, 8)).astype(np.float32), 2, axis=0)
    projection = reduce(vectors, method=method, parameters=FAST[method])
    within = np.linalg.norm(projection.coordinates[::2] - projection.coordinates[1::2], axis=1)
    assert np.median(within) < 0.1 * np.ptp(projection.coordinates, axis=0).max()


@pytest.mark.parametrize("method", [*FAST, "pca"])
def test_rows_of_zeros_have_places(method):
    vectors = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    vectors[::8] = 0
    projection = reduce(vectors, method=method, parameters=FAST.get(method, {}))
    assert np.isfinite(projection.coordinates).all()


def test_the_graph_of_the_vectors_serves_umap_before_hdbscan():
    rng = np.random.default_rng(1)
    vectors = (rng.normal(size=(12, 24))[rng.integers(12, size=400)] + rng.normal(size=(400, 24)) * 0.2).astype("f4")
    graph = build_neighbour_graph(vectors)
    given, own = cluster(vectors, method="hdbscan", neighbours=graph), cluster(vectors, method="hdbscan")
    assert given.report["preparation"]["neighbour_graph"]["source"] == "shared"
    assert own.report["preparation"]["neighbour_graph"]["source"] == "built"
    assert adjusted_rand_score(given.labels, own.labels) > 0.95
    other = cluster(vectors, method="hdbscan", neighbours=graph, parameters={"metric": "euclidean"})
    assert other.report["preparation"]["neighbour_graph"]["source"] == "built"


def test_tsne_chooses_a_perplexity_that_the_graph_serves(groups):
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(200, 6))
    graph = build_neighbour_graph(vectors, k=30)
    projection = reduce(vectors, method="tsne", neighbours=graph, parameters=FAST["tsne"])
    assert projection.report["neighbour_graph"]["source"] == "shared"
    assert projection.report["parameters"]["perplexity"] == 10
