"""Our UMAP against umap-learn: its curve, its memberships, its map's faithfulness; and that threads change no bit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.reducers.faithfulness import measure_faithfulness
from lse.analysis.umap import UmapOptions, draw_map, mean_distance, place
from lse.analysis.umap.curve import curve_of, forces_of, look_up
from lse.analysis.umap.density import latent_radii
from lse.analysis.umap.memberships import fuzzy_graph, joined_with_classes
from lse.progress import Monitor


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data.astype(np.float32)


@pytest.fixture(scope="module")
def graph(digits):
    return build_neighbour_graph(digits, k=14)


def with_themselves(graph):
    """Neighbours as umap-learn has them, each point its own first."""
    rows = np.arange(graph.rows, dtype=np.int32)[:, None]
    return np.hstack([rows, graph.indices]), np.hstack([np.zeros(rows.shape, np.float32), graph.distances])


@pytest.mark.parametrize(("spread", "min_dist"), [(1.0, 0.1), (1.0, 0.0), (2.0, 0.5)])
def test_the_curve_is_that_of_umap_learn(spread, min_dist):
    from umap.umap_ import find_ab_params

    curve = curve_of(spread, min_dist)
    np.testing.assert_allclose((curve.a, curve.b), find_ab_params(spread, min_dist), rtol=1e-4)


def test_forces_are_looked_up_to_a_thousandth():
    curve = curve_of(1.0, 0.1)
    forces = forces_of(curve, 1.0)
    for square in np.float32([1e-8, 3e-4, 0.017, 1.0, 7.3, 411.0]):
        power = square**curve.b
        attraction = -2 * curve.a * curve.b * power / square / (1 + curve.a * power)
        repulsion = 2 * curve.b / ((0.001 + square) * (1 + curve.a * power))
        assert look_up(forces.attraction, square) == pytest.approx(attraction, rel=1e-3)
        assert look_up(forces.repulsion, square) == pytest.approx(repulsion, rel=1e-3)
    assert np.isfinite([look_up(forces.attraction, np.float32(end)) for end in (0, 1e30)]).all()


def test_memberships_are_those_of_umap_learn(digits, graph):
    from umap.umap_ import fuzzy_simplicial_set

    indices, distances = with_themselves(graph)
    expected = fuzzy_simplicial_set(
        digits, 15, np.random.RandomState(0), "cosine", knn_indices=indices, knn_dists=distances
    )[0]
    difference = fuzzy_graph(graph) - expected
    assert abs(difference).max() < 1e-3


def test_a_map_is_as_faithful_as_that_of_umap_learn(digits, graph):
    import umap

    with warnings.catch_warnings():
        # umap-learn tells of a library that it misses, and of its own single thread.
        warnings.simplefilter("ignore")
        theirs = umap.UMAP(metric="cosine", n_neighbors=15, random_state=0, n_jobs=1).fit_transform(digits)
    ours = draw_map(graph, digits, UmapOptions(n_epochs=500), monitor=Monitor(), stage="arranging")
    found = [
        measure_faithfulness(digits, np.asarray(each, np.float32), metric="cosine", seed=0) for each in (ours, theirs)
    ]
    assert found[0].neighbours_kept >= found[1].neighbours_kept - 0.01
    assert found[0].trustworthiness >= found[1].trustworthiness - 0.01


@pytest.mark.parametrize("n_components", [2, 3, 5])
def test_any_number_of_threads_gives_the_same_bits(digits, graph, n_components):
    options = UmapOptions(n_components=n_components, n_epochs=30, seed=4)
    maps = [
        draw_map(graph, digits, options, monitor=Monitor(), stage="arranging", threads=threads) for threads in (1, 2, 3)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_array_equal(maps[0], maps[2])


def test_another_seed_gives_another_map(digits, graph):
    one, two = (
        draw_map(graph, digits, UmapOptions(n_epochs=11, seed=seed), monitor=Monitor(), stage="arranging")
        for seed in (0, 1)
    )
    assert not np.array_equal(one, two)


def test_new_points_take_the_places_of_their_vectors_whatever_comes_with_them(digits, graph):
    options = UmapOptions(n_epochs=60)
    coordinates = draw_map(graph, digits, options, monitor=Monitor(), stage="arranging")
    indices, distances = with_themselves(graph)
    mean = mean_distance(graph.distances)
    placed = place(indices, distances, coordinates, options, mean_distance=mean)
    order = np.random.default_rng(0).permutation(len(digits))[:50]
    some = place(indices[order], distances[order], coordinates, options, mean_distance=mean)
    np.testing.assert_array_equal(some, placed[order])
    alone = place(indices[7:8], distances[7:8], coordinates, options, mean_distance=mean)
    np.testing.assert_array_equal(alone, placed[7:8])
    # Points that were fitted fall near their places.
    assert np.median(np.linalg.norm(placed - coordinates, axis=1)) < 0.02 * np.ptp(coordinates)
    assert trustworthiness(digits, placed, n_neighbors=15, metric="cosine") > 0.97


def test_classes_change_memberships_as_in_umap_learn(digits, graph):
    from umap.umap_ import discrete_metric_simplicial_set_intersection

    classes = np.where(np.arange(len(digits)) % 3, load_digits().target, -1)
    for weight, far in ((0.5, 5.0), (1.0, 1e12)):
        ours = joined_with_classes(fuzzy_graph(graph), classes, weight)
        theirs = discrete_metric_simplicial_set_intersection(fuzzy_graph(graph).tocoo(), classes, far_dist=far)
        assert abs(ours - theirs).max() < 1e-5


def radius(points, k=10):
    """Logarithm of the mean squared distance to the k nearest others."""
    near = cdist(points, points, "sqeuclidean")
    return np.log(np.sort(near, axis=1)[:, 1 : k + 1].mean(axis=1))


@pytest.fixture(scope="module")
def uneven() -> np.ndarray:
    """Three groups, each four times as wide as the one before."""
    random = np.random.default_rng(0)
    parts = [random.normal(size=(150, 8)) * 0.25 * 4**step + 30 * np.eye(8)[step] for step in range(3)]
    return np.concatenate(parts).astype(np.float32)


def test_densmap_keeps_densities_as_well_as_umap_learn(uneven):
    import umap

    own = build_neighbour_graph(uneven, k=14, metric="euclidean")
    kept: list[float] = []
    ours = draw_map(
        *(own, uneven, UmapOptions(n_epochs=300, dens_lambda=2.0)),
        monitor=Monitor(),
        stage="arranging",
        on_density=kept.append,
    )
    plain = draw_map(own, uneven, UmapOptions(n_epochs=300), monitor=Monitor(), stage="arranging")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = umap.UMAP(n_epochs=300, random_state=0, n_jobs=1, densmap=True).fit(uneven)
    # The radii in latent space are theirs, which umap-learn keeps standardised.
    radii = latent_radii(own, fuzzy_graph(own), 300)
    np.testing.assert_allclose((radii - radii.mean()) / radii.std(), reference._densmap_kwds["R"], atol=2e-3)
    true = radius(uneven)
    with_density, theirs, without = (
        np.corrcoef(true, radius(each))[0, 1] for each in (ours, reference.embedding_, plain)
    )
    assert with_density > max(0.85, theirs - 0.05)
    assert with_density > without + 0.3
    assert kept[0] > 0.9


@pytest.mark.parametrize("n_components", [2, 3])
def test_threads_change_no_bit_of_densmap(digits, graph, n_components):
    options = UmapOptions(n_components=n_components, n_epochs=20, dens_lambda=2.0, dens_frac=0.6)
    maps = [
        draw_map(graph, digits, options, monitor=Monitor(), stage="arranging", threads=threads) for threads in (1, 3)
    ]
    np.testing.assert_array_equal(*maps)
