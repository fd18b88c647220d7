"""Cuts of hierarchies against SciPy, scikit-learn and the packages that made them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from lse.analysis.clusterers import cluster
from lse.analysis.clusterers.clusterings import Clustering
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.errors import InvalidArgumentError


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """Two groups of two groups each, some far points and some equal ones."""
    rng = np.random.default_rng(4)
    centres = np.array([[0, 0], [4, 0], [20, 0], [20, 5]])
    groups = [centre + rng.normal(0, spread, (60, 2)) for centre, spread in zip(centres, (1, 0.5, 1, 0.3), strict=True)]
    spread = rng.uniform(-10, 30, (20, 2))
    return np.concatenate([*groups, spread, spread[:3]]).astype(np.float32)


def _grouped(points: np.ndarray, method: str, **parameters: object) -> tuple[Clustering, Hierarchy]:
    given = {"metric": "euclidean", "reduce": "none", **parameters}
    found = cluster(points, method=method, parameters=given)
    assert found.hierarchy is not None
    return found, found.hierarchy


def _same(labels: np.ndarray, other: np.ndarray) -> bool:
    return adjusted_rand_score(labels, other) == pytest.approx(1) and ((labels < 0) == (other < 0)).all()


@pytest.mark.parametrize("method", ["ward", "average", "complete", "single"])
def test_merges_are_cut_as_scipy_cuts_them(points: np.ndarray, method: str) -> None:
    found, hierarchy = _grouped(points, "agglomerative", linkage=method, n_clusters=4)
    centred = points - points.mean(axis=0, dtype=np.float64)
    tree = linkage(centred.astype(np.float32).astype(np.float64), method)
    assert _same(hierarchy.cut(hierarchy.level_of(4)).labels, found.labels)
    levels = hierarchy.levels()
    assert set(np.unique(levels.clusters)) >= set(range(1, 200))
    for level in levels.level[::7] * (1 + 1e-6):
        cut = hierarchy.cut(level)
        assert _same(cut.labels, fcluster(tree, level, "distance"))
        assert (cut.memberships == 1).all()


@pytest.mark.parametrize("size", [4, 12])
def test_densities_are_cut_into_what_is_connected_at_a_distance(points: np.ndarray, size: int) -> None:
    _, hierarchy = _grouped(points, "hdbscan", min_cluster_size=size, min_samples=5)
    exact = points.astype(np.float64)
    distances = cdist(exact, exact)
    core = np.sort(distances, axis=1)[:, 5]
    reachable = np.maximum(distances, np.maximum(core[:, None], core))
    np.fill_diagonal(reachable, np.inf)
    levels = hierarchy.levels()
    assert len(levels.level) > 3
    for level in levels.level * (1 + 1e-5):
        parts = connected_components(coo_matrix(reachable <= level), directed=False)[1]
        noise = np.bincount(parts)[parts] < size
        cut = hierarchy.cut(level)
        assert _same(cut.labels, np.where(noise, -1, parts))
        assert ((cut.memberships > 0) == ~noise).all()
        assert np.bincount(cut.labels[~noise]).tolist() == sorted(np.bincount(cut.labels[~noise]))[::-1]
        assert (cut.memberships[~noise] <= 1).all()


def test_smallest_sizes_are_cut_as_the_package_cuts_them(points: np.ndarray) -> None:
    from fast_plscan import PLSCAN

    found, hierarchy = _grouped(points, "plscan")
    assert any(_same(hierarchy.cut(level).labels, found.labels) for level in hierarchy.levels().level)
    prepared = (points - points.mean(axis=0, dtype=np.float64)).astype(np.float32)
    model = PLSCAN(min_samples=5).fit(prepared)
    # Sizes are those that a group still has at least; the package names a cut by a size that its groups exceed.
    for size in (6, 9, 20, 52, 53, 60, 61, 62, 125):
        assert _same(hierarchy.cut(size).labels, model.min_cluster_size_cut(size - 0.5).label)


def test_layers_are_cut_into_themselves() -> None:
    from sklearn.datasets import load_digits

    found = cluster(load_digits().data, method="evoc")
    hierarchy, sizes = found.hierarchy, found.report["layers"]
    assert hierarchy is not None
    assert hierarchy.levels().clusters.tolist() == sizes[::-1]
    assert any(_same(hierarchy.cut(level).labels, found.labels) for level in range(len(sizes)))


def test_layers_may_have_noise_above_what_is_a_group() -> None:
    layers = [np.array([0, 0, 1, 1, -1, 2, 2]), np.array([-1, -1, 0, 0, 0, -1, -1]), np.array([0, 0, 0, 0, 0, -1, -1])]
    hierarchy = Hierarchy.of_layers(layers)
    for level, layer in enumerate(layers):
        assert _same(hierarchy.cut(level).labels, layer)
    assert hierarchy.levels().noise.tolist() == [2, 4, 1]


def test_many_levels_are_kept_from_the_coarse_end_and_others_refused(points: np.ndarray) -> None:
    _, hierarchy = _grouped(points, "agglomerative")
    pruned = hierarchy.pruned(21)
    assert len(pruned.parents) <= 21
    for level in pruned.levels().level:
        assert (pruned.cut(level).labels == hierarchy.cut(level).labels).all()
    with pytest.raises(InvalidArgumentError, match="finer than what was kept") as finer:
        pruned.cut(pruned.finest * 0.99)
    with pytest.raises(InvalidArgumentError, match="the nearest have 10 and 11"):
        pruned.level_of(40)
    assert finer.value.reason == "LEVEL_INVALID"
    _, dense = _grouped(points, "hdbscan", min_cluster_size=40)
    with pytest.raises(InvalidArgumentError, match="all images are noise"):
        dense.cut(1e-3)
    with pytest.raises(InvalidArgumentError, match="finer than"):
        dense.cut(float("nan"))


@pytest.mark.parametrize("method", ["agglomerative", "birch", "hdbscan", "plscan"])
def test_levels_count_what_their_cuts_have(points: np.ndarray, method: str) -> None:
    found, hierarchy = _grouped(points, method)
    for level, clusters, noise in zip(*hierarchy.levels(), strict=True):
        labels = hierarchy.cut(level).labels
        assert (labels.max() + 1, (labels < 0).sum()) == (clusters, noise)
    if method == "birch":
        assert _same(hierarchy.cut(hierarchy.level_of(found.n_clusters)).labels, found.labels)
