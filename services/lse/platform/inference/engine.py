"""The interface of inference."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from lse.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from lse.hardware import usable_cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lse.platform.certificates import Certificates

__all__ = [
    "BATCH_BYTES",
    "SLICE_BYTES",
    "InferenceEngine",
    "InferenceSettings",
    "ModelSignature",
    "ModelVersion",
    "not_loaded",
    "version_taken",
]

# A request costs a server and its client as much as a small encoder takes for some dozen images of 64 pixels, so that
# small ones waste time; larger ones than this win little more and fill the memory.
BATCH_BYTES = 24 * 1024**2
# For a thread. What the layers make of more pixels than this falls out of the caches of a processor: the default
# encoder of 20,000 images is an eighth slower on 42 photos of 64 pixels at once than on 16.
SLICE_BYTES = 768 * 1024
_FEWEST = 8

_NAME = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, order=True)
class ModelVersion:
    """One version of a model.

    Attributes
    ----------
    name
        Words of letters, digits, ``_`` and ``-``, separated by ``/``; a resource name such as
        ``projects/p/encoders/e`` is one.
    version
        Number from 1 upwards.

    Raises
    ------
    InvalidArgumentError
        If the name or the version is not of this form.
    """

    name: str
    version: int = 1

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > 200:
            raise InvalidArgumentError(
                f"{self.name!r} is not a model name; use letters, digits, '_', '-' and '/', at most 200.",
                reason="MODEL_NAME_INVALID",
                model=self.name,
            )
        if self.version < 1:
            raise InvalidArgumentError(
                f"{self.version} is not a model version; count from 1.",
                reason="MODEL_VERSION_INVALID",
                version=self.version,
            )

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


@dataclass(frozen=True)
class ModelSignature:
    """Shapes of an encoder.

    Attributes
    ----------
    image_shape
        Channels, height and width of one image.
    dimension
        Length of one vector.
    """

    image_shape: tuple[int, int, int]
    dimension: int


class InferenceEngine(Protocol):
    """What every engine does.

    An engine may be used by several threads at once.  All methods raise `UnavailableError` where the engine is a
    server that cannot be reached.
    """

    @property
    def name(self) -> str:
        """Which engine this is, as a person calls it."""
        ...

    def load(self, model: ModelVersion, source: str | os.PathLike[str]) -> ModelSignature:
        """Make a model ready; one that is ready already costs little.

        Parameters
        ----------
        model
            Name and version to serve it under.
        source
            Path or URI of one ONNX file with its weights inside.

        Raises
        ------
        NotFoundError
            If `source` does not exist.
        InvalidArgumentError
            If `source` is not an ONNX model from ``images`` to ``vectors``.
        AlreadyExistsError
            If another file is loaded under this name and version.
        """
        ...

    def unload(self, model: ModelVersion) -> None:
        """Forget a model; on a shared server, for all who use it.

        Raises
        ------
        NotFoundError
            If the model is not loaded.
        """
        ...

    def loaded(self) -> list[ModelVersion]:
        """Models ready at this moment, sorted."""
        ...

    def kept(self, name: str) -> list[ModelVersion]:
        """Versions of a model that are loaded, or will be when they are next used, sorted."""
        ...

    def signature(self, model: ModelVersion) -> ModelSignature:
        """Shapes that a loaded model takes and gives.

        Raises
        ------
        NotFoundError
            If the model is not loaded.
        """
        ...

    def encode(self, model: ModelVersion, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors of images.

        Any number of images may be given: they go through the model in batches of as many as suit their size, see
        `InferenceSettings.batch_size`, several of them under way at once where the engine is a server, so a thousand
        images a call keep it busy.

        Parameters
        ----------
        model
            A loaded model.
        images
            float32, shape (n, channels, height, width).

        Returns
        -------
        vectors
            float32, shape (n, dimension).

        Raises
        ------
        NotFoundError
            If the model is not loaded.
        InvalidArgumentError
            If the images have another type or shape than the model takes.
        """
        ...

    def close(self) -> None:
        """Give back what this process holds; a server keeps its models."""
        ...


@dataclass(frozen=True)
class InferenceSettings:
    """Which engine to open, as plain values that travel to other processes.

    Attributes
    ----------
    kind
        ``"onnxruntime"`` in the process, or ``"triton"``.
    max_batch_size
        Most images that go through a model at once; large ones go in smaller batches, see `batch_size`.
    threads
        Processor threads of one run of a model; 0 shares the cores of this machine among the instances.
    gpu
        Run on a GPU.
    url
        Triton only: ``host:port`` of its gRPC endpoint.
    repository
        Triton only: its model repository, a folder as this machine sees it or ``s3://BUCKET/PREFIX``.
    repository_options
        Triton only: options of the fsspec file system of a repository in a bucket, as a JSON object.
    backend
        Triton only: ``"python"`` is ONNX Runtime within Triton's Python backend (the server of the wheel),
        ``"onnxruntime"`` is Triton's own (the stock image).
    instances
        Triton only: how many copies of a model run at once; 0 means one a core, at most four, or one on a GPU.
        Copies of one thread each give more images a second than one copy of many threads, and take more memory.
    window
        Triton only: how many requests of one call are under way at once.
    shared_memory
        Triton only: let our Python backend read the images in the memory of this process, where both are on one
        machine.
    certificates
        Triton only: what the client and a server that asks for certificates know one another by.
    timeout
        Triton only: seconds that one request may take.

    Raises
    ------
    InvalidArgumentError
        If a value is out of its range or one that the kind needs is missing.
    """

    kind: Literal["onnxruntime", "triton"] = "onnxruntime"
    # Below the 1,024 of a task of encoding: its two halves stay two requests, for two instances at once.
    max_batch_size: int = 768
    threads: int = 0
    gpu: bool = False
    url: str = "localhost:8001"
    repository: str = ""
    repository_options: str = "{}"
    backend: Literal["python", "onnxruntime"] = "python"
    instances: int = 0
    window: int = 3
    shared_memory: bool = False
    certificates: Certificates | None = None
    timeout: float = 300.0

    def __post_init__(self) -> None:
        if self.kind not in ("onnxruntime", "triton"):
            raise InvalidArgumentError(
                f"{self.kind!r} is not an inference engine; choose 'onnxruntime' or 'triton'.",
                reason="INFERENCE_ENGINE_UNKNOWN",
                kind=self.kind,
            )
        if self.backend not in ("python", "onnxruntime"):
            raise InvalidArgumentError(
                f"{self.backend!r} is not a Triton backend for encoders; choose 'python' or 'onnxruntime'.",
                reason="TRITON_BACKEND_UNKNOWN",
                backend=self.backend,
            )
        if self.kind == "triton" and not self.repository:
            raise InvalidArgumentError(
                "Triton needs its model repository; name its folder or bucket.", reason="TRITON_REPOSITORY_MISSING"
            )
        if self.shared_memory and self.backend != "python":
            raise InvalidArgumentError(
                "Triton's own ONNX Runtime backend cannot read images in the memory of this process; use the backend"
                " 'python', or no shared memory.",
                reason="SHARED_MEMORY_UNSUPPORTED",
            )
        for name, least in {"max_batch_size": 1, "threads": 0, "instances": 0, "window": 1, "timeout": 0.001}.items():
            if getattr(self, name) < least:
                raise InvalidArgumentError(
                    f"Inference setting {name} is {getattr(self, name)}; it must be at least {least}.",
                    reason="INFERENCE_SETTING_INVALID",
                    setting=name,
                    value=getattr(self, name),
                )

    def batch_size(self, signature: ModelSignature) -> int:
        """Images that go through a model at once: about `BATCH_BYTES` of pixels, and eight where images are large."""
        return min(_images_in(BATCH_BYTES, signature), self.max_batch_size)

    def slice_size(self, signature: ModelSignature) -> int:
        """Images of a batch that are computed at once: on a processor `SLICE_BYTES` a thread, on a GPU all."""
        if self.gpu:
            return self.batch_size(signature)
        return min(_images_in(SLICE_BYTES * self.thread_count, signature), self.max_batch_size)

    def request_size(self, signature: ModelSignature, count: int) -> int:
        """Images of a request when so many are to be encoded: all instances get the same share, if there are enough."""
        rounds = math.ceil(count / (self.batch_size(signature) * self.instance_count))
        share = math.ceil(count / (max(rounds, 1) * self.instance_count))
        return min(max(share, _images_in(SLICE_BYTES, signature)), self.batch_size(signature))

    @property
    def instance_count(self) -> int:
        """Instances, with 0 worked out for this machine."""
        if self.kind == "onnxruntime" or (self.gpu and not self.instances):
            return 1
        return self.instances or min(max(1, usable_cores() // max(1, self.threads)), 4)

    @property
    def thread_count(self) -> int:
        """Threads of one run, with 0 worked out for this machine."""
        return self.threads or max(1, usable_cores() // self.instance_count)


def _images_in(size: int, signature: ModelSignature) -> int:
    return max(size // (4 * math.prod(signature.image_shape)), _FEWEST)


def not_loaded(model: ModelVersion) -> NotFoundError:
    """Error for a model that no one loaded."""
    return NotFoundError(f"Model {model} is not loaded; load it first.", reason="MODEL_NOT_FOUND", model=model)


def version_taken(model: ModelVersion, source: str) -> AlreadyExistsError:
    """Error for a second file under one name and version."""
    return AlreadyExistsError(
        f"Model {model} is loaded from another file than {source}; unload it or choose another version.",
        reason="MODEL_VERSION_TAKEN",
        model=model,
        source=source,
    )
