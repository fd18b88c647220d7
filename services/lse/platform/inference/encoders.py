"""Encoders of the catalogue, at work.

Each version of an encoder is a model of the inference engine, under the uid of the encoder and with its own number.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.inference.engine import InferenceSettings, ModelVersion
from lse.platform.inference.engines import open_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import EncoderRecord, ExperimentRecord
    from lse.platform.catalogue.records.encoder import Precision

__all__ = [
    "EncoderModel",
    "encoder_model",
    "experiment_model",
    "loaded_versions",
    "serve_encoder",
    "withdraw_encoder",
    "withdraw_version",
]


@dataclass(frozen=True)
class EncoderModel:
    """One version of an encoder in one precision, as plain values that travel to other processes.

    Attributes
    ----------
    uid
        Identifier of the encoder.
    onnx_uri
        URI of the ONNX file of this version and precision.
    version
        Its number.
    precision
        Floating point numbers with which it computes; images and vectors are float32 in both.
    """

    uid: str
    onnx_uri: str
    version: int = 1
    precision: Precision = "fp32"

    @property
    def model(self) -> ModelVersion:
        """What the inference engine knows it by."""
        return ModelVersion(_names(self.uid)[self.precision], self.version)


def encoder_model(encoder: EncoderRecord, version: int = 0, precision: str = "") -> EncoderModel:
    """Model of an encoder.

    Parameters
    ----------
    encoder
        The encoder.
    version
        Its version; the one in use when 0.
    precision
        ``fp32`` or ``fp16``; when empty the one in use, or ``fp32`` where that version has no file of it.

    Raises
    ------
    NotFoundError
        If there is none of this number.
    FailedPreconditionError
        If this version was not exported in the precision asked for.
    InvalidArgumentError
        If there is no such precision.
    """
    record = encoder.version(version)
    half = record.half_onnx_uri
    chosen = precision or (encoder.result.precision if half else "fp32")
    if chosen not in ("fp32", "fp16"):
        raise InvalidArgumentError(
            f"There is no precision '{chosen}'; choose fp32 or fp16.", reason="PRECISION_UNKNOWN", precision=chosen
        )
    if chosen == "fp16" and not half:
        raise FailedPreconditionError(
            f"Version {record.version} of the encoder '{encoder.id}' has no file of half precision, because its "
            "vectors would differ or it was imported; use fp32.",
            reason="PRECISION_UNSUPPORTED",
            name=encoder.name,
        )
    return EncoderModel(
        encoder.uid,
        half if chosen == "fp16" else record.onnx_uri,
        version=record.version,
        precision="fp16" if chosen == "fp16" else "fp32",
    )


def experiment_model(experiment: ExperimentRecord, encoder: EncoderRecord) -> EncoderModel:
    """Model that an experiment was made with, whatever is in use by now."""
    return encoder_model(encoder, experiment.spec.encoder_version, experiment.spec.encoder_precision)


def serve_encoder(
    artifacts: Artifacts, settings: InferenceSettings, encoder: EncoderModel
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Load an encoder where it is not loaded yet.

    Parameters
    ----------
    artifacts
        Where its file is.
    settings
        Engine that serves it.
    encoder
        Version and precision of the encoder, see `encoder_model`.

    Returns
    -------
    callable
        Gives the vectors, float32 (n, D), of images, float32 (n, C, H, W).
    """
    engine = open_engine(settings)
    model = encoder.model
    with artifacts.local_file(encoder.onnx_uri) as path:
        engine.load(model, path)
    return lambda images: engine.encode(model, images)


def loaded_versions(settings: InferenceSettings, uids: Iterable[str]) -> dict[str, list[int]]:
    """Versions that the inference engine holds at this moment, by the uid of the encoder.

    An engine within the process tells of this process alone.

    Raises
    ------
    UnavailableError
        If the engine is a server that cannot be reached.
    """
    loaded = open_engine(settings).loaded()
    return {uid: sorted({model.version for model in loaded if model.name in _names(uid).values()}) for uid in uids}


def withdraw_version(settings: InferenceSettings, uid: str, version: int) -> None:
    """Unload a version of an encoder in every precision, if it is loaded."""
    for name in _names(uid).values():
        with contextlib.suppress(NotFoundError):
            open_engine(settings).unload(ModelVersion(name, version))


def withdraw_encoder(settings: InferenceSettings, uid: str) -> None:
    """Unload all versions of a deleted encoder."""
    engine = open_engine(settings)
    for name in _names(uid).values():
        for model in engine.kept(name):
            with contextlib.suppress(NotFoundError):
                engine.unload(model)


def _names(uid: str) -> dict[Precision, str]:
    return {"fp32": f"encoder-{uid}", "fp16": f"encoder-{uid}-fp16"}
