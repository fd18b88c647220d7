"""The linear probe, by which encoders are judged and labels are carried over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score, log_loss
from sklearn.model_selection import StratifiedKFold

from lse.representation.evaluation.labelled import cross_validated
from lse.representation.prediction.linear_probe import linear_probe

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _clusters(counts: list[int], *, distance: float) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    random = np.random.default_rng(0)
    labels = np.repeat([f"class{index}" for index in range(len(counts))], counts)
    centres = np.repeat(np.eye(16)[: len(counts)] * distance, counts, axis=0)
    return (centres + random.normal(size=(len(labels), 16))).astype(np.float32), labels


def _balanced_accuracy(vectors: NDArray[np.float32], classes: NDArray[np.str_]) -> float:
    return cross_validated(linear_probe(), vectors, classes, folds=5, seed=0)


def _digits() -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    digits = load_digits()
    return digits.data.astype(np.float32), digits.target.astype(str)


def test_it_tells_what_a_line_divides() -> None:
    vectors, labels = _clusters([60, 40, 30], distance=8)
    assert _balanced_accuracy(vectors, labels) == 1
    assert _balanced_accuracy(1e4 * vectors - 1e5, labels) == 1
    random = np.random.default_rng(0)
    noise = random.normal(size=(600, 16)).astype(np.float32)
    assert _balanced_accuracy(noise, np.array(["a", "b"] * 300)) == pytest.approx(0.5, abs=0.08)
    # One class around another: no line divides them, neighbours do.
    angle, inner = random.uniform(0, 2 * np.pi, 300), np.arange(300) % 2 == 1
    rings = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(inner, 1, 6)[:, None]
    assert _balanced_accuracy(rings.astype(np.float32), np.where(inner, "inner", "outer")) < 0.65


def test_on_more_dimensions_than_images_it_does_not_depend_on_a_rotation() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(60, 200)).astype(np.float32)
    vectors[30:, :50] += 1.5
    labels = np.repeat(["a", "b"], 30)
    score = _balanced_accuracy(vectors, labels)
    assert score > 0.75
    assert _balanced_accuracy(np.concatenate([vectors, vectors], axis=1), labels) == score


def test_rare_classes_count_as_much() -> None:
    assert _balanced_accuracy(*_clusters([300, 6], distance=8)) == 1


def test_digits_are_told_as_well_as_they_were() -> None:
    # The published table stands on this probe: 0.968, 0.962 and 0.965 for three seeds.
    vectors, labels = _digits()
    assert _balanced_accuracy(vectors, labels) == pytest.approx(0.9682, abs=0.003)


def test_calibrated_probabilities_and_the_scale_of_all_images_help_where_labels_are_few() -> None:
    vectors, labels = _digits()
    chosen = next(StratifiedKFold(len(labels) // 50, shuffle=True, random_state=0).split(vectors, labels))[1]
    others = np.setdiff1d(np.arange(len(labels)), chosen)
    plain = linear_probe()(vectors[chosen], labels[chosen])
    probe = linear_probe(population=vectors, calibrated=True)(vectors[chosen], labels[chosen])
    assert list(probe.classes_) == [str(digit) for digit in range(10)]
    probabilities = [each.predict_proba(vectors[others]) for each in (plain, probe)]
    for each in probabilities:
        assert each.sum(axis=1) == pytest.approx(1)
    before, after = (log_loss(labels[others], each, labels=probe.classes_) for each in probabilities)
    assert after < 0.8 * before
    found = [balanced_accuracy_score(labels[others], each.predict(vectors[others])) for each in (plain, probe)]
    assert found[1] > found[0] - 0.01


def test_a_class_of_one_image_is_learnt() -> None:
    vectors, labels = _clusters([20, 20, 1], distance=12)
    for calibrated in (False, True):
        probe = linear_probe(calibrated=calibrated)(vectors, labels)
        assert (probe.predict(vectors) == labels).all()
        assert probe.predict_proba(vectors).shape == (41, 3)


def test_vectors_without_any_variance_tell_nothing() -> None:
    probe = linear_probe(calibrated=True)(np.ones((12, 3), np.float32), np.array(["a", "b"] * 6))
    assert probe.predict_proba(np.ones((2, 3), np.float32)) == pytest.approx(0.5)
