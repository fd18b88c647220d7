"""The task of a training: what is kept of an encoder beside its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision

# Tests are imported by path, so the module beside this one is found by path too.
import training_setup as setup
from lse.errors import CancelledError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue.records.encoder import EncoderSpec
from lse.progress import Progress
from lse.representation.training.defaults import explain_choice
from lse.representation.training.facts import measure_facts
from lse.services.training.pretrained import SeenImages, WantedEncoder, make_pretrained
from lse.services.training.training_run import BrokenOff, Training, save_best_encoder, train_encoder
from lse.services.training.version_files import DeliveredEncoder

GIVEN = {"epochs": "2", "width": "4", "rotation": "auto"}
TASK = Training(dataset="projects/p/datasets/d", method="autoencoder", given=GIVEN)


class _Listener:
    """Stands where the channel of a Dask task does, whose other end is another process; may end the work."""

    def __init__(self, stop_after: float = float("inf")) -> None:
        self._stop_after = stop_after
        self._done = 0.0

    def report(self, progress: Progress) -> None:
        self._done = max(self._done, progress.metrics.get("epoch", 0))

    def should_stop(self) -> bool:
        return self._done >= self._stop_after


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    """Artifacts with prepared images, ``images.zarr``."""
    artifacts = Artifacts(tmp_path.as_uri())
    images = setup.images()
    array = artifacts.create_array(
        f"{artifacts.url}/images.zarr", shape=images.shape, dtype="float32", chunks=(16, *images.shape[1:])
    )
    array[:] = images
    return artifacts


def _train(artifacts: Artifacts, listener: _Listener, **settings: str) -> DeliveredEncoder:
    task = TASK.model_copy(update={"given": {**GIVEN, **settings}})
    return train_encoder(artifacts, f"{artifacts.url}/images.zarr", task, f"{artifacts.url}/made", listener)  # type: ignore[arg-type]


def test_what_was_chosen_from_the_images_is_told_with_the_encoder(artifacts: Artifacts) -> None:
    made = _train(artifacts, _Listener()).made
    reasons = explain_choice("autoencoder", GIVEN, measure_facts(setup.images()))
    assert reasons
    assert made.notes[-len(reasons) :] == tuple(reasons)
    told = " ".join(reasons)
    # What was given needs no reason; what was left to the data has one, with the value that is in force.
    assert "epochs" not in told
    assert "width" not in told
    for key in ("batch_size", "latent_dim", "rotation"):
        assert f"{key} {made.parameters[key]:g}" in told
    assert "60 images cannot fill a larger network" in told


def test_the_best_encoder_of_a_run_that_was_stopped_tells_it_too(artifacts: Artifacts) -> None:
    with pytest.raises(CancelledError):
        _train(artifacts, _Listener(stop_after=2), epochs="100000")
    task = BrokenOff(**{**dict(TASK), "given": {**GIVEN, "epochs": "100000"}}, reason="It was cancelled.")
    made = save_best_encoder(artifacts, f"{artifacts.url}/images.zarr", task, f"{artifacts.url}/made", _Listener()).made  # type: ignore[arg-type]
    assert made.notes[0].startswith("It was cancelled. The encoder has the weights of epoch")
    assert "60 images cannot fill a larger network" in " ".join(made.notes)


def test_a_network_that_others_trained_has_a_verdict_from_the_start(artifacts: Artifacts, tmp_path: Path) -> None:
    torch.manual_seed(1)
    weights = tmp_path / "net.safetensors"
    safetensors.torch.save_file(torchvision.models.squeezenet1_1(weights=None).state_dict(), weights)
    parameters = {"backbone": "squeezenet1_1", "weights": str(weights), "size": 32}
    spec = EncoderSpec(dataset="projects/p/datasets/d", method="pretrained", parameters=parameters)
    seen = SeenImages(f"{artifacts.url}/images.zarr")
    made = make_pretrained(artifacts, seen, WantedEncoder("e", spec), f"{artifacts.url}/made", _Listener()).made  # type: ignore[arg-type]
    assert made.verdict.startswith("It distinguishes two views of an image from other images")
    assert "on 60 images of 'd', without classes" in made.verdict
    assert made.sound is False, "random weights are no better than random weights"
