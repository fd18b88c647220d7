"""All clusterers through their one door: groups found, numbered by size, chosen from the data, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.datasets import load_digits, make_blobs, make_moons
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from lse.analysis.clusterers import CLUSTERERS, cluster
from lse.errors import CancelledError, FailedPreconditionError, InvalidArgumentError, ResourceExhaustedError
from lse.parameters import accepted_names, parameters_schema
from lse.progress import Progress

METHODS = (
    *("kmeans", "gaussian-mixture", "dbscan", "hdbscan", "plscan", "evoc", "optics", "agglomerative", "birch"),
    *("spectral", "affinity-propagation"),
)
EXACT = {
    "dbscan": {"eps": 1.0, "min_samples": 4},
    "hdbscan": {"min_cluster_size": 5},
    "agglomerative": {"n_clusters": 3},
}


@pytest.fixture(scope="module")
def blobs():
    sizes = [160, 120, 80, 40]
    return make_blobs(sizes, centers=[[0, 0], [8, 0], [0, 8], [9, 9]], cluster_std=0.7, random_state=0)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


def test_methods_are_described_for_forms():
    assert CLUSTERERS.ids == METHODS
    for method in CLUSTERERS:
        assert method.title
        assert method.summary
        parameters = parameters_schema(method.parameters)["properties"]
        assert all(parameter["description"] for parameter in parameters.values())
        assert {"metric", "reduce", "dimensions", "seed"} <= parameters.keys()


def test_earlier_names_give_the_same_groups(blobs):
    points, _ = blobs
    earlier = cluster(points, method="gaussian_mixture", parameters={"clusters": 3, "covariance": "diagonal"})
    today = cluster(points, method="gaussian-mixture", parameters={"n_components": 3, "covariance_type": "diag"})
    np.testing.assert_array_equal(earlier.labels, today.labels)
    assert earlier.report["method"] == "gaussian-mixture"
    assert earlier.report["parameters"] == today.report["parameters"]


@pytest.mark.parametrize("method", [method for method in METHODS if method != "evoc"])
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
    ("method", "least"),
    [
        *(("kmeans", 0.5), ("gaussian-mixture", 0.6), ("agglomerative", 0.6), ("hdbscan", 0.75), ("birch", 0.5)),
        ("spectral", 0.7),
    ],
)
def test_digits_are_grouped_in_latent_space_by_what_is_chosen_from_them(digits, method, least):
    points, truth = digits
    clustering = cluster(points, method=method)
    assert adjusted_rand_score(truth, clustering.labels) > least
    assert 8 <= clustering.n_clusters <= 20
    assert clustering.report["preparation"]["metric"] == "cosine"
    assert clustering.report["preparation"]["reduce"] == {"gaussian-mixture": "pca", "hdbscan": "umap"}.get(
        method, "none"
    )


def test_density_without_reducing_calls_more_noise_and_the_report_advises(digits):
    points, _ = digits
    clustering = cluster(points, method="hdbscan", parameters={"reduce": "none", "min_samples": "25"})
    assert clustering.report["noise_rows"] > len(points) / 2
    assert "reduce with umap" in clustering.report["advice"]


@pytest.mark.parametrize("method", list(CLUSTERERS), ids=CLUSTERERS.ids)
def test_advice_names_only_parameters_that_the_method_has(method):
    words = set(method.facts.if_noisy.replace(",", " ").split())
    everyones = {name for each in CLUSTERERS for name in accepted_names(each.parameters)}
    assert words & everyones <= accepted_names(method.parameters).keys()


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


@pytest.mark.parametrize(
    ("columns", "offset", "library"), [(2, 0, None), (6, 1e4, None), (40, 0, "fast_hdbscan's approximate tree")]
)
def test_hdbscan_of_many_points_agrees_with_that_of_scikit_learn(columns, offset, library):
    points, _ = make_blobs(10_500, n_features=columns, centers=6, cluster_std=0.4, random_state=3)
    task = {"method": "hdbscan", "parameters": {"min_cluster_size": 50, "metric": "euclidean", "reduce": "none"}}
    with threadpool_limits(1):
        clustering = cluster(points + offset, **task)
    assert clustering.report.get("library") == library
    expected = HDBSCAN(min_cluster_size=50, min_samples=6, copy=True).fit_predict(points.astype(np.float32))
    assert adjusted_rand_score(expected, clustering.labels) > 0.98
    with threadpool_limits(2):
        assert (cluster(points + offset, **task).labels == clustering.labels).all()


@given(
    method=st.sampled_from([one for one in METHODS if one != "evoc"]),  # it needs thirty different vectors
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
    clustering = cluster(points, method=method, parameters={"metric": "euclidean", "seed": seed})
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
        (np.empty((0, 4)), "VECTORS_TOO_FEW"),
        (np.ones((2, 4)), "VECTORS_TOO_FEW"),
        (np.ones((40, 4)), "VECTORS_CONSTANT"),
        (np.full((40, 4), np.inf), "VECTORS_NOT_FINITE"),
        (np.arange(40.0), "SHAPE_INVALID"),
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
        ("kmeans", {"k": 3}, "Allowed are n_clusters, criterion, n_init, seed"),
        ("kmeans", {"n_clusters": 41}, "set n_clusters to at most 40"),
        ("agglomerative", {"clusters": "41"}, "at most 40"),
        ("gaussian-mixture", {"n_components": 30}, "at most 20"),
        ("hdbscan", {"min_cluster_size": 41}, "min_cluster_size lower"),
        ("hdbscan", {"min_samples": 40}, "at most 39"),
        ("dbscan", {"eps": -1}, "above 0"),
        ("hdbscan", {"reduce": "umap"}, "at least 100"),
        ("kmeans", {"reduce": "pca", "dimensions": 9}, "at most 4"),
        ("optics", {"min_samples": 41}, "at most 40"),
        ("optics", {"cluster_method": "dbscan"}, "set eps"),
        ("birch", {"n_clusters": 41}, "at most 40"),
        ("spectral", {"n_neighbors": 40}, "at most 39"),
        ("spectral", {"n_clusters": 39}, "at most 38"),
        ("affinity-propagation", {"preference": 1}, "at most 0"),
    ],
)
def test_wrong_arguments_say_what_to_do(method, parameters, words):
    points = np.random.default_rng(0).normal(size=(40, 4))
    with pytest.raises(InvalidArgumentError, match=words):
        cluster(points, method=method, parameters=parameters)


@pytest.mark.parametrize(
    ("method", "parameters"), [("agglomerative", {"n_clusters": 3}), ("dbscan", {"eps": 100.0, "metric": "euclidean"})]
)
def test_too_much_memory_is_refused_before_it_is_taken(method, parameters):
    points = np.random.default_rng(0).normal(size=(100_000, 4))
    with pytest.raises(ResourceExhaustedError, match=r"GiB.* are allowed: .*hdbscan") as caught:
        cluster(points, method=method, parameters=parameters)
    assert caught.value.reason == "ANALYSIS_TOO_LARGE"


@pytest.mark.parametrize(
    ("method", "most"), [("optics", 30_000), ("spectral", 30_000), ("affinity-propagation", 5_000)]
)
def test_methods_for_few_points_say_what_to_use_for_more(method, most):
    points = np.random.default_rng(0).normal(size=(most + 1, 2))
    with pytest.raises(ResourceExhaustedError, match=f"for up to {most:,} images .*: use hdbscan or kmeans") as caught:
        cluster(points, method=method)
    assert caught.value.reason == "ANALYSIS_TOO_LARGE"


def test_propagation_that_does_not_settle_is_no_answer():
    points = np.random.default_rng(0).normal(size=(200, 2))
    with pytest.raises(FailedPreconditionError, match="raise damping or max_iter") as caught:
        cluster(points, method="affinity-propagation", parameters={"max_iter": 10, "damping": 0.99})
    assert caught.value.reason == "CLUSTERING_FAILED"


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


@pytest.mark.parametrize("kind", ["clumps", "cloud"])
def test_k_means_of_many_points_is_as_good_as_that_of_scikit_learn_and_says_where_it_started(kind):
    random = np.random.default_rng(4)
    points = (
        make_blobs(24_000, 8, centers=40, cluster_std=0.5, random_state=2)[0]
        if kind == "clumps"
        else random.normal(size=(24_000, 3))
    )
    asked = {"n_clusters": 40, "n_init": 1, "metric": "euclidean", "reduce": "none"}
    made = cluster(points, method="kmeans", parameters=asked)
    alone = [KMeans(40, n_init=1, random_state=seed).fit(points).inertia_ for seed in range(5)]
    assert made.report["inertia"] <= 1.01 * np.mean(alone)
    assert made.report["starts"].startswith("compared on 10000 of the points")
    assert made.report["parameters"]["n_init"] == 1
    means = np.stack([points[made.labels == label].mean(axis=0) for label in range(40)])
    nearest = np.square(points[:, None] - means).sum(axis=2).min(axis=1)
    assert nearest.sum() == pytest.approx(made.report["inertia"], rel=1e-3)


def test_k_means_finds_rare_points_that_a_sample_may_lack():
    points = np.zeros((30_000, 2))
    points[:60] = np.random.default_rng(0).normal(scale=100, size=(60, 2))
    made = cluster(points, method="kmeans", parameters={"n_clusters": 50, "metric": "euclidean"})
    assert made.n_clusters == 50
    assert "starts" not in made.report


def test_plscan_is_that_of_its_package(digits):
    from fast_plscan import PLSCAN

    points, truth = digits
    reduced = PCA(6, svd_solver="full").fit_transform(points).astype(np.float32)
    clustering = cluster(reduced, method="plscan", parameters={"metric": "euclidean", "min_samples": 8})
    reference = PLSCAN(min_samples=8).fit(reduced - reduced.mean(axis=0)).labels_
    assert adjusted_rand_score(reference, clustering.labels) == pytest.approx(1, abs=1e-9)
    latent = cluster(points, method="plscan")
    assert latent.report["preparation"]["reduce"] == "umap"
    assert adjusted_rand_score(truth, latent.labels) > 0.6


def test_evoc_groups_latent_vectors_and_equal_ones_alike(digits):
    points, truth = digits
    repeated = np.concatenate([points, points[:300]])
    clustering = cluster(repeated, method="evoc", parameters={"approx_n_clusters": 10})
    assert clustering.n_clusters == 10
    inside = clustering.labels[: len(points)] >= 0
    assert inside.mean() > 0.7
    assert adjusted_rand_score(truth[inside], clustering.labels[: len(points)][inside]) > 0.8
    np.testing.assert_array_equal(clustering.labels[len(points) :], clustering.labels[:300])
    again = cluster(repeated, method="evoc", parameters={"approx_n_clusters": 10})
    np.testing.assert_array_equal(again.labels, clustering.labels)
    order = np.random.default_rng(0).permutation(len(repeated))
    shuffled = cluster(repeated[order], method="evoc", parameters={"approx_n_clusters": 10})
    np.testing.assert_array_equal(shuffled.labels, clustering.labels[order])


@pytest.mark.parametrize(
    ("method", "parameters", "match"),
    [
        ("plscan", {"min_samples": 60}, "at most 59"),
        ("plscan", {"min_cluster_size": 61}, "at most 60"),
        ("plscan", {"min_samples": 8, "min_cluster_size": 4}, "below min_samples 8"),
        ("plscan", {"max_cluster_size": 4}, "not above the smallest"),
        ("evoc", {"metric": "euclidean"}, "by the cosine"),
        ("evoc", {"n_neighbors": 60}, "at most 59"),
        ("evoc", {"base_min_cluster_size": 60}, "at most 59"),
    ],
)
def test_parameters_that_density_methods_cannot_use_are_refused(method, parameters, match):
    points = np.random.default_rng(0).normal(size=(60, 12))
    with pytest.raises(InvalidArgumentError, match=match):
        cluster(points, method=method, parameters=parameters)


def test_evoc_refuses_a_few_vectors_that_are_often_repeated():
    with pytest.raises(InvalidArgumentError, match="4 different points"):
        cluster(np.repeat(np.eye(4), 20, axis=0), method="evoc")
