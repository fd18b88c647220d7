"""Scores of vectors against classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from lse.errors import CancelledError, InvalidArgumentError
from lse.representation.evaluation.baselines import baselines
from lse.representation.evaluation.class_scores import Pixels, score_against_classes
from lse.representation.evaluation.neighbours import knn_balanced_accuracy, nearest_neighbours


def _clusters(counts: list[int], *, distance: float = 50.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = np.repeat([f"class{index}" for index in range(len(counts))], counts)
    directions = np.eye(16)[: len(counts)] * distance
    vectors = np.repeat(directions, counts, axis=0) + random.normal(size=(len(labels), 16))
    return vectors, labels


def test_separate_classes_are_recognised() -> None:
    score = knn_balanced_accuracy(*_clusters([60, 40, 30]))
    assert score.balanced_accuracy == 1
    assert score.chance == pytest.approx(1 / 3)
    assert score.classes == ("class0", "class1", "class2")
    assert score.images == 130
    assert score.notes == ()


def test_noise_scores_like_chance() -> None:
    vectors, labels = _clusters([500, 500], distance=0)
    score = knn_balanced_accuracy(vectors, labels).balanced_accuracy
    assert score == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("members", [5, 8, 12])
def test_a_small_class_that_is_well_parted_is_found(members: int) -> None:
    vectors, labels = _clusters([1000 - members, members])
    assert knn_balanced_accuracy(vectors, labels).balanced_accuracy == 1


def test_labels_without_meaning_score_chance_however_rare_a_class_is() -> None:
    random = np.random.default_rng(0)
    scores = [
        knn_balanced_accuracy(random.normal(size=(1000, 8)), ["common"] * 988 + ["rare"] * 12).balanced_accuracy
        for _ in range(20)
    ]
    assert np.mean(scores) == pytest.approx(0.5, abs=0.03)


def test_classes_of_equal_size_are_told_as_scikit_learn_tells_them() -> None:
    vectors, labels = _clusters([60, 60, 60], distance=2)
    train, test = np.arange(180) % 3 > 0, np.arange(180) % 3 == 0
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    peer = KNeighborsClassifier(20).fit(unit[train], labels[train])
    votes = np.sort(peer.predict_proba(unit[test]), axis=1)
    clear = votes[:, -1] > votes[:, -2]
    found = nearest_neighbours(20)(vectors[train].astype(np.float32), labels[train]).predict(vectors[test])
    assert (found == peer.predict(unit[test]))[clear].all()


def test_equal_votes_go_to_the_nearer_class_and_not_to_the_first_of_the_alphabet() -> None:
    vectors = np.array([[1, 0.1], [1, 0.2], [1, 0.3], [1, 0.4]], dtype=np.float32)
    model = nearest_neighbours(4)(vectors, np.array(["z", "a", "a", "z"]))
    assert model.predict(np.array([[1, 0]], dtype=np.float32)).tolist() == ["z"]


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 10))
@settings(max_examples=10, deadline=None)
def test_the_length_of_vectors_does_not_matter(scale: float, seed: int) -> None:
    vectors, labels = _clusters([30, 30], distance=1, seed=seed)
    lengths = np.random.default_rng(seed).uniform(1, 10, size=(60, 1))
    first = knn_balanced_accuracy(vectors, labels)
    assert knn_balanced_accuracy(vectors * lengths * scale, labels) == first


def test_small_classes_unknown_labels_and_broken_vectors_are_left_out_with_a_note() -> None:
    vectors, labels = _clusters([30, 30, 4, 1])
    vectors[0, 0] = np.nan
    unknown = np.array([*labels, None, "", float("nan")], dtype=object)
    score = knn_balanced_accuracy(np.concatenate([vectors, vectors[-3:]]), unknown)
    assert score.classes == ("class0", "class1")
    assert score.images == 59
    assert score.balanced_accuracy == 1
    text = " ".join(score.notes)
    assert "3 images without a class" in text
    assert "1 image with values that are not finite" in text
    assert "fewer than 5 images" in text
    assert "class2, class3" in text


def test_of_many_classes_that_are_too_small_a_few_are_named() -> None:
    score = knn_balanced_accuracy(np.zeros((600, 2)), [f"object {number:03}" for number in range(600)])
    assert score.balanced_accuracy is None
    assert score.notes[0].endswith("left out: object 000, object 001, object 002, object 003, object 004 and 595 more.")


@pytest.mark.parametrize("counts", [[30], [30, 3], [4, 4], []])
def test_fewer_than_two_classes_give_no_score_and_say_so(counts: list[int]) -> None:
    vectors, labels = _clusters(counts) if counts else (np.zeros((0, 16)), np.array([], dtype=str))
    score = knn_balanced_accuracy(vectors, labels)
    assert score.balanced_accuracy is None
    assert "fewer than two classes" in score.notes[-1]


def test_fewer_images_than_neighbours() -> None:
    assert knn_balanced_accuracy(*_clusters([6, 6]), k=20).balanced_accuracy is not None


def test_a_sample_is_said_and_keeps_every_class() -> None:
    score = knn_balanced_accuracy(*_clusters([1000, 300, 8]), max_images=200)
    assert score.images <= 210
    assert len(score.classes) == 3
    assert any("sample of 200 of 1308" in note for note in score.notes)


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="one label an image"):
        knn_balanced_accuracy(np.zeros((5, 2)), ["a"] * 4)


def test_zero_vectors_do_not_break_the_score() -> None:
    assert knn_balanced_accuracy(np.zeros((40, 4)), ["a", "b"] * 20).balanced_accuracy is not None


def test_baselines_of_images() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(80, 1, 16, 16)).astype(np.float32)
    images[:40, 0, :8] += 9
    images[40:, 0, 8:] += 9
    labels = ["up"] * 40 + ["down"] * 40
    scores = baselines(images, labels, parameters={"width": 4}, components=8)
    assert scores.chance == 0.5
    assert scores.pixels == 1
    assert scores.pca == 1
    assert scores.untrained is not None
    assert scores == baselines(images, labels, parameters={"width": 4}, components=8)
    with pytest.raises(CancelledError):
        baselines(images, labels, should_stop=lambda: True)
    assert baselines(images, ["up"] * 80).pixels is None


def test_encoder_and_baselines_are_scored_alike_over_folds_and_over_the_split() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(90, 1, 16, 16)).astype(np.float32)
    labels = np.array(["up"] * 45 + ["down"] * 45)
    images[:45, 0, :8] += 9
    images[45:, 0, 8:] += 9
    split = ["train", "Test ", "valid"] * 30
    scores = score_against_classes(
        np.where(labels == "up", 1, -1)[:, None] + random.normal(size=(90, 4)).astype(np.float32) / 9,
        labels,
        pixels=Pixels(lambda: images),
        split=split,
        method="simclr",
        settings={"width": "4"},
    )
    assert scores.images == 90
    for measure in (scores.knn, scores.linear_probe, scores.split_knn, scores.split_linear_probe):
        assert list(measure) == ["chance", "encoder", "pixels", "pca", "untrained"]
        assert measure["chance"] == 0.5
        assert measure["encoder"] == 1
        assert measure["pixels"] > 0.9
        # Of 30 images 64 components are mostly noise, which a probe learns as well.
        assert measure["pca"] > 0.6
    assert any("30 images of train, scored on 30 of test; the 30 others" in note for note in scores.notes)
    assert scores.knn["untrained"] == baselines(images, labels, parameters={"width": "4"}).untrained


def test_a_split_that_separates_nothing_is_told_and_not_used() -> None:
    vectors, labels = _clusters([20, 20], distance=8)
    images = np.random.default_rng(0).normal(size=(40, 1, 16, 16)).astype(np.float32)
    scores = score_against_classes(
        vectors.astype(np.float32), labels, pixels=Pixels(lambda: images), split=["train"] * 20 + ["test"] * 20
    )
    assert scores.split_knn == {}
    assert any("'split' was not used" in note for note in scores.notes)
