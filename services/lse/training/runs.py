"""Tasks of training: one run on a worker, and what is saved of one that did not come to its end."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.progress import Progress

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel
    from lse.training.images import ArrayLike
    from lse.training.trained import TrainedEncoder

__all__ = ["SAMPLES", "save_best_encoder", "train_encoder"]

# Images on which the exported, the served and the trained encoder are compared.
SAMPLES = 16
_COLLAPSE_IMAGES = 2048


def train_encoder(
    artifacts: Artifacts, images_uri: str, parameters: Mapping[str, Any], folder: str, channel: TaskChannel
) -> dict[str, Any]:
    """Train an encoder, or go on where a lost worker left it; write its ONNX file and its weights.

    Parameters
    ----------
    artifacts, images_uri
        Where the prepared images are.
    parameters
        ``method``, ``settings`` (those given; the others are chosen from the images) and ``seed``.
    folder
        URI of the folder of the operation.
    channel
        To report and to hear of a cancellation.

    Returns
    -------
    dict
        The encoder's result, as the catalogue keeps it.
    """
    from lse.training.distributed import train_on_all_gpus

    images = artifacts.open_array(images_uri)
    with artifacts.working_folder(f"{folder}/training") as (workdir, keep):

        def report(progress: Progress) -> None:
            keep()
            channel.report(progress)

        try:
            trained = train_on_all_gpus(
                artifacts,
                images_uri,
                method=parameters["method"],
                parameters=parameters["settings"],
                seed=parameters["seed"],
                workdir=workdir,
                on_progress=report,
                should_stop=channel.should_stop,
                course_folder=folder,
            )
        finally:
            keep()
    return _delivered(artifacts, images, trained, given=parameters["settings"], folder=folder, channel=channel)


def save_best_encoder(
    artifacts: Artifacts, images_uri: str, parameters: Mapping[str, Any], folder: str, channel: TaskChannel
) -> dict[str, Any] | None:
    """Make an encoder of the best weights of a training that did not come to its end.

    Parameters
    ----------
    artifacts, images_uri, folder
        As for `train_encoder`.
    parameters
        Those of `train_encoder`, and ``reason``, a sentence on what ended it.
    channel
        Told of the progress.

    Returns
    -------
    dict or None
        As of `train_encoder`; None where no epoch was done.
    """
    from lse.training.course import read_course, write_course
    from lse.training.run import best_so_far

    with artifacts.working_folder(f"{folder}/training") as (workdir, _):
        best = best_so_far(workdir)
    if best is None:
        return None
    course = read_course(artifacts, folder)
    done = max(len(course.history), best.epoch)
    kept = f"The encoder has the weights of epoch {best.epoch}, the best of the {done} that were done."
    ending = f"{parameters['reason']} {kept}"
    course = replace(course, ending=ending, best_epoch=best.epoch, epochs=best.parameters.epochs)
    if len(course.history) < best.epoch:
        course = replace(course, history=best.history)
    write_course(artifacts, folder, course)
    best = replace(best, history=course.history, ending=ending, notes=(ending, *best.notes))
    images = artifacts.open_array(images_uri)
    return _delivered(artifacts, images, best, given=parameters["settings"], folder=folder, channel=channel)


def _delivered(
    artifacts: Artifacts,
    images: ArrayLike,
    trained: TrainedEncoder,
    *,
    given: Mapping[str, object],
    folder: str,
    channel: TaskChannel,
) -> dict[str, Any]:
    """Write the files of a trained encoder; its result, which tells of the parameters that nobody gave why they are."""
    from lse.training.defaults import explain_choice, measure_facts
    from lse.training.judging.geometry import collapse
    from lse.training.packages import package_versions
    from lse.training.versions import export_version

    channel.report(Progress("exporting"))
    samples = np.asarray(images[:SAMPLES], np.float32)
    exported = export_version(artifacts, trained.encoder, folder, samples=samples)
    weights_uri = f"{folder}/encoder.pt"
    with tempfile.TemporaryDirectory(prefix="lse-") as scratch:
        trained.save(Path(scratch) / "encoder.pt")
        artifacts.write_bytes(weights_uri, (Path(scratch) / "encoder.pt").read_bytes())
    verdict = collapse(trained.encode(images, np.arange(min(images.shape[0], _COLLAPSE_IMAGES))))
    return {
        "onnx_uri": exported["onnx_uri"],
        "half_onnx_uri": exported["half_onnx_uri"],
        "weights_uri": weights_uri,
        "settings": trained.parameters.model_dump(),
        "channels": trained.encoder.channels,
        "size": trained.encoder.size,
        "dimension": trained.encoder.dimension,
        "figures": {
            **{
                key: float(value)
                for key, value in (trained.history[trained.epoch - 1] if trained.epoch else {}).items()
            },
            "images": float(trained.images),
            "validation_images": float(trained.held_out),
            "epoch": float(trained.epoch),
            "images_per_second": trained.images_per_second,
            "effective_rank": verdict.effective_rank,
            **exported["figures"],
        },
        "loss_curve": [float(epoch["loss"]) for epoch in trained.history],
        "notes": [
            *trained.notes,
            *([verdict.message] if verdict.collapsed else []),
            *exported["notes"],
            *explain_choice(trained.method, given, measure_facts(images)),
        ],
        "parameter_count": sum(weight.numel() for weight in trained.encoder.parameters()),
        "has_decoder": trained.decoder is not None,
        "packages": package_versions(),
        "sample_vectors": trained.encode(samples).tolist(),
    }
