"""A whole judgement."""

from __future__ import annotations

import numpy as np
import pytest

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import CancelledError, InvalidArgumentError
from lse.progress import Progress
from lse.representation.evaluation.metrics import Bounds, Known, judge

IMAGES = setup.images(80)


def _pooled(batch: np.ndarray) -> np.ndarray:
    """Vectors that no rotation by a right angle and no mirror image changes: moments of the pixels of each band."""
    flat = batch.reshape(*batch.shape[:2], -1)
    return np.concatenate([(flat**power).mean(axis=2) for power in (1, 2, 3, 4)], axis=1)


def test_an_encoder_that_sees_no_direction_is_robust_to_turning() -> None:
    judgement = judge(IMAGES, _pooled)
    turned = {each.change: each for each in judgement.robustness}
    for change in ("rotation_90", "rotation_180", "rotation_270", "flip_horizontal", "flip_vertical"):
        assert turned[change].cosine == pytest.approx(1)
        assert turned[change].same_image_first == 1
    assert turned["noise_2"].cosine < 1
    assert judgement.scores is None
    assert judgement.images == 80
    assert 0 < judgement.figures["alignment"] < 0.1
    assert judgement.figures["collapsed"] == 0
    assert judgement.notes == tuple(dict.fromkeys(judgement.notes))


def test_a_collapsed_encoder_is_told_first() -> None:
    judgement = judge(IMAGES, lambda batch: np.ones((len(batch), 8), np.float32))
    assert judgement.figures["collapsed"] == 1
    assert "collapsed" in judgement.notes[0]
    assert judgement.figures["uniformity"] == pytest.approx(0, abs=1e-6)
    assert all(each.same_image_first == 0 for each in judgement.robustness)


def test_vectors_that_are_not_finite_are_told() -> None:
    judgement = judge(IMAGES, lambda batch: np.full((len(batch), 8), np.nan, np.float32))
    assert judgement.figures["collapsed"] == 1
    assert "not finite" in judgement.notes[0]
    assert judgement.robustness == ()


def test_what_the_catalogue_tells_is_audited() -> None:
    place = np.random.default_rng(3).uniform(0, 100, size=(80, 2)).astype(np.float32)
    rows = {batch.tobytes(): row for row, batch in enumerate(IMAGES)}

    def encode(batch: np.ndarray) -> np.ndarray:  # knows where on the chip each image lies
        return np.stack([place[rows.get(image.tobytes(), 0)] for image in batch])

    judgement = judge(IMAGES, encode, known=Known(properties={"chip_position": place}))
    first = judgement.nuisances[0]
    assert first.key == "chip_position"
    assert first.variance_explained > 0.9
    assert first.predictability > 0.9
    assert judgement.figures["nuisances_variance_explained"] > 0.9
    assert any("chip position explains" in note for note in judgement.notes)


def test_a_decoder_is_judged_beside_principal_components() -> None:
    judgement = judge(
        IMAGES, _pooled, redraw=lambda images, vectors: (images, images.mean(axis=0, keepdims=True) + 0 * images)
    )
    assert judgement.figures["reconstruction_error"] == pytest.approx(1, abs=1e-5)
    assert 0 < judgement.figures["reconstruction_error_pca"] < 1
    assert "reconstruction_error_held_out" not in judgement.figures


def test_images_held_out_are_drawn_for_themselves() -> None:
    held_out = np.array([3, 8, 21])
    known = {image.tobytes() for image in np.delete(IMAGES, held_out, axis=0)}

    def redraw(images: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # draws what it has learnt
        middle = images.mean(axis=0)
        return images, np.stack([image if image.tobytes() in known else middle for image in images])

    figures = judge(IMAGES, _pooled, redraw=redraw, held_out=held_out).figures
    assert figures["reconstruction_error"] < 0.2
    assert figures["reconstruction_error_held_out"] == pytest.approx(1, abs=1e-5)


def test_samples_of_a_large_set_are_said_and_keep_all_that_have_a_class() -> None:
    classes: list[object] = [None] * 80
    classes[60:70] = ["round"] * 10
    classes[70:] = ["flat"] * 10
    judgement = judge(
        IMAGES,
        _pooled,
        known=Known(classes=classes),
        bounds=Bounds(images=40, changed=15, audited=30, batch=16),
        method="simclr",
        settings={"width": "4"},
    )
    assert judgement.images == 20
    assert judgement.scores is not None
    assert set(judgement.scores.classes) == {"flat", "round"}
    text = " ".join(judgement.notes)
    for said in (
        "sample of 40 of 80 images",
        "sample of 15 images",
        "sample of 30 images",
        "60 images without a class",
    ):
        assert said in text


def test_progress_is_told_and_cancel_is_heard() -> None:
    told: list[Progress] = []
    judge(IMAGES, _pooled, bounds=Bounds(batch=32), on_progress=told.append)
    assert [(each.done, each.total) for each in told if each.stage == "encoding"] == [(0, 80), (32, 80), (64, 80)]
    assert {"encoding rotation 90", "encoding views", "auditing nuisances"} <= {each.stage for each in told}
    with pytest.raises(CancelledError):
        judge(IMAGES, _pooled, should_stop=lambda: len(told) > 0)


def test_classes_that_cannot_be_scored_are_refused_before_any_work() -> None:
    def never(batch: np.ndarray) -> np.ndarray:
        raise AssertionError("nothing is to be encoded")

    with pytest.raises(InvalidArgumentError, match="Fewer than two classes"):
        judge(IMAGES, never, known=Known(classes=["one"] * 80))
