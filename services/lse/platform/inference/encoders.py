"""Encoders of the catalogue, at work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from lse.platform.errors import NotFoundError
from lse.platform.inference.engine import InferenceSettings, ModelVersion, open_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lse.platform.artifacts import Artifacts

__all__ = ["serve_encoder", "withdraw_encoder"]


def serve_encoder(
    artifacts: Artifacts, settings: InferenceSettings, uid: str, onnx_uri: str
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Load an encoder where it is not loaded yet.

    Parameters
    ----------
    artifacts
        Where its file is.
    settings
        Engine that serves it.
    uid
        Identifier of the encoder; names the model.
    onnx_uri
        URI of its ONNX file.

    Returns
    -------
    callable
        Gives the vectors, float32 (n, D), of images, float32 (n, C, H, W).
    """
    engine = open_engine(settings)
    model = _model(uid)
    with artifacts.local_file(onnx_uri) as path:
        engine.load(model, path)
    return lambda images: engine.encode(model, images)


def withdraw_encoder(settings: InferenceSettings, uid: str) -> None:
    """Unload a deleted encoder, if it is loaded."""
    with contextlib.suppress(NotFoundError):
        open_engine(settings).unload(_model(uid))


def _model(uid: str) -> ModelVersion:
    return ModelVersion(f"encoder-{uid}")
