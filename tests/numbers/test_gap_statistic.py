"""The number of clusters by the gap statistic, against an implementation of its own."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from lse.analysis.clusterers import cluster


def spread(points: np.ndarray, clusters: int) -> float:
    return float(np.log(KMeans(clusters, n_init=3, random_state=1).fit(points).inertia_))


def gap(points: np.ndarray, clusters: int) -> tuple[float, float]:
    """Gap and its standard error, of 20 references along the principal axes."""
    random = np.random.default_rng(5)
    axes = np.linalg.eigh(np.cov(points.T))[1]
    turned = points @ axes
    drawn = [random.uniform(turned.min(axis=0), turned.max(axis=0), turned.shape) for _ in range(20)]
    references = [spread(each @ axes.T, clusters) for each in drawn]
    return np.mean(references) - spread(points, clusters), float(np.std(references))


def test_blobs_are_counted_and_an_even_cloud_is_one():
    random = np.random.default_rng(0)
    centres = 6 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 1]])
    blobs = (centres[random.integers(0, 4, 300)] + random.normal(size=(300, 3)) * [1, 0.5, 0.7]).astype(np.float32)
    found = cluster(blobs, method="kmeans", parameters={"criterion": "gap", "metric": "euclidean"})
    automatic = found.report["automatic"]
    assert automatic["n_clusters"] == len(np.unique(found.labels)) == 4
    for clusters in (1, 3, 4, 5):
        expected, error = gap(blobs.astype(np.float64), clusters)
        assert automatic["tried"][str(clusters)] == pytest.approx(expected, abs=4 * error + 0.02)
    even = random.uniform(size=(300, 3)).astype(np.float32)
    automatic = cluster(even, method="kmeans", parameters={"criterion": "gap", "metric": "euclidean"}).report[
        "automatic"
    ]
    assert automatic["n_clusters"] == 2
    assert "finds a single group" in automatic["criterion"]
