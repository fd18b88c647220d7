"""Whitening of the vectors of an encoder, folded into its last layer."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import nn

import training_setup as setup
from lse.representation.evaluation.geometry import collapse
from lse.representation.onnx import export_onnx
from lse.representation.training.decorrelation import decorrelated
from lse.representation.training.run import best_so_far, train, untrained
from lse.representation.training.trained import TrainedEncoder, load_trained


def trained_on(images: np.ndarray, workdir: Path, method: str = "simclr") -> tuple[TrainedEncoder, TrainedEncoder]:
    """What a training gives, and the weights that it kept while it went on."""
    parameters = {"epochs": 1, "width": 8, "latent_dim": 8, "batch_size": 32, "seed": 3, "validation": 0}
    trained = train(images, method=method, parameters=parameters, workdir=workdir, threads=1)
    kept = best_so_far(workdir)
    assert kept is not None
    return trained, kept


def spectrum(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(np.cov(vectors.astype(np.float64), rowvar=False))


def test_directions_of_a_trained_space_count_alike(tmp_path: Path) -> None:
    images = setup.images(96)
    trained, before = trained_on(images, tmp_path)
    vectors, plain = trained.encode(images), before.encode(images)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-3)
    own, given = spectrum(vectors), spectrum(plain)
    np.testing.assert_allclose(own, given / (given + 0.3 * given.mean()), rtol=1e-2, atol=1e-3)
    # No rotation: each number of a vector is still about the same quantity.
    agreement = np.corrcoef(vectors.T, plain.T)[:8, 8:]
    assert (np.diag(agreement) > 0.3).all()
    np.testing.assert_allclose(decorrelated(before, images).encode(images), vectors, atol=1e-4)
    trained.save(tmp_path / "encoder.pt")
    np.testing.assert_array_equal(load_trained(tmp_path / "encoder.pt").encode(images), vectors)
    assert export_onnx(trained.encoder, tmp_path / "encoder.onnx", samples=images[:8]) < 1e-3


def test_an_untrained_net_has_the_same_advantage() -> None:
    images = setup.images(64)
    start = untrained(images, method="simclr", parameters={"width": 8, "latent_dim": 8})
    # The spread of a component that nothing else varies with is 1 before, and below it after.
    assert spectrum(start.encode(images))[-1] < 1


def test_a_space_that_has_collapsed_is_not_hidden() -> None:
    images = setup.images(64)
    start = untrained(images, method="simclr", parameters={"width": 8, "latent_dim": 8})
    linear = cast("nn.Linear", start.encoder.head[0])
    with torch.no_grad():
        linear.weight.copy_(linear.weight[:1].expand_as(linear.weight).clone())
        linear.bias.zero_()
    vectors = start.encode(images)
    assert collapse(vectors).collapsed
    np.testing.assert_array_equal(decorrelated(start, images).encode(images), vectors)


@pytest.mark.parametrize(("method", "count"), [("autoencoder", 64), ("simclr", 12)])
def test_a_decoder_or_too_few_images_leave_the_space_as_it_is(method: str, count: int, tmp_path: Path) -> None:
    images = setup.images(count)
    trained, before = trained_on(images, tmp_path, method)
    np.testing.assert_array_equal(trained.encode(images), before.encode(images))
