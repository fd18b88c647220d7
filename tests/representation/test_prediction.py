"""From the labels of some images to the classes of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from lse.errors import CancelledError, FailedPreconditionError, InvalidArgumentError
from lse.representation.prediction import PREDICTORS, Learn, Material
from lse.representation.prediction.calibration import calibrate, calibration_error, equally_frequent
from lse.representation.prediction.fine_tuning import FineTuningParameters, fine_tune
from lse.representation.prediction.labelled import labelled_images, score
from lse.representation.training.run import untrained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.representation.prediction.labelled import Labelled, Predictor


def blobs(per_class: int = 60, classes: int = 3, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors of well-parted groups on axes of very different scale."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(classes), per_class)
    centres = random.normal(size=(classes, 16)) * 4
    vectors = centres[codes] + random.normal(size=(len(codes), 16))
    return (vectors * np.logspace(-3, 3, 16)).astype(np.float32), codes


def few(codes: NDArray[np.int64], per_class: int) -> Labelled:
    rows = np.concatenate([np.flatnonzero(codes == code)[:per_class] for code in np.unique(codes)])
    return labelled_images(rows.tolist(), [f"class {code}" for code in codes[rows]], count=len(codes))


def probe(vectors: NDArray[np.float32], **settings: object) -> Learn:
    """Linear probe on vectors that have neither images nor an encoder."""
    material = Material(vectors, np.empty((len(vectors), 1, 1, 1), np.float32), new_encoder=no_encoder)
    return PREDICTORS["linear-probe"].run(material, PREDICTORS.parse("linear-probe", settings))


def no_encoder() -> NoReturn:
    pytest.fail("a linear probe needs no encoder")


def test_a_few_labels_give_the_classes_of_all() -> None:
    vectors, codes = blobs()
    predict = probe(vectors)(few(codes, 5))
    probabilities = predict(np.arange(len(vectors)))
    assert (probabilities.argmax(axis=1) == codes).mean() > 0.97
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_a_class_with_one_label_is_learnt_and_not_scored() -> None:
    vectors, codes = blobs()
    labelled = few(codes, 8)
    single = labelled.only((labelled.codes != 2) | (np.arange(len(labelled.rows)) == len(labelled.rows) - 1))

    learn = probe(vectors)
    found = score(single, learn, folds=4, seed=0)
    assert found.recalls[2] is None
    assert found.balanced_accuracy == pytest.approx(1.0)
    assert (learn(single)(np.flatnonzero(codes == 2)).argmax(axis=1) == 2).mean() > 0.9


def test_a_weaker_regularisation_trusts_the_labels_more() -> None:
    vectors, codes = blobs()
    sure = [
        probe(vectors, inverse_regularisation=strength)(few(codes, 5))(np.arange(len(vectors))).max(axis=1).mean()
        for strength in (0.1, 10, 1000)
    ]
    assert sure == sorted(sure)
    assert sure[0] < 0.6
    assert sure[2] > 0.95


def test_labels_that_mean_nothing_score_as_chance() -> None:
    vectors, codes = blobs(per_class=100)
    shuffled = np.random.default_rng(3).permutation(codes)

    learn = probe(vectors)
    found = score(few(shuffled, 100), learn, folds=5, seed=0)
    assert found.balanced_accuracy == pytest.approx(1 / 3, abs=0.1)
    # Who knows nothing is not sure of anything.
    assert learn(few(shuffled, 100))(np.arange(300)).max(axis=1).mean() < 0.6


@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=60).filter(lambda codes: len(set(codes)) > 1), st.integers(2, 7)
)
def test_every_label_is_held_out_once_or_never(codes: list[int], folds: int) -> None:
    labelled = labelled_images(range(len(codes)), [str(code) for code in codes], count=len(codes))
    held_out: list[int] = []

    def learn(known: Labelled) -> Predictor:
        def predict(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            assert not set(rows.tolist()) & set(known.rows.tolist())
            assert set(known.classes) == set(labelled.classes)
            held_out.extend(rows.tolist())
            return np.zeros((len(rows), len(labelled.classes)), np.float32)

        return predict

    found = score(labelled, learn, folds=folds, seed=1)
    repeated = {code for code in codes if codes.count(code) > 1}
    if len(repeated) < 2:
        assert found.balanced_accuracy is None
    else:
        assert sorted(held_out) == [row for row, code in enumerate(codes) if code in repeated]


def test_one_class_is_not_enough() -> None:
    with pytest.raises(FailedPreconditionError, match="all 3 labelled images are 'spiral'"):
        labelled_images([0, 1, 2], ["spiral"] * 3, count=10)
    with pytest.raises(FailedPreconditionError, match="no image has a label"):
        labelled_images([], [], count=10)


def test_fine_tuning_learns_what_an_untrained_encoder_does_not_see() -> None:
    random = np.random.default_rng(0)
    codes = np.arange(160) % 2
    images = random.normal(size=(160, 1, 16, 16)).astype(np.float32)
    # A bright stripe: across in one class, upright in the other.
    for row, code in enumerate(codes):
        place = random.integers(3, 13)
        images[(row, 0, place, slice(None)) if code else (row, 0, slice(None), place)] += 3
    labelled = labelled_images(range(80), [str(code) for code in codes[:80]], count=160)
    encoder = untrained(images, method="autoencoder", parameters={"width": 8, "latent_dim": 8}).encoder
    parameters = FineTuningParameters(steps=80, batch_size=16, learning_rate=1e-2, encoder_rate=1.0)
    predict = fine_tune(encoder, images, labelled, parameters=parameters)
    assert (predict(np.arange(80, 160)).argmax(axis=1) == codes[80:]).mean() > 0.85


def test_fine_tuning_ends_when_asked() -> None:
    images = np.random.default_rng(0).normal(size=(8, 1, 16, 16)).astype(np.float32)
    labelled = labelled_images(range(8), list("abababab"), count=8)
    encoder = untrained(images, method="autoencoder", parameters={"width": 8, "latent_dim": 8}).encoder
    with pytest.raises(CancelledError):
        fine_tune(encoder, images, labelled, parameters=FineTuningParameters(), should_stop=lambda: True)


def imbalanced(prevalence: float, *, count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors of a rare and a frequent class that overlap."""
    random = np.random.default_rng(seed)
    codes = (random.random(count) < prevalence).astype(np.int64)
    vectors = random.normal(size=(count, 16))
    vectors[:, 0] += 2.5 * codes
    return vectors.astype(np.float32), codes


def calibrated(
    vectors: NDArray[np.float32], codes: NDArray[np.int64], rows: NDArray[np.int64], **settings: object
) -> NDArray[np.float32]:
    """Probabilities of all images, learnt from the labels of some rows as the service learns them."""
    labelled = labelled_images(rows.tolist(), [f"class {code}" for code in codes[rows]], count=len(codes))
    learn = probe(vectors, **settings)
    found = score(labelled, learn, folds=5, seed=0)
    probabilities = learn(labelled)(np.arange(len(codes)))
    return probabilities if found.calibration is None else found.calibration.apply(probabilities)


@pytest.mark.parametrize("prevalence", [0.02, 0.1, 0.3])
def test_probabilities_are_those_of_the_prevalence(prevalence: float) -> None:
    errors, expected, true, said = [], [], [], []
    for seed in range(6):
        vectors, codes = imbalanced(prevalence, count=4000, seed=seed)
        rows = np.random.default_rng(seed).permutation(4000)[:100]
        if len(np.unique(codes[rows])) < 2:
            continue
        probabilities = calibrated(vectors, codes, rows)
        others = np.setdiff1d(np.arange(4000), rows)
        errors.append(calibration_error(probabilities[others], codes[others]))
        expected.append(probabilities[:, 1].sum())
        said.append((probabilities.argmax(axis=1) == 1).sum())
        true.append(codes.sum())
    assert np.mean(errors) <= 0.05
    # Of 100 labels the prevalence itself is known to a few points.
    assert np.mean(expected) == pytest.approx(np.mean(true), abs=4000 * 0.02)
    assert np.mean(said) < 1.5 * np.mean(true)


@pytest.mark.parametrize("labels", [20, 40])
def test_few_labels_do_not_make_it_too_sure(labels: int) -> None:
    digits = load_digits()
    random = np.random.default_rng(0)
    # Half of the digits are rare, behind noise that leaves doubt.
    codes = digits.target
    kept = random.random(len(codes)) < np.where(codes < 5, 0.9, 0.2)
    vectors = (digits.data[kept] + random.normal(scale=6, size=(kept.sum(), 64))).astype(np.float32)
    codes = codes[kept]
    surplus = []
    for seed in range(4):
        rows = np.random.default_rng(seed).permutation(len(codes))[:labels]
        present = np.unique(codes[rows])
        among = np.isin(codes, present)
        probabilities = calibrated(vectors, codes, rows)[among]
        right = present[probabilities.argmax(axis=1)] == codes[among]
        surplus.append(probabilities.max(axis=1).mean() - right.mean())
    assert np.mean(surplus) < 0.05


def test_a_temperature_corrects_what_is_too_sure_and_leaves_the_prevalence() -> None:
    random = np.random.default_rng(0)
    codes = (random.random(4000) < 0.1).astype(np.int64)
    evidence = random.normal(loc=2 * codes - 1, scale=1.0)
    logits = 2 * evidence + np.log(1 / 9)  # the true logarithm of the odds
    true = np.stack([1 / (1 + np.exp(logits)), 1 / (1 + np.exp(-logits))], axis=1)
    logits = 6 * evidence + np.log(1 / 9)
    sure = np.stack([1 / (1 + np.exp(logits)), 1 / (1 + np.exp(-logits))], axis=1)
    found = calibrate(sure, codes, np.array([9000, 1000]))
    assert found.sharpness == pytest.approx(1 / 3, abs=0.05)
    assert calibration_error(sure, codes) > 0.03
    np.testing.assert_allclose(found.apply(sure), true, atol=0.05)
    np.testing.assert_allclose(
        equally_frequent(true, np.array([0.9, 0.1]))[:, 1], 1 / (1 + np.exp(-2 * evidence)), atol=1e-6
    )


def test_the_calibration_error_of_known_probabilities() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10 + [[0.35, 0.65]] * 10)
    codes = np.array([0] * 9 + [1] + [1] * 4 + [0] * 6)
    assert calibration_error(probabilities, codes) == pytest.approx(0.5 * 0.25)


def test_fine_tuning_predicts_at_the_prevalence_of_its_labels() -> None:
    random = np.random.default_rng(0)
    images = random.normal(size=(300, 1, 16, 16)).astype(np.float32)
    codes = (random.random(300) < 0.1).astype(np.int64)  # which says nothing of the images
    encoder = untrained(images, method="autoencoder", parameters={"width": 4, "latent_dim": 4}).encoder
    labelled = labelled_images(range(100), [str(code) for code in codes[:100]], count=300)
    parameters = FineTuningParameters(steps=20, batch_size=16, learning_rate=1e-3)
    predict = fine_tune(encoder, images, labelled, parameters=parameters)
    assert predict(np.arange(100, 300))[:, 1].mean() == pytest.approx(codes[:100].mean(), abs=0.08)


def test_methods_tell_their_parameters_and_refuse_others() -> None:
    assert PREDICTORS.ids == ("linear-probe", "fine-tuning")
    with pytest.raises(InvalidArgumentError, match="Unknown prediction method 'magic'"):
        PREDICTORS.parse("magic", {})
    with pytest.raises(InvalidArgumentError, match="'step'"):
        PREDICTORS.parse("fine-tuning", {"step": 3})
