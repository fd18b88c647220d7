"""Encoders as ONNX files: export of a trained one, and the check of one made elsewhere."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import InternalError, InvalidArgumentError
from lse.training.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    import onnxruntime
    from numpy.typing import NDArray

    from lse.training.trained import TrainedEncoder

__all__ = ["INPUT_NAME", "OUTPUT_NAME", "EncoderSignature", "check_onnx_encoder", "export_onnx"]

INPUT_NAME = "images"
OUTPUT_NAME = "vectors"
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class EncoderSignature:
    """What an encoder takes and gives.

    Attributes
    ----------
    channels, height, width
        Of the prepared images.
    dimension
        Of the vectors.
    input_name, output_name
        Names in the graph.
    """

    channels: int
    height: int
    width: int
    dimension: int
    input_name: str = INPUT_NAME
    output_name: str = OUTPUT_NAME


def export_onnx(trained: TrainedEncoder, path: Path, *, samples: NDArray[np.float32]) -> float:
    """Write the encoder, its normalisation inside, as one self-contained ONNX file.

    Input ``images``, float32 (n, channels, height, width), in units of the prepared images; output ``vectors``,
    float32 (n, dimension); n is free.

    Parameters
    ----------
    trained
        The encoder.
    path
        File to write; it appears only after the check.
    samples
        Prepared images (two or more) on which ONNX Runtime and PyTorch are compared.

    Returns
    -------
    float
        Largest difference between the two, relative to the largest vector component.

    Raises
    ------
    InternalError
        When they differ by more than 1e-4.
    ResourceExhaustedError
        When the file cannot be written.
    """
    import torch

    if len(samples) < 2:
        raise InvalidArgumentError("The check of an export needs at least two images.", reason="TOO_FEW_IMAGES")
    encoder = trained.encoder.cpu().eval()
    images = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))
    # The exporter tells developers through warnings and logs what it deprecates.
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                encoder,
                (images[:2],),
                input_names=[INPUT_NAME],
                output_names=[OUTPUT_NAME],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                dynamo=True,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    assert program is not None
    content = program.model_proto.SerializeToString()
    difference = _difference(content, trained, samples)
    if not difference <= _TOLERANCE:
        raise InternalError(
            f"The exported encoder gives other vectors than the trained one (they differ by {difference:.2g}); "
            "it was not written.",
            reason="EXPORT_DIFFERS",
            difference=difference,
        )
    write_atomically(path, content)
    return difference


def check_onnx_encoder(path: Path) -> EncoderSignature:
    """Check that an ONNX file is an encoder: one float32 image batch in, one float32 vector an image out.

    The batch axis must be free; channels, height, width and dimension fixed; the file self-contained.

    Raises
    ------
    InvalidArgumentError
        When the file is no such encoder, with what is wrong.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidArgumentError(
            f"The ONNX file {path.name} cannot be read: {error.strerror}.", reason="ONNX_UNREADABLE", path=path
        ) from error
    session = _session(content, path.name)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise _wrong(
            path, f"needs one float32 input (n, channels, height, width), and has {_ports(inputs)}", "ONNX_WRONG_INPUT"
        )
    if len(outputs) != 1 or outputs[0].type != "tensor(float)" or len(outputs[0].shape) != 2:
        raise _wrong(path, f"needs one float32 output (n, dimension), and has {_ports(outputs)}", "ONNX_WRONG_OUTPUT")
    batch, *shape = inputs[0].shape
    if isinstance(batch, int):
        raise _wrong(path, f"takes {batch} images at once only; export it with a free batch axis", "ONNX_FIXED_BATCH")
    if not all(isinstance(side, int) and side > 0 for side in shape):
        raise _wrong(path, f"must fix channels, height and width, and has {_ports(inputs)}", "ONNX_WRONG_INPUT")
    # A probe tells what the graph does, also where it does not declare the dimension.
    for count in (2, 3):
        try:
            (vectors,) = session.run(None, {inputs[0].name: np.zeros((count, *shape), dtype=np.float32)})
        except Exception as error:
            raise _wrong(path, f"fails on {count} images: {_first_line(error)}", "ONNX_FAILS") from error
        if np.ndim(vectors) != 2 or len(vectors) != count or np.shape(vectors)[1] < 1:
            raise _wrong(
                path, f"gives {np.shape(vectors)} for {count} images, not one vector each", "ONNX_WRONG_OUTPUT"
            )
        if not np.isfinite(vectors).all():
            raise _wrong(path, "gives values that are not finite for black images", "ONNX_NOT_FINITE")
    return EncoderSignature(
        channels=shape[0],
        height=shape[1],
        width=shape[2],
        dimension=int(np.shape(vectors)[1]),
        input_name=inputs[0].name,
        output_name=outputs[0].name,
    )


def _session(content: bytes, name: str) -> onnxruntime.InferenceSession:
    import onnx
    import onnxruntime

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise InvalidArgumentError(
            f"The file {name} is not an ONNX model.", reason="ONNX_INVALID", path=name
        ) from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise InvalidArgumentError(
            f"The ONNX file {name} keeps weights in another file; save it with all weights inside.",
            reason="ONNX_EXTERNAL_DATA",
            path=name,
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InvalidArgumentError(
            f"ONNX Runtime cannot load {name}: {_first_line(error)}", reason="ONNX_INVALID", path=name
        ) from error


def _difference(content: bytes, trained: TrainedEncoder, samples: NDArray[np.float32]) -> float:
    session = _session(content, "exported encoder")
    (vectors,) = session.run([OUTPUT_NAME], {INPUT_NAME: np.asarray(samples, dtype=np.float32)})
    expected = trained.encode(samples)
    scale = max(float(np.abs(expected).max()), 1e-12)
    return float(np.abs(np.asarray(vectors) - expected).max()) / scale


def _ports(ports: list[onnxruntime.NodeArg]) -> str:
    return ", ".join(f"{port.name} {port.type} {tuple(port.shape)}" for port in ports) or "none"


def _wrong(path: Path, detail: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"The ONNX encoder {path.name} {detail}.", reason=reason, path=path)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
