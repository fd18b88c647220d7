"""Methods that learn from views, teachers and hidden patches, and the vision transformer."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
import torch

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import CancelledError
from lse.representation.encoders.encoder import Encoder
from lse.representation.encoders.vision_transformer import VisionTransformer, patch_size
from lse.representation.evaluation.geometry import collapse
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.methods.method import Step
from lse.representation.methods.views import ViewParameters, views
from lse.representation.onnx import export_onnx
from lse.representation.training import callback
from lse.representation.training.augmentation import Augmentation
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.facts import measure_facts
from lse.representation.training.run import train

if TYPE_CHECKING:
    from lse.progress import Progress
    from lse.representation.methods.method import TrainingMethod
    from lse.representation.training.trained import TrainedEncoder

METHODS = ["byol", "vicreg", "dino", "mae"]
WITH_TEACHER = ["byol", "dino"]
SMALL = {"epochs": "4", "batch_size": "16", "width": "4", "latent_dim": "6", "warmup_epochs": "1"}


def _train(method: str, workdir: Path, **parameters: str) -> TrainedEncoder:
    return train(
        setup.images(), method=method, parameters=SMALL | parameters | {"seed": 11}, workdir=workdir, threads=1
    )


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _new(
    method: str, *, size: int = 16, **parameters: str
) -> tuple[TrainingMethod, Encoder, dict[str, torch.nn.Module]]:
    """Method, encoder and parts with fresh weights."""
    torch.manual_seed(3)
    chosen = choose_parameters(method, SMALL | parameters, measure_facts(setup.images()))
    built = TRAINING_METHODS[method].run(chosen)
    encoder = Encoder(
        chosen.backbone,
        channels=2,
        size=size,
        width=chosen.width,
        dimension=6,
        neck=built.facts.neck,
        mean=[0.0, 0.0],
        std=[1.0, 1.0],
    )
    return built, encoder, built.parts(encoder)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainedEncoder]:
    return {method: _train(method, tmp_path_factory.mktemp(method)) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_learns_and_does_not_collapse(method: str, undisturbed: dict[str, TrainedEncoder]) -> None:
    trained = undisturbed[method]
    assert np.isfinite([epoch["loss"] for epoch in trained.history]).all()
    vectors = trained.encode(setup.images())
    assert vectors.shape == (60, 6)
    assert not collapse(vectors).collapsed
    assert (trained.decoder is not None) == (method == "mae")


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_run_goes_on_to_the_same_weights(
    method: str, undisturbed: dict[str, TrainedEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A teacher or a centre that a checkpoint forgot would give other weights.
    monkeypatch.setattr(callback, "REPORT_SECONDS", 0.0)
    done = 0

    def report(progress: Progress) -> None:
        nonlocal done
        done = progress.done if progress.stage == "training" else done

    with pytest.raises(CancelledError):
        train(
            setup.images(),
            method=method,
            parameters={**SMALL, "seed": 11},
            workdir=tmp_path,
            threads=1,
            on_progress=report,
            should_stop=lambda: done >= 6,
        )
    assert 6 <= done < setup.STEPS
    resumed = _train(method, tmp_path)
    for name, value in undisturbed[method].encoder.state_dict().items():
        assert torch.equal(resumed.encoder.state_dict()[name], value), name


@pytest.mark.parametrize("method", METHODS)
def test_a_longer_run_lowers_the_loss_of_the_same_views(method: str, tmp_path: Path) -> None:
    parameters = {"epochs": "12", "learning_rate": "0.005"}
    history = _train(method, tmp_path, **parameters).history
    # DINO's loss first falls with the teacher's certainty and then rises as its centre spreads the answers.
    assert min(epoch["loss"] for epoch in history) < history[0]["loss"]


def test_views_come_one_after_the_other() -> None:
    images = torch.from_numpy(setup.images(8))
    still = Augmentation(rotation=0, flip=False, zoom=0, shift=0, brightness=0)
    torch.testing.assert_close(views(images, still, _generator(), count=3), torch.cat([images] * 3))
    drawn = views(images, Augmentation(), _generator(1))
    assert drawn.shape == (16, 2, 16, 16)
    assert not torch.allclose(drawn[:8], drawn[8:])
    assert torch.equal(drawn, views(images, Augmentation(), _generator(1)))


@pytest.mark.parametrize("method", ["simclr", "byol", "vicreg", "dino"])
def test_the_parameters_of_views_reach_the_augmentation(method: str) -> None:
    parameters = training_parameters(method, {"rotation": "10", "flip": "false", "blur": "2"})
    assert isinstance(parameters, ViewParameters)
    augmentation = parameters.augmentation()
    assert (augmentation.rotation, augmentation.flip, augmentation.blur) == (10, False, 2)
    # Every change that the augmentation knows can be asked for.
    names = {field.name for field in dataclasses.fields(Augmentation)}
    assert names <= type(parameters).model_fields.keys()


@pytest.mark.parametrize("method", WITH_TEACHER)
def test_a_teacher_follows_and_is_not_trained(method: str) -> None:
    built, encoder, parts = _new(method, momentum="0.8")
    for part in ("teacher", "teacher_projection"):
        assert not any(parameter.requires_grad for parameter in parts[part].parameters())
    student, teacher = encoder.head[0].weight, parts["teacher"].head[0].weight
    assert torch.equal(student, teacher)
    before = teacher.clone()
    with torch.no_grad():
        student += 1
    built.after_step(encoder, parts, Step(_generator(), progress=0.0))
    torch.testing.assert_close(teacher, before + 0.2)
    built.after_step(encoder, parts, Step(_generator(), progress=0.5))
    torch.testing.assert_close(teacher, before + 1 - 0.8 * 0.9)
    settled = teacher.clone()
    built.after_step(encoder, parts, Step(_generator(), progress=1.0))
    assert torch.equal(teacher, settled)


@pytest.mark.parametrize("method", METHODS)
def test_gradients_reach_every_trained_part(method: str) -> None:
    built, encoder, parts = _new(method)
    images = torch.from_numpy(setup.images(12))
    state = torch.get_rng_state()
    loss, _ = built.loss(encoder, parts, images, Step(_generator(), progress=0.5))
    assert torch.equal(torch.get_rng_state(), state), "randomness must come from the step"
    loss.backward()
    for network in (encoder, *parts.values()):
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None, name
                assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("method", METHODS)
def test_the_generator_of_the_step_decides_all(method: str) -> None:
    images = torch.from_numpy(setup.images(12))

    def loss(seed: int) -> torch.Tensor:
        built, encoder, parts = _new(method)
        with torch.no_grad():
            return built.loss(encoder, parts, images, Step(_generator(seed), progress=0.5))[0]

    assert torch.equal(loss(0), loss(0))
    assert not torch.equal(loss(0), loss(1))


def test_dino_sees_details_of_images_that_are_large_enough() -> None:
    sizes: list[int] = []
    for size in (16, 32):
        built, encoder, parts = _new("dino", size=size)
        encoder.backbone.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[-1]))
        built.loss(encoder, parts, torch.from_numpy(setup.images(6, size=size)), Step(_generator(), progress=0.0))
    assert sizes == [16, 32, 16]


def test_the_centre_of_dino_is_kept_in_its_parts() -> None:
    built, encoder, parts = _new("dino")
    assert not parts["criterion"].state_dict()["center"].any()
    built.loss(encoder, parts, torch.from_numpy(setup.images(6)), Step(_generator(), progress=0.0))
    assert parts["criterion"].state_dict()["center"].any()


def test_a_masked_autoencoder_is_judged_by_hidden_patches_alone() -> None:
    built, encoder, parts = _new("mae", rotation="0", flip="false", mask_ratio="0.5")
    images = torch.from_numpy(setup.images(6))
    shown: list[torch.Tensor] = []
    encoder.backbone.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0].clone()))
    loss, _ = built.loss(encoder, parts, images, Step(_generator(), progress=0.0))
    masked, whole = shown
    hidden = (masked == 0).all(dim=1, keepdim=True)
    assert hidden.float().mean() == 0.5
    torch.testing.assert_close(whole, images)
    torch.testing.assert_close(masked, images * ~hidden)
    encoder.train()
    with torch.no_grad():
        drawn = parts["decoder"](encoder.features(masked))
        expected = (drawn - images).square()[hidden.expand_as(images)].mean()
    torch.testing.assert_close(loss.detach(), expected)


def test_normalisations_of_a_masked_autoencoder_know_whole_images() -> None:
    built, encoder, parts = _new("mae", rotation="0", flip="false")
    images = torch.from_numpy(setup.images())
    for seed in range(150):  # until nothing is left of the first statistics
        built.loss(encoder, parts, images, Step(_generator(seed), progress=0.0))
    vectors = encoder.eval().features(images)
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(6), atol=0.02, rtol=0)
    torch.testing.assert_close(vectors.std(dim=0), torch.ones(6), atol=0.05, rtol=0)


@pytest.mark.parametrize(("size", "patch"), [(16, 2), (33, 5), (64, 8), (128, 16), (256, 16), (1024, 64)])
def test_patches_of_a_vision_transformer(size: int, patch: int) -> None:
    assert patch_size(size) == patch


@pytest.mark.parametrize(("channels", "size"), [(1, 16), (5, 33)])
def test_a_vision_transformer_takes_any_channels_and_size(channels: int, size: int) -> None:
    network = VisionTransformer(channels=channels, size=size, width=12).eval()
    images = torch.from_numpy(setup.images(3, channels=channels, size=size))
    with torch.no_grad():
        maps = network(images)
        half = network(images[..., : size // 2, : size // 2])
    assert maps.shape == (3, 12, network.map_size, network.map_size)
    assert half.shape == (3, 12, *[math.ceil(size // 2 / network.patch_size)] * 2)


def test_hidden_patches_do_not_reach_a_vision_transformer() -> None:
    network = VisionTransformer(channels=2, size=16, width=12).eval()
    images = torch.from_numpy(setup.images(3))
    kept = torch.tensor([[0, 9], [63, 1], [5, 4]])  # the first patch of the first image is its first four pixels
    with torch.no_grad():
        tokens = network.visible(images, kept)
        changed = images.clone()
        changed[0, :, 4:] += 1  # far below what is kept of the first image
        assert torch.equal(network.visible(changed, kept)[0], tokens[0])
        changed[0, :, 0, 0] += 1
        assert not torch.equal(network.visible(changed, kept)[0], tokens[0])
        everything = network.visible(images, torch.arange(64).expand(3, -1))
    assert tokens.shape == (3, 2, 12)
    torch.testing.assert_close(everything.transpose(1, 2).unflatten(2, (8, 8)), network(images))


def test_a_masked_autoencoder_hides_patches_from_a_vision_transformer() -> None:
    built, encoder, parts = _new("mae", backbone="vit-tiny", width="12", mask_ratio="0.75")
    seen: list[int] = []
    encoder.backbone.transformer.vit.blocks.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[1]))
    loss, _ = built.loss(encoder, parts, torch.from_numpy(setup.images(6)), Step(_generator(), progress=0.0))
    loss.backward()
    assert seen == [16, 64]


def test_a_vision_transformer_is_trained_and_exported(tmp_path: Path) -> None:
    pixels = setup.images(24, size=36)
    parameters = SMALL | {"backbone": "vit-tiny", "width": "12", "epochs": "1"}
    trained = train(pixels, method="mae", parameters=parameters, workdir=tmp_path, threads=1)
    assert not collapse(trained.encode(pixels)).collapsed
    export_onnx(trained.encoder, tmp_path / "encoder.onnx", samples=pixels)
    session = onnxruntime.InferenceSession(tmp_path / "encoder.onnx", providers=["CPUExecutionProvider"])
    (vectors,) = session.run(["vectors"], {"images": pixels[:5]})
    np.testing.assert_allclose(vectors, trained.encode(pixels[:5]), rtol=1e-3, atol=1e-3)


def test_details_reach_a_vision_transformer() -> None:
    built, encoder, parts = _new("dino", backbone="vit-tiny", width="12", size=36)
    loss, _ = built.loss(encoder, parts, torch.from_numpy(setup.images(4, size=36)), Step(_generator(), progress=0.0))
    assert torch.isfinite(loss)
