"""Generative methods: what they draw, what their vectors hold, and what their parameters do."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import CancelledError, InvalidArgumentError
from lse.progress import Progress
from lse.representation.evaluation.geometry import collapse
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.onnx import export_onnx
from lse.representation.training import callback
from lse.representation.training.run import train
from lse.representation.training.trained import TrainedEncoder, load_trained

METHODS = ["autoencoder", "vae", "bigan"]
SETTINGS: dict[str, object] = {
    "epochs": 30,
    "batch_size": 32,
    "width": 8,
    "latent_dim": 8,
    "decoder_width": 4,
    "rotation": 0,
    "flip": False,
}
IMAGES = setup.images(160)


def _train(method: str, workdir: Path, **settings: object) -> TrainedEncoder:
    return train(IMAGES, method=method, parameters={**SETTINGS, **settings, "seed": 3}, workdir=workdir, threads=1)


@cache
def _trained(method: str, **settings: object) -> TrainedEncoder:
    with TemporaryDirectory() as workdir:
        return _train(method, Path(workdir), **settings)


def _draw(trained: TrainedEncoder, vectors: np.ndarray) -> np.ndarray:
    assert trained.decoder is not None
    with torch.no_grad():
        drawn: np.ndarray = trained.decoder(torch.from_numpy(vectors)).numpy()
    return drawn


def _normalised(trained: TrainedEncoder, images: np.ndarray = IMAGES) -> np.ndarray:
    return trained.encoder.normalise(torch.from_numpy(images)).numpy()


def _error(trained: TrainedEncoder) -> float:
    """Mean squared error of the images drawn again, relative to that of the mean image."""
    images = _normalised(trained)
    drawn = _draw(trained, trained.encode(IMAGES))
    return float(np.square(drawn - images).mean() / np.square(images - images.mean(axis=0)).mean())


def _samples(trained: TrainedEncoder, count: int = 200) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(count, trained.encoder.dimension)).astype(np.float32)
    return _draw(trained, vectors)


@pytest.mark.parametrize("method", METHODS)
def test_images_are_drawn_again(method: str) -> None:
    assert _error(_trained(method)) < 0.5


@pytest.mark.parametrize("method", METHODS)
def test_no_encoder_collapses(method: str) -> None:
    assert not collapse(_trained(method).encode(IMAGES)).collapsed


@pytest.mark.parametrize("method", METHODS)
def test_the_vectors_tell_what_differs(method: str) -> None:
    """A straight line from the vectors gives the brightness that the images were simulated with."""
    vectors = _trained(method).encode(IMAGES)
    light = IMAGES.sum(axis=(2, 3)).mean(axis=1)
    design = np.column_stack([vectors, np.ones(len(vectors))])
    left = light - design @ np.linalg.lstsq(design, light, rcond=None)[0]
    assert left.var() < 0.3 * light.var()


@pytest.mark.parametrize("method", METHODS)
def test_history_tells_the_reconstruction_error(method: str) -> None:
    history = _trained(method).history
    assert 0 < history[-1]["reconstruction"] < history[0]["reconstruction"]


def test_only_methods_with_a_prior_can_be_sampled() -> None:
    assert {name: TRAINING_METHODS[name].facts.prior for name in METHODS} == {
        "autoencoder": None,
        "vae": "normal",
        "bigan": "normal",
    }
    for method in TRAINING_METHODS:
        if method.id not in METHODS:
            assert TRAINING_METHODS[method.id].facts.prior is None


@pytest.mark.parametrize("method", ["vae", "bigan"])
def test_samples_differ_and_look_like_the_images(method: str) -> None:
    trained = _trained(method)
    drawn, images = _samples(trained), _normalised(trained)
    nearest = np.square(drawn[:, None] - images[None]).mean(axis=(2, 3, 4)).min(axis=1)
    blank = np.square(images).mean()
    assert np.median(nearest) < 0.5 * blank  # each is near some image
    assert drawn.var(axis=0).mean() > 0.2 * images.var(axis=0).mean()  # and they are not all the same
    assert np.square(drawn.mean(axis=0) - images.mean(axis=0)).mean() < 0.2 * blank


@pytest.mark.parametrize("method", METHODS)
def test_saved_with_its_decoder(method: str, tmp_path: Path) -> None:
    trained = _trained(method)
    trained.save(tmp_path / "trained.pt")
    loaded = load_trained(tmp_path / "trained.pt")
    vectors = trained.encode(IMAGES)
    np.testing.assert_array_equal(loaded.encode(IMAGES), vectors)
    np.testing.assert_array_equal(_draw(loaded, vectors), _draw(trained, vectors))


@pytest.mark.parametrize("method", METHODS)
def test_a_cancelled_run_goes_on_to_the_same_weights(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, object] = {**SETTINGS, "epochs": 3, "rotation": 180, "flip": True}
    if method == "autoencoder":
        settings |= {"noise": 0.5, "masking": 0.3, "sparsity": 0.1}
    undisturbed = train(
        IMAGES, method=method, parameters={**settings, "seed": 3}, workdir=tmp_path / "whole", threads=1
    )
    monkeypatch.setattr(callback, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(callback, "CHECKPOINT_SECONDS", 0.0)
    done = 0

    def report(progress: Progress) -> None:
        nonlocal done
        done = progress.done if progress.stage == "training" else 0

    with pytest.raises(CancelledError):
        train(
            IMAGES,
            method=method,
            parameters={**settings, "seed": 3},
            workdir=tmp_path / "broken",
            threads=1,
            on_progress=report,
            should_stop=lambda: done >= 7,
        )
    resumed = train(IMAGES, method=method, parameters={**settings, "seed": 3}, workdir=tmp_path / "broken", threads=1)
    for one, other in ((resumed.encoder, undisturbed.encoder), (resumed.decoder, undisturbed.decoder)):
        assert one is not None
        assert other is not None
        weights = other.state_dict()
        for name, value in one.state_dict().items():
            assert torch.equal(value, weights[name]), name


@pytest.mark.parametrize("option", ["noise", "masking"])
def test_a_denoising_autoencoder_draws_the_clean_image(option: str) -> None:
    amount = {"noise": 1.0, "masking": 0.6}[option]
    plain, denoising = _trained("autoencoder"), _trained("autoencoder", **{option: amount})
    random = np.random.default_rng(1)
    clean = _normalised(plain)
    if option == "noise":
        spoilt = clean + amount * random.normal(size=clean.shape)
    else:
        spoilt = clean * (random.random((len(clean), 1, *clean.shape[2:])) >= amount)
    errors = []
    for trained in (plain, denoising):
        with torch.no_grad():
            vectors = trained.encoder.features(torch.from_numpy(spoilt.astype(np.float32))).numpy()
        errors.append(float(np.square(_draw(trained, vectors) - clean).mean()))
    assert errors[1] < 0.8 * errors[0]


def test_sparsity_makes_each_axis_speak_for_few_images() -> None:
    """Kurtosis grows with sparsity at unit variance, which a smaller code would not give."""
    plain, sparse = (_trained("autoencoder", **settings).encode(IMAGES) for settings in ({}, {"sparsity": 1.0}))
    for vectors in (plain, sparse):
        np.testing.assert_allclose(vectors.std(axis=0), 1, atol=0.3)
    magnitudes = [float((np.abs(vectors) / vectors.std(axis=0)).mean()) for vectors in (plain, sparse)]
    assert magnitudes[1] < magnitudes[0] - 0.1


def test_beta_trades_information_for_smoothness() -> None:
    fine, coarse = _trained("vae"), _trained("vae", beta=20.0)
    assert coarse.history[-1]["kl"] < 0.7 * fine.history[-1]["kl"]
    assert coarse.history[-1]["reconstruction"] > fine.history[-1]["reconstruction"]
    # Mean and spread together fill the prior, so an axis with less information has smaller means.
    scales, smaller = (trained.encode(IMAGES).std(axis=0) for trained in (fine, coarse))
    assert scales.max() < 1.3
    assert smaller.min() < 0.8 * scales.min()


def test_a_large_beta_leaves_no_axis_dead() -> None:
    """The prior wins over the pixels, and yet the means differ along every axis and the vectors tell images apart."""
    trained = _trained("vae", beta=1000.0)
    vectors = trained.encode(IMAGES)
    assert vectors.std(axis=0).min() > 0.05
    assert not collapse(vectors).collapsed


def test_the_kl_term_warms_up_over_its_share_of_the_run() -> None:
    def first_loss(warmup: float) -> float:
        return _trained("vae", epochs=1, kl_warmup=warmup, beta=20.0).history[0]["loss"]

    assert first_loss(1.0) < first_loss(0.0)


def test_the_vector_of_a_vae_is_the_posterior_mean_also_in_onnx(tmp_path: Path) -> None:
    trained = _trained("vae")
    difference = export_onnx(trained.encoder, tmp_path / "encoder.onnx", samples=IMAGES[:9])
    assert difference < 1e-4
    np.testing.assert_array_equal(trained.encode(IMAGES), trained.encode(IMAGES))  # no noise in it


def test_the_critic_cannot_grow_without_bounds() -> None:
    from lse.representation.encoders.networks import PairCritic

    torch.manual_seed(0)
    critic = PairCritic(dimension=8, channels=2, size=16, width=4)
    images, vectors = torch.randn(32, 2, 16, 16), torch.randn(32, 8)
    optimizer = torch.optim.AdamW(critic.parameters(), lr=0.05)
    for _ in range(60):  # with nothing against it, it would raise its score for ever
        optimizer.zero_grad()
        loss = -critic(images, vectors).mean() + critic(-images, -vectors).mean()
        loss.backward()
        optimizer.step()
    critic.eval()
    with torch.no_grad():
        moved = critic(images, vectors) - critic(images + 0.01, vectors + 0.01)
    step = 0.01 * (images[0].numel() + vectors[0].numel()) ** 0.5
    # A strided convolution may count a pixel up to four times, on each of two stages.
    assert float(moved.abs().max()) < 16 * step


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("channels", "size"), [(1, 16), (5, 45)])
def test_any_channels_and_size(method: str, channels: int, size: int, tmp_path: Path) -> None:
    pixels = setup.images(6, channels=channels, size=size)
    parameters = {"epochs": 1, "batch_size": 3, "width": 4, "decoder_width": 2}
    trained = train(pixels, method=method, parameters=parameters, workdir=tmp_path, threads=1)
    assert _draw(trained, trained.encode(pixels)).shape == pixels.shape


@pytest.mark.parametrize(
    ("method", "key", "value"),
    [
        ("autoencoder", "masking", "1"),
        ("autoencoder", "sparsity", "-1"),
        ("vae", "kl_warmup", "2"),
        ("vae", "beta", "-1"),
    ],
)
def test_a_bad_value_is_refused_by_name(method: str, key: str, value: str) -> None:
    with pytest.raises(InvalidArgumentError, match=key):
        training_parameters(method, {key: value})
