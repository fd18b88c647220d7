"""The course of a training as others may watch it, and its files among the artifacts."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lse.platform.errors import DataLossError, FailedPreconditionError, NotFoundError
from lse.platform.inference.encoders import version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import Resource
    from lse.platform.wiring import Platform

__all__ = ["Course", "find_course", "read_course", "write_course"]

_FIGURES, _PICTURE = "course.json", "reconstructions.png"


@dataclass(frozen=True)
class Course:
    """How a training went so far.

    Attributes
    ----------
    history
        Figures of each epoch done, such as ``loss`` and ``validation_loss``.
    best_epoch
        Epoch of the best weights so far, from 1; 0 before the first.
    epochs
        Epochs asked for.
    ending
        Sentence on how it ended; empty while it goes on.
    reconstructions
        PNG: images above, the same drawn again by the decoder below; empty without a decoder.
    """

    history: tuple[Mapping[str, float], ...] = ()
    best_epoch: int = 0
    epochs: int = 0
    ending: str = ""
    reconstructions: bytes = b""


def write_course(artifacts: Artifacts, folder: str, course: Course) -> None:
    """Write the course of the training of an operation, whose folder this is; what was there is replaced."""
    figures = {
        "history": [dict(epoch) for epoch in course.history],
        "best_epoch": course.best_epoch,
        "epochs": course.epochs,
        "ending": course.ending,
    }
    if course.reconstructions:
        artifacts.write_bytes(f"{folder}/{_PICTURE}", course.reconstructions)
    artifacts.write_bytes(f"{folder}/{_FIGURES}", json.dumps(figures).encode())


def read_course(artifacts: Artifacts, folder: str) -> Course:
    """Read what `write_course` wrote; an empty course where nothing was written yet."""
    try:
        figures = json.loads(artifacts.read_bytes(f"{folder}/{_FIGURES}"))
    except DataLossError:
        return Course()
    try:
        picture = artifacts.read_bytes(f"{folder}/{_PICTURE}")
    except DataLossError:
        picture = b""
    return Course(
        history=tuple(figures["history"]),
        best_epoch=figures["best_epoch"],
        epochs=figures["epochs"],
        ending=figures["ending"],
        reconstructions=picture,
    )


def find_course(platform: Platform, encoder: Resource, version: int = 0) -> Course:
    """Course of the training of a version of an encoder.

    Parameters
    ----------
    platform
        Where it is looked for.
    encoder
        The encoder, in whatever state.
    version
        Its version; when 0 the newest, also one that is still in training.

    Raises
    ------
    FailedPreconditionError
        If this version was not trained here.
    NotFoundError
        If there is none of this number.
    """
    record = version_of(encoder, version) if version else {}
    if not version:
        record = max(encoder.result.get("versions", [encoder.result]), key=lambda each: each.get("version", 1))
    operation = record.get("operation", encoder.operation)
    trained = record.get("method", encoder.spec["method"]) not in ("import", "pretrained", "")
    store = platform.operation_store
    for name in () if version else store.active(encoder.name):
        if store.get(name).kind in ("TrainEncoder", "RetrainEncoder"):
            operation, record, trained = name, {}, True
    if not trained:
        raise FailedPreconditionError(
            f"The encoder '{encoder.id}' was not trained here, so there is no course of a training: see its card.",
            reason="NOT_TRAINED_HERE",
            name=encoder.name,
        )
    course = read_course(platform.artifacts, platform.artifacts.folder("encoder", encoder.uid, operation))
    if not course.history:
        # Of an encoder made before courses were kept, the losses are known.
        course = replace(course, history=tuple({"loss": loss} for loss in record.get("loss_curve", ())))
    if not course.epochs:
        settings = record.get("settings", encoder.spec["settings"])
        course = replace(course, epochs=settings.get("epochs") or len(course.history))
    if not course.ending:
        with contextlib.suppress(NotFoundError):
            error = store.get(operation).error
            course = replace(course, ending=error.message if error is not None else "")
    return course
