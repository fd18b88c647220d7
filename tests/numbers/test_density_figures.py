"""HDBSCAN against its definition written out, where ties and equal points abound, and against other libraries."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial.distance import cdist
from sklearn.cluster import HDBSCAN
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score

from lse.analysis.clusterers import cluster
from lse.analysis.clusterers.spanning_tree import spanning_tree


def mirrored(seed: int, rows: int, columns: int, most: int) -> np.ndarray:
    """Points on a lattice about 0, of which many are equal or equally far apart."""
    half = np.random.default_rng(seed).integers(-most, most + 1, size=(rows, columns))
    return np.concatenate([half, -half]).astype(np.float64)


def mutual_reachability(points: np.ndarray, k: int) -> np.ndarray:
    apart = cdist(points, points)
    core = np.sort(apart, axis=1)[:, k]
    return np.maximum(apart, np.maximum(core, core[:, None]))


@dataclass
class Part:
    """A cluster of the hierarchy: its density from birth to end, its excess of mass, and the clusters it falls into."""

    birth: float
    end: float = 0.0
    mass: float = 0.0
    inside: list[Part] = field(default_factory=list)

    def best(self, *, leaves: bool) -> tuple[float, list[Part]]:
        below = [part.best(leaves=leaves) for part in self.inside]
        total = sum(mass for mass, _ in below)
        if not below or (not leaves and self.mass >= total):
            return self.mass, [self]
        return total, [one for _, some in below for one in some]

    def holds(self, other: Part) -> bool:
        return self is other or any(part.holds(other) for part in self.inside)


def by_definition(apart: np.ndarray, least: int, *, leaves: bool) -> tuple[np.ndarray, np.ndarray]:
    """Labels and strengths: a cluster falls at once into all that hangs together below its largest distance."""
    homes: dict[int, Part] = {}
    departures = np.zeros(len(apart))

    def fall(members: np.ndarray, birth: float) -> Part:
        own = Part(birth)
        while True:
            within = apart[np.ix_(members, members)]
            level = next(each for each in np.unique(within) if connected_components(within <= each)[0] == 1)
            own.end = 1 / level if level > 0 else np.inf
            _, parts = connected_components(within < level)
            large = [members[parts == part] for part in np.unique(parts) if (parts == part).sum() >= least]
            leaving = np.setdiff1d(members, np.concatenate([*large, np.array([], int)]))
            homes.update(dict.fromkeys(leaving.tolist(), own))
            departures[leaving] = own.end
            own.mass += (len(members) - (len(large[0]) if len(large) == 1 else 0)) * (own.end - birth)
            if len(large) != 1:
                own.inside = [fall(part, own.end) for part in large]
                return own
            members = large[0]

    chosen = [one for part in fall(np.arange(len(apart)), 0.0).inside for one in part.best(leaves=leaves)[1]]
    labels, strengths = np.full(len(apart), -1), np.zeros(len(apart))
    for number, selected in enumerate(chosen):
        inside = np.array([point for point, home in homes.items() if selected.holds(home)])
        labels[inside] = number
        leave = departures[inside]
        strengths[inside] = [1 if np.isinf(each) else min(each, selected.end) / selected.end for each in leave]
    return labels, strengths


@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(10, 40), st.integers(1, 3)),
    most=st.integers(2, 12),
    sizes=st.tuples(st.integers(1, 5), st.integers(2, 8)),
    method=st.sampled_from(["eom", "leaf"]),
)
@settings(max_examples=40, deadline=None)
def test_clusters_are_those_of_the_definition_whatever_the_ties(seed, shape, most, sizes, method):
    (rows, columns), (k, least) = shape, sizes
    points = mirrored(seed, rows, columns, most)
    assume(np.ptp(points, axis=0).any())
    asked = {"min_cluster_size": least, "min_samples": k, "cluster_selection_method": method}
    made = cluster(points, method="hdbscan", parameters=asked | {"metric": "euclidean", "reduce": "none"})
    labels, strengths = by_definition(mutual_reachability(points, k), least, leaves=method == "leaf")
    assert ((labels < 0) == (made.labels < 0)).all()
    assert adjusted_rand_score(labels, made.labels) == 1
    assert np.allclose(strengths, made.memberships, atol=1e-5)
    order = np.random.default_rng(seed).permutation(len(points))
    again = cluster(points[order], method="hdbscan", parameters=asked | {"metric": "euclidean", "reduce": "none"})
    assert adjusted_rand_score(made.labels[order], again.labels) == 1
    assert (again.memberships == made.memberships[order]).all()


@pytest.mark.parametrize(("columns", "rows"), [(1, 300), (2, 700), (6, 400), (40, 200)])
def test_the_spanning_tree_is_as_long_as_scipys_and_the_same_on_any_number_of_threads(columns, rows):
    points = np.random.default_rng(columns).normal(size=(rows, columns)).astype(np.float32)
    tree = spanning_tree(points, min_samples=4, threads=1)
    reference = np.sort(minimum_spanning_tree(mutual_reachability(points.astype(np.float64), 4)).data)
    assert np.allclose(tree.lengths, reference, rtol=1e-4)
    assert len(tree.ends) == rows - 1
    graph = np.zeros((rows, rows), bool)
    graph[tree.ends[:, 0], tree.ends[:, 1]] = True
    assert connected_components(graph, directed=False)[0] == 1
    parallel = spanning_tree(points, min_samples=4, threads=3)
    assert (parallel.ends == tree.ends).all()
    assert (parallel.lengths == tree.lengths).all()


@pytest.mark.parametrize("scale", [1e-18, 1.0, 1e18])
def test_clusters_are_those_of_scikit_learn_at_any_scale(scale):
    blobs = make_blobs(3000, centers=8, cluster_std=0.8, random_state=1)[0]
    moons = make_moons(1500, noise=0.06, random_state=1)[0]
    for points in (blobs, moons):
        made = cluster(points * scale, method="hdbscan", parameters={"min_cluster_size": 25, "min_samples": 10})
        expected = HDBSCAN(min_cluster_size=25, min_samples=11, copy=True).fit(points)
        assert adjusted_rand_score(expected.labels_, made.labels) > 0.99
        inside = (made.labels >= 0) & (expected.labels_ >= 0)
        assert np.abs(expected.probabilities_ - made.memberships)[inside].mean() < 0.01


def test_one_cluster_is_an_answer_where_it_is_allowed():
    points = np.random.default_rng(0).normal(size=(400, 2))
    asked = {"min_cluster_size": 100, "min_samples": 5, "allow_single_cluster": True}
    made = cluster(points, method="hdbscan", parameters=asked)
    expected = HDBSCAN(min_cluster_size=100, min_samples=6, allow_single_cluster=True, copy=True).fit(points)
    assert made.n_clusters == 1
    assert ((made.labels < 0) == (expected.labels_ < 0)).mean() > 0.95
