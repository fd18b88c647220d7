"""Task of a training: one run on a worker, and what is saved of one that did not come to its end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import FailedPreconditionError
from lse.platform.catalogue.records.encoder import MadeEncoder
from lse.platform.catalogue.records.record import Facts, MethodParameters
from lse.progress import Progress
from lse.services.training.brief_verdict import brief_verdict
from lse.services.training.history import read_course, write_course
from lse.services.training.version_files import SAMPLES, DeliveredEncoder, write_version

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel
    from lse.representation.training.images import ArrayLike
    from lse.representation.training.trained import TrainedEncoder

__all__ = ["BrokenOff", "Training", "save_best_encoder", "train_encoder"]

_COLLAPSE_IMAGES = 2048


class Training(Facts):
    """A training as it is asked for.

    Attributes
    ----------
    dataset
        Name of the dataset.
    method
        Training method.
    given
        Parameters; the others are chosen from the images.
    encoder
        Id of the encoder, for the commands that the verdict suggests.
    """

    dataset: str
    method: str
    given: MethodParameters
    encoder: str = "NAME"


class BrokenOff(Training):
    """A training that did not come to its end, and the sentence on the reason."""

    reason: str


def train_encoder(
    artifacts: Artifacts, images_uri: str, training: Training, folder: str, channel: TaskChannel
) -> DeliveredEncoder:
    """Train an encoder, or go on where a lost worker left it; write its files.

    Parameters
    ----------
    artifacts, images_uri
        Where the prepared images are.
    training
        What is asked for.
    folder
        URI of the folder of the operation.
    channel
        To report and to hear of a cancellation.
    """
    from lse.representation.training.distributed import train_on_all_gpus

    images = artifacts.open_array(images_uri)
    with artifacts.working_folder(f"{folder}/training") as (workdir, keep):

        def report(progress: Progress) -> None:
            keep()
            channel.report(progress)

        try:
            trained = train_on_all_gpus(
                artifacts.absolute(images_uri),
                method=training.method,
                parameters=training.given,
                workdir=workdir,
                on_progress=report,
                should_stop=channel.should_stop,
                on_course=lambda course: write_course(artifacts, folder, course),
                storage_options=artifacts.options,
            )
        finally:
            keep()
    return _delivered(artifacts, images, trained, training=training, folder=folder, channel=channel)


def save_best_encoder(
    artifacts: Artifacts, images_uri: str, training: BrokenOff, folder: str, channel: TaskChannel
) -> DeliveredEncoder:
    """Make an encoder of the best weights of a training that did not come to its end.

    Parameters
    ----------
    artifacts, images_uri, folder
        As for `train_encoder`.
    training
        What was asked for, and what ended it.
    channel
        Told of the progress.

    Raises
    ------
    FailedPreconditionError
        If no epoch was done.
    """
    from lse.representation.training.decorrelation import decorrelated
    from lse.representation.training.run import best_so_far

    with artifacts.working_folder(f"{folder}/training") as (workdir, _):
        best = best_so_far(workdir)
    if best is None:
        raise FailedPreconditionError("No epoch was done, so there is nothing to save.", reason="TRAINING_EMPTY")
    course = read_course(artifacts, folder)
    done = max(len(course.history), best.epoch)
    kept = f"The encoder has the weights of epoch {best.epoch}, the best of the {done} that were done."
    ending = f"{training.reason} {kept}"
    course = replace(course, ending=ending, best_epoch=best.epoch, epochs=best.parameters.epochs)
    if len(course.history) < best.epoch:
        course = replace(course, history=best.history)
    write_course(artifacts, folder, course)
    best = replace(best, history=course.history, ending=ending, notes=(ending, *best.notes))
    images = artifacts.open_array(images_uri)
    best = decorrelated(best, images)
    return _delivered(artifacts, images, best, training=training, folder=folder, channel=channel)


def _delivered(
    artifacts: Artifacts,
    images: ArrayLike,
    trained: TrainedEncoder,
    *,
    training: Training,
    folder: str,
    channel: TaskChannel,
) -> DeliveredEncoder:
    """Write the files of a trained encoder, and say why the parameters that nobody gave are what they are."""
    from lse.representation.evaluation.geometry import collapse
    from lse.representation.packages import package_versions
    from lse.representation.training.defaults import explain_choice
    from lse.representation.training.facts import measure_facts

    channel.report(Progress("exporting"))
    samples = np.asarray(images[:SAMPLES], np.float32)
    files = write_version(artifacts, folder, trained.encoder, samples=samples, save=trained.save)
    channel.report(Progress("judging"))
    shape = collapse(trained.encode(images, np.arange(min(images.shape[0], _COLLAPSE_IMAGES))))
    verdict = brief_verdict(
        images,
        trained.encode,
        encoder=training.encoder,
        dataset=training.dataset,
        channel=channel,
        method=trained.method,
        settings=trained.parameters.model_dump(),
    )
    last = trained.history[trained.epoch - 1] if trained.epoch else {}
    made = MadeEncoder(
        onnx_uri=files.onnx_uri,
        half_onnx_uri=files.half_onnx_uri,
        weights_uri=files.weights_uri,
        parameters=trained.parameters.model_dump(),
        channel_count=trained.encoder.channels,
        image_size=trained.encoder.size,
        dimension=trained.encoder.dimension,
        figures={
            **{key: float(value) for key, value in last.items()},
            "images": float(trained.images),
            "validation_images": float(trained.held_out),
            "epoch": float(trained.epoch),
            "images_per_second": trained.images_per_second,
            "effective_rank": shape.effective_rank,
            **files.figures,
        },
        loss_curve=tuple(float(epoch["loss"]) for epoch in trained.history),
        notes=(
            *trained.notes,
            *([shape.message] if shape.collapsed else []),
            *files.notes,
            *explain_choice(trained.method, training.given, measure_facts(images)),
        ),
        parameter_count=sum(weight.numel() for weight in trained.encoder.parameters()),
        has_decoder=trained.decoder is not None,
        packages=package_versions(),
        verdict=verdict.text if verdict else "",
        sound=verdict.sound if verdict else None,
    )
    return DeliveredEncoder(made, trained.encode(samples).tolist())
