"""The course of a training among the artifacts of its encoder."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from lse.errors import DataLossError, FailedPreconditionError, NotFoundError
from lse.representation.training.history import Course

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import EncoderRecord
    from lse.platform.wiring import Platform

__all__ = ["find_course", "read_course", "write_course"]

_TRAININGS = ("TrainEncoder", "RetrainEncoder", "CreatePretrainedEncoder")
_FIGURES, _PICTURE = "course.json", "reconstructions.png"


def write_course(artifacts: Artifacts, folder: str, course: Course) -> None:
    """Write the course of the training of an operation, whose folder this is; what was there is replaced."""
    if course.reconstructions:
        artifacts.write_bytes(f"{folder}/{_PICTURE}", course.reconstructions)
    artifacts.write_bytes(f"{folder}/{_FIGURES}", course.to_json().encode())


def read_course(artifacts: Artifacts, folder: str) -> Course:
    """Read what `write_course` wrote; an empty course where nothing was written yet."""
    try:
        figures = artifacts.read_bytes(f"{folder}/{_FIGURES}")
    except DataLossError:
        return Course()
    picture = b""
    with contextlib.suppress(DataLossError):
        picture = artifacts.read_bytes(f"{folder}/{_PICTURE}")
    return Course.from_json(figures, reconstructions=picture)


def find_course(platform: Platform, encoder: EncoderRecord, version: int = 0) -> Course:
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
    store = platform.operation_store
    active = () if version else store.active(encoder.name)
    running = next((name for name in active if store.get(name).kind in _TRAININGS), "")
    found = None
    if not running and (version or encoder.made is not None):
        found = encoder.version(version or encoder.next_version - 1)
    made = encoder.spec if found is None else found
    if not made.has_course:
        raise FailedPreconditionError(
            f"The encoder '{encoder.id}' was not trained here, so it has no training history: see its card.",
            reason="TRAINING_MISSING",
            name=encoder.name,
        )
    operation = running or (encoder.operation if found is None else found.operation)
    course = read_course(platform.artifacts, platform.artifacts.folder("encoder", encoder.uid, operation))
    if not course.history and found is not None:
        # Of an encoder made before courses were kept, the losses are known.
        course = replace(course, history=tuple({"loss": loss} for loss in found.loss_curve))
    if not course.epochs:
        course = replace(course, epochs=made.epochs or len(course.history))
    if not course.ending:
        with contextlib.suppress(NotFoundError):
            error = store.get(operation).error
            course = replace(course, ending=error.message if error is not None else "")
    return course
