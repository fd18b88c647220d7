"""From the labels of some images to the classes of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.platform.errors import CancelledError, FailedPreconditionError, InvalidArgumentError
from lse.training.predictions.fine_tuning import FineTuningParameters, fine_tune
from lse.training.predictions.labelled import labelled_images, score
from lse.training.predictions.methods import (
    Learn,
    Material,
    learner,
    list_prediction_methods,
    read_prediction_parameters,
)
from lse.training.run import untrained

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.training.predictions.labelled import Labelled, Predictor


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
    material = Material(vectors, np.empty((len(vectors), 1, 1, 1), np.float32), new_encoder=no_encoder, seed=0)
    return learner("linear-probe", material, read_prediction_parameters("linear-probe", settings))


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
    encoder = untrained(images, method="autoencoder", parameters={"width": 8, "latent_dim": 8}, seed=0).encoder
    parameters = FineTuningParameters(steps=80, batch_size=16, learning_rate=1e-2, encoder_rate=1.0)
    predict = fine_tune(encoder, images, labelled, parameters=parameters, seed=0)
    assert (predict(np.arange(80, 160)).argmax(axis=1) == codes[80:]).mean() > 0.85


def test_fine_tuning_ends_when_asked() -> None:
    images = np.random.default_rng(0).normal(size=(8, 1, 16, 16)).astype(np.float32)
    labelled = labelled_images(range(8), list("abababab"), count=8)
    encoder = untrained(images, method="autoencoder", parameters={"width": 8, "latent_dim": 8}, seed=0).encoder
    with pytest.raises(CancelledError):
        fine_tune(encoder, images, labelled, parameters=FineTuningParameters(), seed=0, should_stop=lambda: True)


def test_methods_tell_their_parameters_and_refuse_others() -> None:
    assert [method.name for method in list_prediction_methods()] == ["linear-probe", "fine-tuning"]
    with pytest.raises(InvalidArgumentError, match="Unknown method 'magic'"):
        read_prediction_parameters("magic", {})
    with pytest.raises(InvalidArgumentError, match="'step'"):
        read_prediction_parameters("fine-tuning", {"step": 3})
