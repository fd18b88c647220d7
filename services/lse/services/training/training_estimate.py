"""Task that measures what a training would take, without starting it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lse.hardware import usable_cores
from lse.services.training.pretrained import SeenImages, use_of

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue.records.encoder import EncoderSpec
    from lse.platform.compute import TaskChannel
    from lse.representation.training.estimate import TrainingEstimate

__all__ = ["MeasuredTraining", "measure_continuation", "measure_training"]


@dataclass(frozen=True)
class MeasuredTraining:
    """What a training would take on a worker; the fields are those of the message ``TrainingEstimate``."""

    parameters: dict[str, Any]
    parameter_count: int
    memory_bytes: int
    available_memory_bytes: int
    minutes: float
    notes: tuple[str, ...]


def measure_training(
    artifacts: Artifacts, images_uri: str, method: str, settings: Mapping[str, object], _channel: TaskChannel
) -> MeasuredTraining:
    """Measure what a training would take on this worker."""
    from lse.representation.encoders.backbones import check_image_shape
    from lse.representation.methods import training_parameters
    from lse.representation.training.defaults import choose_parameters, explain_choice
    from lse.representation.training.devices import memory_at_hand
    from lse.representation.training.estimate import estimate_training
    from lse.representation.training.facts import measure_facts

    images = artifacts.open_array(images_uri)
    shape = tuple(images.shape)
    check_image_shape(training_parameters(method, settings).backbone, shape)
    facts = measure_facts(images)
    parameters = choose_parameters(method, settings, facts)
    with _all_cores():
        found = estimate_training(shape, method=method, parameters=parameters, available_bytes=memory_at_hand())
    return _measured(found, parameters.model_dump(), explain_choice(method, settings, facts))


def measure_continuation(
    artifacts: Artifacts, seen: SeenImages, spec: EncoderSpec, _channel: TaskChannel
) -> MeasuredTraining:
    """Measure what it would take on this worker to go on with the training of a pretrained network."""
    from lse.representation.encoders.adaptation import unfitted_encoder
    from lse.representation.training.continuing import estimate_continuation
    from lse.representation.training.devices import memory_at_hand

    images, use = artifacts.open_array(seen.uri), use_of(spec)
    encoder = unfitted_encoder(spec.backbone, tuple(images.shape), use=use, bands=seen.bands)
    with _all_cores():
        found, parameters = estimate_continuation(encoder, images, use=use, available_bytes=memory_at_hand())
    return _measured(found, {**spec.parameters, "input_size": encoder.input_size, **parameters}, ())


@contextlib.contextmanager
def _all_cores() -> Iterator[None]:
    """Compute with all cores, as a training does."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(usable_cores())
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _measured(found: TrainingEstimate, parameters: dict[str, Any], notes: Sequence[str]) -> MeasuredTraining:
    where = "a GPU" if found.device == "cuda" else f"{usable_cores()} CPU cores"
    verdict = (
        f"Time is that of steps on {where} of a worker, without reading images or ending early."
        if found.fits
        else found.shortage
    )
    return MeasuredTraining(
        parameters=parameters,
        parameter_count=found.parameter_count,
        memory_bytes=found.memory_bytes,
        available_memory_bytes=found.available_bytes,
        minutes=found.minutes,
        notes=(verdict, *notes),
    )
