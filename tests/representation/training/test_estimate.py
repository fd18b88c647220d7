"""What a training would take, found out before it starts."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import training_setup as setup
from lse.errors import InvalidArgumentError, ResourceExhaustedError
from lse.representation.methods import TRAINING_METHODS
from lse.representation.methods.autoencoder import Autoencoder
from lse.representation.training import run
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.devices import memory_at_hand
from lse.representation.training.estimate import TrainingEstimate, estimate_training
from lse.representation.training.facts import measure_facts
from lse.representation.training.run import train

PLENTY = 10**13


def estimated(
    method: str,
    given: Mapping[str, object],
    shape: tuple[int, ...] = (600, 2, 16, 16),
    *,
    available: int = PLENTY,
    timed: bool = False,
) -> TrainingEstimate:
    facts = measure_facts(setup.images(4, channels=shape[1], size=shape[2]))
    parameters = choose_parameters(method, given, facts)
    return estimate_training(shape, method=method, parameters=parameters, available_bytes=available, timed=timed)


@pytest.mark.parametrize("method", TRAINING_METHODS.ids)
def test_every_method_can_be_estimated(method: str) -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    found = estimated(method, {"latent_dim": 6, "epochs": 2})
    assert found.fits
    assert 2**27 < found.memory_bytes < 2**33
    assert found.parameter_count > 1000
    assert torch.equal(torch.get_rng_state(), before), "a training that follows must not depend on the estimate"


def test_what_autograd_keeps_is_continued_to_any_batch() -> None:
    given = {"width": 8, "latent_dim": 6, "projection_dim": 8, "epochs": 1}
    # Measured on 2, 4 and 8 images, and on all 60 at once.
    continued = estimated("simclr", {**given, "batch_size": 60})
    [twice, once] = [estimated("simclr", {**given, "batch_size": size}) for size in (8, 4)]
    step = (twice.memory_bytes - once.memory_bytes) / 4
    fixed = twice.memory_bytes - 8 * step
    assert continued.memory_bytes == pytest.approx(fixed + 60 * step, rel=0.05)


def test_memory_grows_with_batch_width_and_size() -> None:
    base = estimated("autoencoder", {"width": 8, "batch_size": 64})
    for given, shape in (
        ({"width": 8, "batch_size": 512}, (600, 2, 16, 16)),
        ({"width": 64, "batch_size": 64}, (600, 2, 16, 16)),
        ({"width": 8, "batch_size": 64}, (600, 2, 64, 64)),
    ):
        assert estimated("autoencoder", given, shape).memory_bytes > base.memory_bytes


def test_time_is_that_of_steps() -> None:
    short, long = (
        estimated("autoencoder", {"width": 8, "batch_size": 64, "epochs": epochs}, timed=True) for epochs in (1, 400)
    )
    assert 0 < short.minutes < long.minutes
    assert estimated("autoencoder", {"width": 8, "batch_size": 64}).minutes == 0


def test_a_step_that_is_held_up_does_not_make_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = itertools.count()

    def held_up(*_: object) -> None:
        if next(steps) == 1:  # the first that is timed
            time.sleep(1.5)

    monkeypatch.setattr(Autoencoder, "after_step", held_up)
    given = {"width": 4, "batch_size": 8, "epochs": 60}  # a step an epoch
    found = estimated("autoencoder", given, (8, 1, 16, 16), timed=True)
    assert 0 < found.minutes < 60 * 1.5 / 60


def test_a_training_that_does_not_fit_is_told_what_would() -> None:
    given = {"width": 32, "batch_size": 512, "backbone": "small-conv"}
    needed = {size: estimated("simclr", {**given, "batch_size": size}).memory_bytes for size in (64, 128, 512)}
    room = (needed[64] + needed[128]) // 2
    found = estimated("simclr", given, available=room, timed=True)
    assert not found.fits
    assert found.largest_batch == 64
    assert found.minutes == 0
    assert found.shortage.endswith("lower batch_size to 64.")


def test_what_cannot_even_be_tried_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"backbone": "resnet18", "width": 64, "batch_size": 64}
    found = estimated("simclr", given, (600, 2, 512, 512), available=2**30, timed=True)
    assert not found.fits
    assert found.memory_bytes > 2**32


def test_training_is_refused_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "memory_at_hand", lambda: 100 * 2**20)
    with pytest.raises(ResourceExhaustedError, match=r"needs about .* MiB of memory and 100 MiB are at hand") as caught:
        train(setup.images(), method="simclr", parameters={"epochs": 1}, workdir=tmp_path / "new", threads=1)
    assert caught.value.reason == "TRAINING_TOO_LARGE"
    assert not (tmp_path / "new").exists()


def test_a_shape_that_the_backbone_cannot_take_is_refused() -> None:
    facts = measure_facts(setup.images(4))
    parameters = choose_parameters("simclr", {}, facts)
    with pytest.raises(InvalidArgumentError, match="16 to 1024 pixels"):
        estimate_training((10, 2, 8, 8), method="simclr", parameters=parameters, available_bytes=PLENTY)


def test_the_memory_at_hand_is_a_part_of_the_machine() -> None:
    block = np.ones(64 * 2**20, np.uint8)
    with_block = memory_at_hand()
    assert 2**20 < with_block < 2**46
    del block


@pytest.mark.parametrize(
    ("images", "reason", "says"),
    [
        (np.repeat(setup.images(1), 40, axis=0), "IMAGES_CONSTANT", "one and the same"),
        (np.full((40, 2, 16, 16), 0.5, np.float32), "IMAGES_CONSTANT", "All pixels .* are equal"),
        (setup.images(40) * np.array([1, 0], np.float32)[:, None, None], "BAND_CONSTANT", "Band 2 of 2 has the same"),
        (np.where(np.arange(2)[:, None, None] == 1, np.nan, setup.images(40)), "IMAGES_NOT_FINITE", "not finite"),
        (setup.images(1), "IMAGES_TOO_FEW", "at least two images"),
        (setup.images(40, size=8), "IMAGE_SIZE_UNSUPPORTED", "16 to 1024 pixels"),
    ],
)
def test_images_that_teach_nothing_are_refused(images: np.ndarray, reason: str, says: str, tmp_path: Path) -> None:
    parameters = {"epochs": 1, "width": 4, "batch_size": 8}
    with pytest.raises(InvalidArgumentError, match=says) as caught:
        train(images, method="simclr", parameters=parameters, workdir=tmp_path, threads=1)
    assert caught.value.reason == reason
    assert "\n" not in caught.value.message
