"""Task that measures what a training would take, without starting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lse.hardware import usable_cores

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel

__all__ = ["MeasuredTraining", "measure_training"]


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
    import torch

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
    threads = torch.get_num_threads()
    torch.set_num_threads(usable_cores())  # a training takes them all
    try:
        found = estimate_training(shape, method=method, parameters=parameters, available_bytes=memory_at_hand())
    finally:
        torch.set_num_threads(threads)
    where = "a GPU" if found.device == "cuda" else f"{usable_cores()} CPU cores"
    verdict = (
        f"Time is that of steps on {where} of a worker, without reading images or ending early."
        if found.fits
        else found.shortage
    )
    return MeasuredTraining(
        parameters=parameters.model_dump(),
        parameter_count=found.parameter_count,
        memory_bytes=found.memory_bytes,
        available_memory_bytes=found.available_bytes,
        minutes=found.minutes,
        notes=(verdict, *explain_choice(method, settings, facts)),
    )
