"""A pretrained network goes on learning from the images of a survey."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

import training_setup as setup
from lse.errors import InvalidArgumentError
from lse.parameters import parse_parameters
from lse.progress import Progress
from lse.representation.encoders.adaptation import AdaptedEncoder, adapt_pretrained
from lse.representation.encoders.pretrained import PretrainedEncoder, load_encoder
from lse.representation.encoders.pretrained_use import PretrainedUse
from lse.representation.onnx import export_onnx
from lse.representation.training.continuing import continued, estimate_continuation

IMAGES = setup.images(channels=2, size=16)
USE = PretrainedUse(size=32, adapt=True, epochs=1)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> AdaptedEncoder:
    """A small network with random weights, as it takes the images."""
    torch.manual_seed(3)
    file = tmp_path_factory.mktemp("weights") / "net.safetensors"
    safetensors.torch.save_file(timm.create_model("test_resnet", pretrained=False).state_dict(), file)
    return adapt_pretrained(
        IMAGES, "timm/test_resnet", weights=str(file), use=USE, on_progress=_ignore, should_stop=_never
    )


def test_a_network_goes_on_learning(frozen: AdaptedEncoder, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in frozen.encoder.state_dict().items()}
    found = _continued(frozen, tmp_path)
    after = found.encoder.state_dict()
    assert all(torch.equal(before[name], value) for name, value in frozen.encoder.state_dict().items())
    trained = [name for name, _ in found.encoder.network.named_parameters()]
    assert any(not torch.equal(before[f"network.{name}"], after[f"network.{name}"]) for name in trained)
    kept = [name for name in before if "running" in name]
    assert kept
    assert all(torch.equal(before[name], after[name]) for name in kept)

    vectors = _vectors(found.encoder)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=1e-3)
    assert np.mean(vectors**2) == pytest.approx(1, rel=1e-3)
    assert found.settings["adapt"] is True
    assert (found.settings["epochs"], len(found.losses)) == (1, 1)
    assert "went on" in found.notes[0]

    # What is saved and exported gives the same vectors; a run that was complete is not made again.
    found.encoder.save(tmp_path / "encoder.pt")
    np.testing.assert_allclose(_vectors(load_encoder(tmp_path / "encoder.pt")), vectors, atol=1e-4)
    assert export_onnx(found.encoder, tmp_path / "encoder.onnx", samples=IMAGES[:4]) < 1e-3
    np.testing.assert_allclose(_vectors(_continued(frozen, tmp_path).encoder), vectors, atol=1e-4)


def test_the_time_is_known_before(frozen: AdaptedEncoder) -> None:
    found, parameters = estimate_continuation(frozen.encoder, IMAGES, use=USE, available_bytes=4 << 30)
    assert found.fits
    assert found.minutes > 0
    assert parameters == {"epochs": 1, "learning_rate": 1e-3}


@pytest.mark.parametrize("given", [{"epochs": 3}, {"adapt": False, "learning_rate": 0.1}])
def test_a_training_that_was_not_asked_for_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError, match="give adapt, too") as caught:
        parse_parameters(PretrainedUse, given)
    assert caught.value.reason == "PARAMETER_INVALID"


def _continued(adapted: AdaptedEncoder, workdir: Path) -> AdaptedEncoder:
    return continued(adapted, IMAGES, use=USE, workdir=workdir, on_progress=_ignore, should_stop=_never)


def _vectors(encoder: PretrainedEncoder) -> np.ndarray:
    with torch.inference_mode():
        return encoder(torch.from_numpy(IMAGES)).numpy()


def _ignore(_: Progress) -> None:
    pass


def _never() -> bool:
    return False
