"""Scores, portraits and memberships of clusters against scikit-learn and plain float64."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist, pdist
from sklearn import metrics
from sklearn.datasets import load_digits

from lse.analysis.centres import relative_closeness
from lse.analysis.clusterers import cluster
from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.portraits import summarise_clusters
from lse.analysis.scores import compare_clusterings, score_clustering


def unit(points: np.ndarray) -> np.ndarray:
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_scores_of_shape(labelled, metric):
    points, labels = labelled
    points = points + np.float32(0.5) if metric == "cosine" else points  # no row of zeros
    scores = score_clustering(points, labels, metric=metric)
    exact = points.astype(np.float64)
    chosen = unit(exact) if metric == "cosine" else exact
    # Distances by differences: products of float64 cancel where the mean is large.
    apart = cdist(chosen, chosen, "sqeuclidean") / 2 if metric == "cosine" else cdist(chosen, chosen)
    np.fill_diagonal(apart, 0)
    centred = chosen - chosen.mean(axis=0)
    assert scores.silhouette == pytest.approx(metrics.silhouette_score(apart, labels, metric="precomputed"), abs=1e-6)
    assert scores.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(centred, labels), rel=1e-6)
    assert scores.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(centred, labels), rel=1e-6)


def dbcv(points: np.ndarray, labels: np.ndarray) -> float:
    """By its definition, in longer numbers, on scipy's spanning tree; of equal edges that of the nearer points."""
    found = []
    for label in np.unique(labels[labels >= 0]):
        members = points[labels == label]
        if len(members) == 1:
            continue
        apart = cdist(members, members)
        densities = np.ones_like(apart, np.longdouble)
        off = ~np.eye(len(members), dtype=bool)
        with np.errstate(divide="ignore"):
            densities[off] = 1 / apart[off].astype(np.longdouble) ** points.shape[1]
        cores = ((densities.sum(axis=1) - 1) / (len(members) - 1)) ** (-1 / np.longdouble(points.shape[1]))
        cores = cores.astype(float)
        reach = np.maximum(apart, np.maximum.outer(cores, cores))
        order = np.empty(reach.size)
        order[np.lexsort((apart.ravel(), reach.ravel()))] = np.arange(1, reach.size + 1)
        tree = minimum_spanning_tree(np.triu(order.reshape(reach.shape), 1)).tocoo()
        inner = np.bincount(np.concatenate([tree.row, tree.col]), minlength=len(members)) > 1
        between = inner[tree.row] & inner[tree.col]
        inner |= not inner.any()
        lengths = reach[tree.row, tree.col]
        found.append((members[inner], cores[inner], lengths[between | ~between.any()].max(), len(members)))
    total = 0.0
    for number, (members, cores, sparse, size) in enumerate(found):
        others = [one for place, one in enumerate(found) if place != number]
        gap = min(np.maximum(cdist(members, one[0]), np.maximum.outer(cores, one[1])).min() for one in others)
        total += size / len(labels) * (gap - sparse) / max(gap, sparse)
    return total


def test_density_validity(labelled, request):
    points, labels = labelled
    labels = np.where(np.arange(len(labels)) % 9, labels, -1)
    scores = score_clustering(points, labels, metric="euclidean")
    if (np.bincount(labels[labels >= 0]) > 1).sum() < 2:
        assert scores.dbcv is None
        return
    if "ties" not in request.node.name:  # then it depends on which of many spanning trees is taken
        assert scores.dbcv == pytest.approx(dbcv(points.astype(np.float64), labels), abs=1e-6)
    order = np.random.default_rng(0).permutation(len(labels))
    again = score_clustering(points[order], labels[order], metric="euclidean")
    assert again.dbcv == pytest.approx(scores.dbcv, abs=1e-9)


def test_density_validity_of_equal_points_and_of_far_clusters():
    blob = np.random.default_rng(1).normal(size=(40, 3))
    labels = np.repeat([0, 1], 40)
    assert score_clustering(np.concatenate([blob, blob + 100]), labels, metric="euclidean").dbcv > 0.95
    mixed = np.random.default_rng(2).permutation(labels)
    assert score_clustering(np.concatenate([blob, blob + 100]), mixed, metric="euclidean").dbcv < -0.9
    equal = np.repeat([[0.0, 0, 0], [1, 1, 1]], 40, axis=0)
    assert score_clustering(equal, labels, metric="euclidean").dbcv == 1
    assert score_clustering(blob, np.arange(40), metric="euclidean").dbcv is None


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_portraits(labelled, metric):
    points, labels = labelled
    points = points + np.float32(0.5) if metric == "cosine" else points
    exact = points.astype(np.float64)
    chosen = unit(exact) if metric == "cosine" else exact
    means = np.stack([chosen[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    centres = unit(means) if metric == "cosine" else means
    for summary in summarise_clusters(points, labels, metric=metric):
        rows = np.flatnonzero(labels == summary.label)
        squares = cdist(chosen[rows], chosen[rows], "sqeuclidean").sum(axis=1)
        assert squares[rows == summary.medoid_row][0] == pytest.approx(squares.min(), rel=1e-9)
        apart = np.square(chosen[rows] - centres[summary.label]).sum(axis=1)
        distances = apart / 2 if metric == "cosine" else np.sqrt(apart)
        assert summary.mean_distance == pytest.approx(distances.mean(), rel=1e-6, abs=1e-12)
        others = np.square(centres - centres[summary.label]).sum(axis=1)
        others = others / 2 if metric == "cosine" else np.sqrt(others)
        others[summary.label] = np.inf
        assert summary.nearest_distance == pytest.approx(others.min(), rel=1e-6, abs=1e-12)


def test_memberships(labelled):
    points, labels = labelled
    exact = points.astype(np.float64)
    centres = np.stack([exact[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    apart = cdist(exact, centres)
    own = apart[np.arange(len(points)), labels]
    apart[np.arange(len(points)), labels] = np.inf
    expected = np.clip(1 - own / apart.min(axis=1), 0, 1)
    np.testing.assert_allclose(relative_closeness(points, labels), expected, atol=1e-6)


def test_groups_and_memberships_do_not_depend_on_where_the_origin_is():
    points, _ = load_digits(return_X_y=True)
    points = points[:400].astype(np.float32)
    here = cluster(points, method="kmeans", parameters={"n_clusters": 5, "metric": "euclidean"})
    # Powers of two, so that the points themselves are not rounded.
    there = cluster(points + np.float32(2**15), method="kmeans", parameters={"n_clusters": 5, "metric": "euclidean"})
    np.testing.assert_array_equal(here.labels, there.labels)
    np.testing.assert_allclose(here.memberships, there.memberships, atol=1e-5)


@pytest.mark.parametrize("method", ["single", "average", "complete", "ward"])
def test_trees_by_cosine_join_by_cosine(method):
    points = np.random.default_rng(1).normal(size=(60, 5)) + 0.5
    mine = cluster(points, method="agglomerative", parameters={"n_clusters": 6, "linkage": method, "metric": "cosine"})
    table = unit(points) if method == "ward" else pdist(points, "cosine")
    expected = fcluster(linkage(table, method=method), 6, criterion="maxclust")
    assert metrics.adjusted_rand_score(expected, mine.labels) == 1


@pytest.mark.parametrize("method", ["single", "average", "complete", "ward"])
def test_as_many_clusters_as_were_asked_for_also_where_all_distances_are_equal(method):
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(6)), axis=-1).reshape(-1, 2)
    made = cluster(grid, method="agglomerative", parameters={"n_clusters": 7, "linkage": method})
    assert made.n_clusters == 7 == made.report["parameters"]["n_clusters"] == len(np.unique(made.labels))


def test_three_small_clean_groups_are_found_by_density():
    random = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], 4)
    points = np.array([[0, 0], [5, 0], [0, 5]])[truth] + random.normal(0, 0.1, (12, 2))
    made = cluster(points, method="hdbscan")
    assert metrics.adjusted_rand_score(truth, made.labels) == 1


@pytest.mark.parametrize("kind", ["normal", "uniform", "correlated"])
def test_clusters_of_pure_noise_are_said_to_be_none(kind):
    random = np.random.default_rng(3)
    points = {
        "normal": lambda: random.normal(size=(500, 16)),
        "uniform": lambda: random.uniform(size=(500, 2)),
        "correlated": lambda: random.normal(size=(500, 6)) @ random.normal(size=(6, 6)),
    }[kind]()
    made = cluster(points, method="kmeans", parameters={"n_clusters": 6, "metric": "euclidean"})
    assert made.report["warning"].startswith("No structure found: 300 of the points")
    assert made.report["structure"]["p_value"] > 0.05


def test_real_groups_pass_the_test_of_structure():
    points, _ = load_digits(return_X_y=True)
    made = cluster(points, method="kmeans", parameters={"n_clusters": 10})
    assert "warning" not in made.report
    assert made.report["structure"]["p_value"] < 0.001


def test_empty_text_is_no_class():
    labels = [0, 0, 0, 1, 1, 1]
    scores = score_clustering(np.eye(6), labels, classes=["a", "a", "", "b", "b", "  "])
    assert (scores.adjusted_rand, scores.mutual_information, scores.class_rows) == (1.0, 1.0, 4)
    assert score_clustering(np.eye(6), labels, classes=[""] * 6).adjusted_rand is None


@pytest.mark.parametrize("classes", [["a"] * 6, ["a", "b", "c", "d", "e", "f"], ["a", "a", "a", "a", "a", "b"]])
def test_agreement_with_classes(classes):
    labels = np.array([0, 0, 1, 1, -1, -1])
    scores = score_clustering(np.eye(6), labels, classes=classes)
    assert scores.adjusted_rand == pytest.approx(metrics.adjusted_rand_score(classes, labels))
    assert scores.mutual_information == pytest.approx(metrics.normalized_mutual_info_score(classes, labels))
    other = compare_clusterings(labels, np.unique(classes, return_inverse=True)[1])
    assert other.adjusted_rand == pytest.approx(scores.adjusted_rand)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neighbours(labelled, metric):
    points, _ = labelled
    points = points + np.float32(0.5) if metric == "cosine" else points
    exact = points.astype(np.float64)
    chosen = unit(exact) if metric == "cosine" else exact
    apart = cdist(chosen, chosen, "sqeuclidean") / 2 if metric == "cosine" else cdist(chosen, chosen)
    np.fill_diagonal(apart, np.inf)
    graph = build_neighbour_graph(points, k=4, metric=metric)
    found = np.take_along_axis(apart, graph.indices, axis=1)
    np.testing.assert_allclose(found, np.sort(apart, axis=1)[:, :4], rtol=1e-6, atol=1e-12)
