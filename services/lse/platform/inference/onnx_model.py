"""ONNX files as encoders: reading them, and what they take and give."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np

from lse.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from lse.platform.inference.engine import ModelSignature

if TYPE_CHECKING:
    import onnxruntime
    from numpy.typing import NDArray

__all__ = ["ModelFile", "check_images", "new_session", "read_model", "signature_of"]


@dataclass(frozen=True)
class ModelFile:
    """Content of an ONNX file.

    Attributes
    ----------
    source
        Where it was read from.
    content
        Its bytes.
    digest
        SHA-256 of its bytes, hexadecimal.
    """

    source: str
    content: bytes
    digest: str

    def invalid(self, why: str) -> InvalidArgumentError:
        """Error that tells why this file cannot serve as an encoder."""
        return InvalidArgumentError(
            f"{self.source} cannot serve as an encoder: {why}", reason="MODEL_FILE_INVALID", source=self.source
        )


def read_model(source: str | os.PathLike[str]) -> ModelFile:
    """Read an ONNX file.

    Parameters
    ----------
    source
        Path or URI.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    where = os.fspath(source)
    try:
        with fsspec.open(where, "rb") as file:
            content: bytes = file.read()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFoundError(
            f"There is no model file at {where}; give the path or URI of an ONNX file.",
            reason="MODEL_FILE_NOT_FOUND",
            source=where,
        ) from error
    except PermissionError as error:
        raise PermissionDeniedError(
            f"The model file {where} may not be read; give this process the right to.",
            reason="MODEL_FILE_NOT_ALLOWED",
            source=where,
        ) from error
    except ValueError as error:  # fsspec's word for a URI scheme that it does not know
        raise InvalidArgumentError(
            f"{where!r} is neither a path nor a URI that can be read ({_first_line(error)}).",
            reason="MODEL_FILE_URI_INVALID",
            source=where,
        ) from error
    return ModelFile(source=where, content=content, digest=hashlib.sha256(content).hexdigest())


def new_session(file: ModelFile, *, threads: int, gpu: bool) -> onnxruntime.InferenceSession:
    """ONNX Runtime session of a model.

    Raises
    ------
    InvalidArgumentError
        If ONNX Runtime cannot read the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if gpu else ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(file.content, options, providers=providers)
    except Exception as error:  # its classes have no common root but Exception
        raise file.invalid(
            f"ONNX Runtime cannot read it as one ONNX file with its weights inside ({_first_line(error)})."
        ) from error


def signature_of(file: ModelFile, session: onnxruntime.InferenceSession) -> ModelSignature:
    """Shapes of an encoder, from its graph and a trial with two black images.

    Raises
    ------
    InvalidArgumentError
        If the graph is not one from ``images`` (n, channels, height, width) to ``vectors`` (n, dimension), float32,
        for any n.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if [node.name for node in inputs] != ["images"] or [node.name for node in outputs] != ["vectors"]:
        names = f"{[node.name for node in inputs]} to {[node.name for node in outputs]}"
        raise file.invalid(f"its graph goes from {names}, it must go from ['images'] to ['vectors'].")
    if inputs[0].type != "tensor(float)" or outputs[0].type != "tensor(float)":
        raise file.invalid(f"it maps {inputs[0].type} to {outputs[0].type}, both must be tensor(float).")
    shape = inputs[0].shape
    if len(shape) != 4 or isinstance(shape[0], int) or not all(isinstance(size, int) for size in shape[1:]):
        raise file.invalid(
            f"its images have shape {shape}, it must be any number of images, then fixed channels, height and width."
        )
    try:
        vectors: Any = session.run(["vectors"], {"images": np.zeros((2, *shape[1:]), np.float32)})[0]
    except Exception as error:  # its classes have no common root but Exception
        raise file.invalid(f"it fails on two black images ({_first_line(error)}).") from error
    if vectors.ndim != 2 or len(vectors) != 2:
        raise file.invalid(f"it gives an array of shape {vectors.shape} for two images, it must give two vectors.")
    return ModelSignature(image_shape=(shape[1], shape[2], shape[3]), dimension=vectors.shape[1])


def check_images(images: NDArray[np.float32], signature: ModelSignature, model: object) -> None:
    """Refuse images that a model does not take.

    Raises
    ------
    InvalidArgumentError
        If the type or the shape differs.
    """
    if not isinstance(images, np.ndarray) or images.dtype != np.float32:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise InvalidArgumentError(
            f"Images for {model} are {kind}; give a NumPy array of float32.", reason="IMAGES_TYPE_INVALID", model=model
        )
    if images.ndim != 4 or images.shape[1:] != signature.image_shape:
        wanted = ", ".join(str(size) for size in signature.image_shape)
        raise InvalidArgumentError(
            f"Images for {model} have shape {images.shape}; it takes (n, {wanted}).",
            reason="IMAGES_SHAPE_INVALID",
            model=model,
            shape=images.shape,
        )


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:300].rstrip(".")
