"""Scores against scikit-learn's, comparisons, and summaries whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.datasets import load_digits, make_blobs

from lse.analysis.portraits import summarise_clusters
from lse.analysis.scores import compare_clusterings, score_clustering
from lse.errors import InvalidArgumentError


def test_scores_are_scikit_learns_and_leave_noise_out():
    points, truth = load_digits(return_X_y=True)
    labels = truth.copy()
    labels[::7] = -1
    inside = labels >= 0
    scores = score_clustering(points, labels, metric="euclidean", classes=truth)
    assert scores.clusters == 10
    assert scores.noise_fraction == pytest.approx(1 - inside.mean())
    assert scores.silhouette_rows == inside.sum()
    assert scores.silhouette == pytest.approx(metrics.silhouette_score(points[inside], labels[inside]), abs=1e-4)
    assert scores.davies_bouldin == pytest.approx(
        metrics.davies_bouldin_score(points[inside], labels[inside]), rel=1e-3
    )
    assert scores.calinski_harabasz == pytest.approx(
        metrics.calinski_harabasz_score(points[inside], labels[inside]), rel=1e-3
    )
    assert scores.adjusted_rand == pytest.approx(metrics.adjusted_rand_score(truth, labels))
    cosine = score_clustering(points, truth, metric="cosine")
    assert cosine.silhouette == pytest.approx(metrics.silhouette_score(points, truth, metric="cosine"), abs=1e-4)
    assert cosine.adjusted_rand is None


def test_a_large_silhouette_is_computed_on_a_stated_sample():
    points, labels = make_blobs(3000, centers=3, random_state=0)
    scores = score_clustering(points, labels, metric="euclidean", sample=500, seed=4)
    assert scores.silhouette_rows == 500
    assert scores.silhouette == pytest.approx(metrics.silhouette_score(points, labels), abs=0.05)
    assert scores == score_clustering(points, labels, metric="euclidean", sample=500, seed=4)


@pytest.mark.parametrize("labels", [[-1, -1, -1, -1], [0, 0, 0, 0], [0, 1, 2, 3]])
def test_what_is_not_defined_is_none(labels):
    scores = score_clustering(np.eye(4), labels)
    assert (scores.silhouette, scores.davies_bouldin, scores.silhouette_rows) == (None, None, 0)


def test_rows_without_a_class_do_not_count():
    scores = score_clustering(np.eye(6), [0, 0, 0, 1, 1, 1], classes=["a", "a", None, "b", "b", np.nan])
    assert (scores.adjusted_rand, scores.mutual_information, scores.class_rows) == (1.0, 1.0, 4)
    unknown = score_clustering(np.eye(6), [0, 0, 0, 1, 1, 1], classes=[None] * 6)
    assert (unknown.adjusted_rand, unknown.class_rows) == (None, 0)


def test_comparison_of_two_clusterings():
    comparison = compare_clusterings([0, 0, 0, 1, 1, -1], [1, 1, 0, 0, 0, -1])
    assert comparison.table.loc[0].to_dict() == {-1: 0, 0: 1, 1: 2}
    assert comparison.matches == ((0, 1), (1, 0))
    assert comparison.same_rows == pytest.approx(5 / 6)
    assert compare_clusterings([-1, -1], [0, 1]).same_rows == 0


@given(st.lists(st.integers(-1, 4), min_size=2, max_size=30), st.permutations(range(5)))
@settings(deadline=None)
def test_other_numbers_for_the_same_groups_agree_wholly(labels, names):
    renamed = [names[label] if label >= 0 else -1 for label in labels]
    comparison = compare_clusterings(labels, renamed)
    assert comparison.same_rows == 1
    assert comparison.adjusted_rand == pytest.approx(1)
    assert comparison.table.to_numpy().sum() == len(labels)


def test_summaries_know_size_centre_neighbours_and_what_is_special():
    points, labels = make_blobs([60, 30, 20], centers=[[0, 0], [4, 0], [50, 0]], cluster_std=0.5, random_state=1)
    labels[np.flatnonzero(labels == 0)[:5]] = -1
    kind = np.where(labels == 2, "ring", np.where(np.arange(110) % 3, "spiral", "disc"))
    metadata = pd.DataFrame(
        {
            "kind": kind,
            "name": [f"image-{row}" for row in range(110)],
            "flux": np.where(labels == 1, 9.0, 1.0) + np.linspace(0, 1, 110),
            "empty": np.nan,
            "flag": labels == 0,
        }
    )
    first, second, third = summarise_clusters(points, labels, metric="euclidean", metadata=metadata)
    assert [first.label, first.size, second.size, third.size] == [0, 55, 30, 20]
    assert first.fraction == 0.5
    assert (first.nearest_cluster, second.nearest_cluster, third.nearest_cluster) == (1, 0, 1)
    assert first.nearest_distance == pytest.approx(4, abs=0.3)
    rows = np.flatnonzero(labels == 2)
    squares = metrics.pairwise_distances(points[rows], metric="sqeuclidean").sum(axis=1)
    assert third.medoid_row == rows[squares.argmin()]
    ring = third.traits[0]
    assert (ring.column, ring.value, ring.count, ring.here) == ("kind", "ring", 20, 1.0)
    assert ring.effect == pytest.approx(5.5)
    assert (second.traits[0].column, second.traits[0].effect) == ("flux", 1.0)
    assert {trait.column for summary in (first, second, third) for trait in summary.traits} == {"kind", "flag", "flux"}


def test_cosine_summaries_look_at_directions():
    points = np.array([[1, 0], [10, 0.1], [0, 1], [0.1, 20]])
    first, second = summarise_clusters(points, [0, 0, 1, 1])
    assert first.mean_distance < 1e-4
    assert first.nearest_distance == pytest.approx(1, abs=0.05)
    assert second.nearest_cluster == 0
    assert summarise_clusters(points, [-1] * 4) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda: score_clustering(np.eye(3), [0, 1]),
        lambda: score_clustering(np.eye(3), [0.5, 1.0, 2.0]),
        lambda: score_clustering(np.eye(3), [0, 1, 1], classes=["a"]),
        lambda: score_clustering(np.full((3, 3), np.nan), [0, 1, 1]),
        lambda: compare_clusterings([0, 1], [0]),
        lambda: compare_clusterings([], []),
        lambda: summarise_clusters(np.eye(3), [0, 1, 1], metadata=pd.DataFrame({"a": [1]})),
    ],
)
def test_wrong_shapes_are_refused(call):
    with pytest.raises(InvalidArgumentError):
        call()
