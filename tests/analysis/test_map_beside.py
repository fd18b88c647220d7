"""Maps that know classes or an earlier map, and new images that do not belong to a map."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import procrustes
from sklearn.datasets import load_digits
from sklearn.metrics import silhouette_score

from lse.analysis.drift import NoveltyScale, drift_of
from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.reducers import reduce
from lse.errors import InvalidArgumentError

MOVABLE = ["umap", "densmap", "tsne", "pacmap", "mds", "isomap", "spectral"]


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return load_digits().data.astype(np.float32)[:600]


@pytest.fixture(scope="module")
def graph(digits):
    return build_neighbour_graph(digits)


@pytest.fixture(scope="module")
def earlier(digits) -> np.ndarray:
    return reduce(digits[:550], method="umap", parameters={"init": "random", "seed": 5}).coordinates


def test_classes_of_half_the_images_draw_these_together_and_the_rest_no_less(digits, graph):
    classes = load_digits().target[:600]
    known = np.where(np.arange(600) % 2, classes.astype(object), None)
    free = reduce(digits, method="umap", neighbours=graph)
    led = reduce(digits, method="umap", parameters={"target_weight": 0.9}, neighbours=graph, targets=known)
    assert led.report["target"] == {"classes": 10, "known_rows": 300}
    for rest, gain in ((1, 0.05), (0, 0.0)):
        here = np.arange(600) % 2 == rest
        with_classes, without = (silhouette_score(each.coordinates[here], classes[here]) for each in (led, free))
        assert with_classes > without + gain
    again = reduce(digits, method="umap", parameters={"target_weight": 0.9}, neighbours=graph, targets=known)
    np.testing.assert_array_equal(again.coordinates, led.coordinates)


@pytest.mark.parametrize(
    ("method", "targets", "match"),
    [
        ("pca", ["a", "b"] * 300, "knows no classes"),
        ("umap", ["a", "b"], "2 targets for 600"),
        ("umap", ["a"] * 600, "has 1 class"),
        ("densmap", [None, "", float("nan")] * 200, "has 0 classes"),
    ],
)
def test_classes_that_lead_nowhere_are_refused(digits, method, targets, match):
    with pytest.raises(InvalidArgumentError, match=match):
        reduce(digits, method=method, targets=targets)


def test_measurements_are_no_classes():
    vectors = np.random.default_rng(0).normal(size=(1200, 3))
    with pytest.raises(InvalidArgumentError, match="1200 different values"):
        reduce(vectors, method="umap", targets=vectors[:, 0].tolist())


@pytest.mark.parametrize("method", MOVABLE)
def test_a_map_is_turned_to_an_earlier_one_of_its_first_images(digits, graph, earlier, method):
    quick = {"umap": {"n_epochs": 50}, "densmap": {"n_epochs": 50}, "tsne": {"n_iter": 50}, "mds": {"max_iter": 5}}
    parameters = {"align_to": "first", "seed": 1, **quick.get(method, {})}
    turned = reduce(digits, method=method, parameters=parameters, neighbours=graph, earlier=earlier)
    said = turned.report["alignment"]
    assert said["rows"] == 550
    # The disparity of SciPy is the square of what is left at the best rotation and scale.
    assert said["moved"] ** 2 == pytest.approx(procrustes(earlier, turned.coordinates[:550])[2], abs=1e-6)
    # Nothing is left to turn: the best rotation of what came out is none.
    own, other = (each[:550] - each[:550].mean(axis=0) for each in (turned.coordinates, earlier))
    left, _, right = np.linalg.svd(own.astype(float).T @ other)
    np.testing.assert_allclose(left @ right, np.eye(2), atol=1e-3)
    # New images are placed by the map as it lies now.
    placed = turned.model.transform(digits[:40])
    assert np.median(np.linalg.norm(placed - turned.coordinates[:40], axis=1)) < 0.2 * np.ptp(turned.coordinates)


@pytest.mark.parametrize("method", ["umap", "densmap"])
def test_a_map_that_starts_from_an_earlier_one_stays_nearer_to_it(digits, graph, earlier, method):
    other = {"seed": 1, "init": "random"}
    free = reduce(digits, method=method, parameters=other, neighbours=graph)
    led = reduce(digits, method=method, parameters={"align_to": "first", **other}, neighbours=graph, earlier=earlier)
    apart = np.sqrt(procrustes(earlier, free.coordinates[:550])[2])
    assert led.report["alignment"]["moved"] < 0.8 * apart
    kept = [each.report["faithfulness"]["neighbours_kept"] for each in (led, free)]
    assert kept[0] > kept[1] - 0.03


def test_an_earlier_map_that_does_not_fit_is_refused(digits, graph, earlier):
    with pytest.raises(InvalidArgumentError, match="axes of its own"):
        reduce(digits, method="pca", earlier=earlier)
    with pytest.raises(InvalidArgumentError, match="2 dimensions and the new one 3"):
        reduce(digits, method="umap", parameters={"n_components": 3}, earlier=earlier)
    with pytest.raises(InvalidArgumentError, match="2 places"):
        reduce(digits, method="umap", earlier=earlier[:2])
    with pytest.raises(InvalidArgumentError, match="were not given"):
        reduce(digits, method="umap", parameters={"align_to": "first"})


def test_novelty_is_uniform_for_images_of_the_same_kind_and_high_for_others():
    random = np.random.default_rng(0)
    known, like = random.normal(size=(2000, 6)), random.normal(size=(2000, 6))
    known[:, 0] += 4
    like[:, 0] += 4
    scale = NoveltyScale.of(known.astype(np.float32), build_neighbour_graph(known, k=10))
    novelty = scale.novelty(like.astype(np.float32))
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(novelty, share) == pytest.approx(share, abs=0.05)
    same = drift_of(novelty)
    assert same.foreign < 0.02
    assert "no drift" in same.sentence(2000)
    strange = like.copy()
    strange[:200, 0] *= -1
    drift = drift_of(scale.novelty(strange.astype(np.float32)))
    assert drift.foreign == pytest.approx(0.1, abs=0.02)
    assert drift.p_value < 1e-6
    assert "they differ" in drift.sentence(2000)
    # It is a function of the image, whatever comes with it.
    np.testing.assert_array_equal(scale.novelty(like[7:8].astype(np.float32)), novelty[7:8])


def test_novelty_among_equal_images_is_neither_low_nor_high():
    known = np.repeat(np.eye(4, dtype=np.float32), 20, axis=0)
    scale = NoveltyScale.of(known, build_neighbour_graph(known, k=6))
    assert scale.novelty(known[:1])[0] == pytest.approx(0.5)
    assert scale.novelty(-known[:1])[0] == pytest.approx(1)
