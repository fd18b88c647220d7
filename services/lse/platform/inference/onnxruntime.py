"""Inference by ONNX Runtime in this process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from lse.errors import FailedPreconditionError
from lse.platform.inference.engine import InferenceSettings, ModelSignature, ModelVersion, not_loaded, version_taken
from lse.platform.inference.onnx_model import check_images, new_session, read_model, signature_of

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["OnnxRuntimeEngine"]


@dataclass(frozen=True)
class _Loaded:
    digest: str
    session: onnxruntime.InferenceSession
    signature: ModelSignature


class OnnxRuntimeEngine:
    """Models as ONNX Runtime sessions of this process.

    Parameters
    ----------
    settings
        Those of Triton are not used.

    Raises
    ------
    FailedPreconditionError
        If a GPU is asked for and ONNX Runtime was built without one.
    """

    name = "ONNX Runtime"

    def __init__(self, settings: InferenceSettings) -> None:
        if settings.gpu and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise FailedPreconditionError(
                "This ONNX Runtime has no GPU support; install onnxruntime-gpu or run without gpu.",
                reason="GPU_SUPPORT_MISSING",
            )
        self._settings = settings
        self._models: dict[ModelVersion, _Loaded] = {}
        self._lock = threading.Lock()

    def load(self, model: ModelVersion, source: str | os.PathLike[str]) -> ModelSignature:
        """See `InferenceEngine.load`."""
        file = read_model(source)
        with self._lock:
            if (known := self._models.get(model)) is None:
                session = new_session(file, threads=self._settings.thread_count, gpu=self._settings.gpu)
                known = _Loaded(file.digest, session, signature_of(file, session))
                self._models[model] = known
        if known.digest != file.digest:
            raise version_taken(model, file.source)
        return known.signature

    def unload(self, model: ModelVersion) -> None:
        """See `InferenceEngine.unload`."""
        with self._lock:
            if self._models.pop(model, None) is None:
                raise not_loaded(model)

    def loaded(self) -> list[ModelVersion]:
        """See `InferenceEngine.loaded`."""
        return sorted(self._models)

    def kept(self, name: str) -> list[ModelVersion]:
        """See `InferenceEngine.kept`."""
        return [model for model in self.loaded() if model.name == name]

    def signature(self, model: ModelVersion) -> ModelSignature:
        """See `InferenceEngine.signature`."""
        return self._known(model).signature

    def encode(self, model: ModelVersion, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `InferenceEngine.encode`."""
        known = self._known(model)
        check_images(images, known.signature, model)
        vectors = np.empty((len(images), known.signature.dimension), np.float32)
        step = self._settings.slice_size(known.signature)
        for start in range(0, len(images), step):
            batch = images[start : start + step]
            vectors[start : start + step] = known.session.run(["vectors"], {"images": batch})[0]
        return vectors

    def close(self) -> None:
        """See `InferenceEngine.close`."""
        with self._lock:
            self._models.clear()

    def _known(self, model: ModelVersion) -> _Loaded:
        known = self._models.get(model)
        if known is None:
            raise not_loaded(model)
        return known
