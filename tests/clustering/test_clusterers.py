"""All clusterers through their one door: groups found, numbered by size, chosen from the data, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

from lse.clustering.clusterers import cluster, list_methods
from lse.platform.errors import CancelledError, InvalidArgumentError, ResourceExhaustedError
from lse.platform.progress import Progress

METHODS = ("kmeans", "gaussian_mixture", "dbscan", "hdbscan", "agglomerative")
EXACT = {
    "dbscan": {"eps": 1.0, "min_samples": 4},
    "hdbscan": {"min_cluster_size": 5},
    "agglomerative": {"clusters": 3},
}


@pytest.fixture(scope="module")
def blobs():
    sizes = [160, 120, 80, 40]
    return make_blobs(sizes, centers=[[0, 0], [8, 0], [0, 8], [9, 9]], cluster_std=0.7, random_state=0)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def test_methods_are_described_for_forms():
    described = {method.name: method for method in list_methods()}
    assert tuple(described) == METHODS
    for method in described.values():
        assert method.title
        assert method.help
        assert all(parameter.help for parameter in method.parameters)
        assert {"metric", "reduce", "dimensions"} <= {parameter.name for parameter in method.parameters}


@pytest.mark.parametrize("method", METHODS)
def test_groups_are_found_without_any_parameter_and_numbered_by_size(blobs, method):
    points, truth = blobs
    clustering = cluster(points, method=method)
    again = cluster(points, method=method)
    np.testing.assert_array_equal(clustering.labels, again.labels)
    assert adjusted_rand_score(truth, clustering.labels) > 0.9
    assert clustering.n_clusters == 4
    inside = clustering.labels >= 0
    assert adjusted_rand_score(truth[inside], clustering.labels[inside]) > 0.99
    sizes = np.bincount(clustering.labels[inside])
    assert list(sizes) == sorted(sizes, reverse=True)
    assert clustering.labels.dtype == np.int32
    assert clustering.memberships.dtype == np.float32
    assert clustering.memberships[~inside].max(initial=0) == 0
    assert clustering.report["preparation"]["metric"] == "euclidean"
    assert clustering.report["membership"]
    json.dumps(clustering.report)


@pytest.mark.parametrize(
    ("method", "least"), [("kmeans", 0.5), ("gaussian_mixture", 0.6), ("agglomerative", 0.6), ("hdbscan", 0.75)]
)
def test_digits_are_grouped_in_latent_space_by_what_is_chosen_from_them(digits, method, least):
    points, truth = digits
    clustering = cluster(points, method=method)
    assert adjusted_rand_score(truth, clustering.labels) > least
    assert 8 <= clustering.n_clusters <= 20
    assert clustering.report["preparation"]["metric"] == "cosine"
    assert clustering.report["preparation"]["reduce"] == {"gaussian_mixture": "pca", "hdbscan": "umap"}.get(
        method, "none"
    )


def test_density_without_reducing_calls_more_noise_and_the_report_advises(digits):
    points, _ = digits
    clustering = cluster(points, method="hdbscan", parameters={"reduce": "none", "min_samples": "25"})
    assert clustering.report["noise_rows"] > len(points) / 2
    assert "reduce with umap" in clustering.report["advice"]


def test_density_methods_follow_shapes():
    points, truth = make_moons(600, noise=0.05, random_state=0)
    for method, parameters in (("dbscan", {"eps": "0.15"}), ("hdbscan", {})):
        assert adjusted_rand_score(truth, cluster(points, method=method, parameters=parameters).labels) > 0.9


def test_all_noise_is_an_answer():
    points = np.random.default_rng(0).uniform(size=(50, 3))
    clustering = cluster(points, method="dbscan", parameters={"eps": 1e-6, "min_samples": 5})
    assert clustering.n_clusters == 0
    assert set(clustering.labels) == {-1}
    assert "All points are noise" in clustering.report["advice"]


def test_many_points_go_to_the_compiled_hdbscan_and_it_agrees():
    points, _ = make_blobs(10_500, centers=6, cluster_std=0.4, random_state=3)
    clustering = cluster(points, method="hdbscan", parameters={"min_cluster_size": 50})
    assert clustering.report["library"] == "fast_hdbscan HDBSCAN"
    expected = HDBSCAN(min_cluster_size=50, min_samples=6, copy=True).fit_predict(points.astype(np.float32))
    assert adjusted_rand_score(expected, clustering.labels) > 0.98


@given(
    method=st.sampled_from(METHODS),
    rows=st.integers(12, 60),
    width=st.integers(1, 6),
    seed=st.integers(0, 1000),
    repeated=st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_labels_are_contiguous_and_by_size(method, rows, width, seed, repeated):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rows, width)).round(1)
    if repeated:
        points[rows // 2 :] = points[0]
    clustering = cluster(points, method=method, seed=seed, parameters={"metric": "euclidean"})
    inside = clustering.labels[clustering.labels >= 0]
    assert clustering.labels.min() >= -1
    sizes = np.bincount(inside, minlength=clustering.n_clusters)
    assert len(sizes) == clustering.n_clusters
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    assert ((clustering.memberships >= 0) & (clustering.memberships <= 1 + 1e-6)).all()


@given(method=st.sampled_from(sorted(EXACT)), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_rows_in_another_order_give_the_same_groups_in_that_order(method, seed):
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(centre, 0.3, size=(size, 2)) for centre, size in ((0, 30), (5, 20), (10, 10))])
    order = rng.permutation(len(points))
    one = cluster(points, method=method, parameters=EXACT[method])
    two = cluster(points[order], method=method, parameters=EXACT[method])
    np.testing.assert_array_equal(two.labels, one.labels[order])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (np.empty((0, 4)), "TOO_FEW_ROWS"),
        (np.ones((2, 4)), "TOO_FEW_ROWS"),
        (np.ones((40, 4)), "CONSTANT_VECTORS"),
        (np.full((40, 4), np.inf), "NOT_FINITE"),
        (np.arange(40.0), "BAD_SHAPE"),
    ],
)
def test_points_that_cannot_be_grouped_are_refused(method, points, reason):
    with pytest.raises(InvalidArgumentError) as caught:
        cluster(points, method=method)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("method", "parameters", "words"),
    [
        ("kmean", {}, "did you mean 'kmeans'"),
        ("kmeans", {"k": 3}, "Allowed are clusters"),
        ("kmeans", {"clusters": 41}, "at most 40"),
        ("agglomerative", {"clusters": "41"}, "at most 40"),
        ("gaussian_mixture", {"clusters": 30}, "at most 20"),
        ("hdbscan", {"min_cluster_size": 41}, "min_cluster_size lower"),
        ("hdbscan", {"min_samples": 40}, "at most 39"),
        ("dbscan", {"eps": -1}, "above 0"),
        ("hdbscan", {"reduce": "umap"}, "at least 100"),
        ("kmeans", {"reduce": "pca", "dimensions": 9}, "at most 4"),
    ],
)
def test_wrong_arguments_say_what_to_do(method, parameters, words):
    points = np.random.default_rng(0).normal(size=(40, 4))
    with pytest.raises(InvalidArgumentError, match=words):
        cluster(points, method=method, parameters=parameters)


@pytest.mark.parametrize(
    ("method", "parameters"), [("agglomerative", {"clusters": 3}), ("dbscan", {"eps": 100.0, "metric": "euclidean"})]
)
def test_too_much_memory_is_refused_before_it_is_taken(method, parameters):
    points = np.random.default_rng(0).normal(size=(100_000, 4))
    with pytest.raises(ResourceExhaustedError, match=r"GiB.* are allowed: .*hdbscan") as caught:
        cluster(points, method=method, parameters=parameters)
    assert caught.value.reason == "MEMORY_LIMIT"


def test_progress_and_cancel(blobs):
    moments: list[Progress] = []
    cluster(blobs[0], method="kmeans", on_progress=moments.append)
    choosing = [moment for moment in moments if moment.unit == "candidates"]
    assert [moment.done for moment in choosing] == list(range(19))
    assert (moments[-1].stage, moments[-1].done) == ("grouping", 1)
    seen: list[Progress] = []
    with pytest.raises(CancelledError):
        cluster(blobs[0], method="kmeans", on_progress=seen.append, should_stop=lambda: len(seen) >= 5)
    assert len(seen) == 5
