"""Images held out, the best weights, early ends, and what others may watch of a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import CancelledError, DataLossError, FailedPreconditionError, InvalidArgumentError
from lse.progress import Progress
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.training import callback
from lse.representation.training.history import Course
from lse.representation.training.run import best_so_far, train
from lse.representation.training.trained import TrainedEncoder, load_trained

SMALL: dict[str, object] = {"epochs": 3, "batch_size": 16, "width": 4, "latent_dim": 6}
METHODS = TRAINING_METHODS.ids


def run(folder: Path, method: str = "autoencoder", *, count: int = 60, **given: Any) -> TrainedEncoder:
    """Train on one thread; options of `train` by their names, all else are parameters of the method."""
    names = ("on_progress", "should_stop", "on_course")
    options: dict[str, Any] = {name: given.pop(name) for name in names if name in given}
    parameters = {**SMALL, **given}
    images = setup.images(count)
    return train(images, method=method, parameters={**parameters, "seed": 3}, workdir=folder, threads=1, **options)


def stopping_after(steps: int) -> dict[str, Callable[..., Any]]:
    """Options that cancel a run in the step after some; reports must not be held back."""
    done = [0]

    def report(progress: Progress) -> None:
        done[0] = progress.done if progress.stage == "training" else 0

    return {"on_progress": report, "should_stop": lambda: done[0] >= steps}


def same(first: TrainedEncoder, second: TrainedEncoder) -> bool:
    """Whether two encoders have equal weights."""
    one, other = first.encoder.state_dict(), second.encoder.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs report and listen at every step."""
    monkeypatch.setattr(callback, "REPORT_SECONDS", 0.0)


def test_images_are_held_out_and_the_loss_is_measured_on_them(tmp_path: Path) -> None:
    trained = run(tmp_path / "tenth", validation=0.1)
    assert (trained.images, trained.held_out) == (54, 6)
    assert len(trained.history) == 3
    assert all(math.isfinite(epoch["validation_loss"]) for epoch in trained.history)
    # What is not learnt from cannot be drawn as well for long, but it is far from nothing after some epochs.
    assert trained.history[-1]["validation_loss"] < trained.history[0]["validation_loss"]
    assert same(trained, run(tmp_path / "again", validation=0.1))
    assert not same(trained, run(tmp_path / "none", validation=0))


@pytest.mark.parametrize(("count", "given", "held_out"), [(60, {}, 0), (60, {"patience": 5}, 6), (700, {}, 35)])
def test_the_share_that_is_held_out_is_chosen_from_the_data(
    count: int, given: dict[str, int], held_out: int, tmp_path: Path
) -> None:
    trained = run(tmp_path, count=count, epochs=1, **given)
    assert (trained.images, trained.held_out) == (count - held_out, held_out)
    assert trained.parameters.validation == pytest.approx(held_out / count, abs=1e-5)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("method", METHODS)
def test_every_method_goes_on_to_the_same_weights(method: str, tmp_path: Path) -> None:
    undisturbed = run(tmp_path / "whole", method, validation=0.2)
    assert "validation_loss" in undisturbed.history[-1]
    with pytest.raises(CancelledError):
        run(tmp_path / "parts", method, validation=0.2, **stopping_after(4))
    assert (tmp_path / "parts" / "checkpoint.pt").exists()
    resumed = run(tmp_path / "parts", method, validation=0.2)
    assert same(resumed, undisturbed)
    assert resumed.history == undisturbed.history


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("method", ["autoencoder", "byol"])
def test_a_cancelled_run_leaves_its_best_weights(method: str, tmp_path: Path) -> None:
    with pytest.raises(CancelledError):
        run(tmp_path / "early", method, validation=0.2, **stopping_after(1))
    assert best_so_far(tmp_path / "early") is None  # two of the three steps of the first epoch
    with pytest.raises(CancelledError):
        run(tmp_path, method, validation=0.2, epochs=9, **stopping_after(18))
    best = best_so_far(tmp_path)
    assert best is not None
    losses = [epoch["validation_loss"] for epoch in best.history]
    # The loss of BYOL says nothing about its weights, so that its latest are the best.
    assert best.epoch == (1 + int(np.argmin(losses)) if TRAINING_METHODS[method].facts.loss_ranks else 6)
    assert np.isfinite(best.encode(setup.images())).all()


def test_a_run_without_progress_ends_early_with_its_best_weights(tmp_path: Path) -> None:
    asked = {"epochs": 200, "patience": 3, "validation": 0.2, "learning_rate": 1e-9}
    trained = run(tmp_path, **asked)
    losses = [epoch["validation_loss"] for epoch in trained.history]
    assert len(losses) == trained.epoch + 3 < 200
    assert losses[trained.epoch - 1] == min(losses)
    assert f"the weights are those of epoch {trained.epoch}" in trained.ending
    assert trained.ending in trained.notes
    kept = best_so_far(tmp_path)
    assert kept is not None
    assert same(kept, trained)
    again = run(tmp_path, **asked)
    assert again.images_per_second == 0
    assert same(again, trained)


def test_patience_needs_a_loss_that_ranks_weights() -> None:
    with pytest.raises(InvalidArgumentError, match="leave patience at 0"):
        training_parameters("byol", {"patience": 5})


def test_a_diverging_run_keeps_the_best_weights_before(tmp_path: Path) -> None:
    # The decay multiplies the weights by -99 at every step.
    courses: list[Course] = []
    with pytest.raises(FailedPreconditionError, match=r"lower learning_rate"):
        run(tmp_path, epochs=60, learning_rate=10, weight_decay=10, on_course=courses.append)
    best = best_so_far(tmp_path)
    assert best is not None
    assert np.isfinite(best.encode(setup.images())).all()
    assert best.epoch == courses[-1].best_epoch
    assert len(courses[-1].history) >= best.epoch


def test_a_checkpoint_of_another_version_is_left_aside_with_a_note(tmp_path: Path) -> None:
    fresh = run(tmp_path)
    assert fresh.notes == ()
    path = tmp_path / callback.CHECKPOINT_NAME
    state = torch.load(path, weights_only=True)
    torch.save({**state, "format": 1}, path)
    anew = run(tmp_path)
    assert anew.images_per_second > 0
    assert same(anew, fresh)
    (note,) = anew.notes
    assert "another version (format 1" in note


def test_an_encoder_of_another_version_is_refused(tmp_path: Path) -> None:
    run(tmp_path).save(tmp_path / "encoder.pt")
    state = torch.load(tmp_path / "encoder.pt", weights_only=True)
    torch.save({**state, "format": 99}, tmp_path / "encoder.pt")
    with pytest.raises(DataLossError, match="of another version"):
        load_trained(tmp_path / "encoder.pt")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_in_mixed_precision(method: str, tmp_path: Path) -> None:
    trained = run(tmp_path, method, precision="bf16", epochs=1)
    assert math.isfinite(trained.history[0]["loss"])
    assert {value.dtype for value in trained.encoder.parameters()} == {torch.float32}
    assert np.isfinite(trained.encode(setup.images())).all()


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU computes in 16 bits")
def test_half_precision_without_a_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FailedPreconditionError, match="needs a GPU"):
        run(tmp_path, precision="16")


@pytest.mark.parametrize("method", ["autoencoder", "simclr"])
def test_the_course_is_told(method: str, tmp_path: Path) -> None:
    courses: list[Course] = []
    trained = run(tmp_path, method, on_course=courses.append)
    assert (len(courses[0].history), courses[0].ending) == (1, "")
    last = courses[-1]
    assert last.history == trained.history
    assert (last.epochs, last.ending) == (3, "All 3 epochs are done.")
    assert 1 <= last.best_epoch <= 3
    pictures = [course.reconstructions for course in courses]
    if method == "autoencoder":
        assert all(picture.startswith(b"\x89PNG") for picture in pictures)
        assert pictures[0] != pictures[-1]
    else:
        assert pictures == [b""] * len(courses)
