"""Encoders as ONNX files: export of a trained one, and the check of one made elsewhere."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import InternalError, InvalidArgumentError
from lse.training.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    import onnxruntime
    from numpy.typing import NDArray
    from torch import nn

__all__ = [
    "HALF_TOLERANCE",
    "INPUT_NAME",
    "OUTPUT_NAME",
    "EncoderSignature",
    "check_onnx_encoder",
    "export_half",
    "export_onnx",
    "rename_ports",
]

INPUT_NAME = "images"
OUTPUT_NAME = "vectors"
_TOLERANCE = 1e-4
# Of the largest vector component.  float16 has 11 binary digits; over the layers of a net the rounding adds up to some
# thousandths, which moves no neighbour that means anything.
HALF_TOLERANCE = 0.02
_ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div"})


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


def export_onnx(encoder: nn.Module, path: Path, *, samples: NDArray[np.float32]) -> float:
    """Write an encoder, its normalisation inside, as one self-contained ONNX file.

    Input ``images``, float32 (n, channels, height, width), in units of the prepared images; output ``vectors``,
    float32 (n, dimension); n is free.

    Parameters
    ----------
    encoder
        Module that maps the one to the other; it is put on the CPU and in evaluation mode.
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
    encoder = encoder.cpu().eval()
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
    with torch.inference_mode():
        expected = encoder(images).numpy()
    difference = _difference(_run(content, samples), expected)
    if not difference <= _TOLERANCE:
        raise InternalError(
            f"The exported encoder gives other vectors than the trained one (they differ by {difference:.2g}); "
            "it was not written.",
            reason="EXPORT_DIFFERS",
            difference=difference,
        )
    write_atomically(path, content)
    return difference


def export_half(path: Path, half: Path, *, samples: NDArray[np.float32]) -> float:
    """Write an encoder in half precision, where its vectors stay near enough to those of the full one.

    Images and vectors remain float32, and so does the normalisation: an image on a high background has its structure
    in digits that float16 does not have.  A processor without float16 computes such a file in float32 and gives
    the right vectors, slower.

    Parameters
    ----------
    path
        What `export_onnx` wrote.
    half
        File to write; it is left out where the vectors differ by more than `HALF_TOLERANCE`.
    samples
        Prepared images on which the two are compared.

    Returns
    -------
    float
        Largest difference between the two, relative to the largest vector component; infinite where half the
        precision gives values that are not finite.

    Raises
    ------
    InternalError
        When the graph has something that cannot be converted.
    """
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    full = path.read_bytes()
    model = onnx.load_model_from_string(full)
    try:
        with warnings.catch_warnings():
            # It tells of every weight that float16 rounds; what that does to the vectors is measured here.
            warnings.simplefilter("ignore")
            model = convert_float_to_float16(model, keep_io_types=True, node_block_list=_normalisation(model.graph))
        # The converter rounds also what goes to a node in full precision, and widens it again.
        converted = OnnxModel(model)
        converted.remove_cascaded_cast_nodes()
        converted.topological_sort()
        content = converted.model.SerializeToString()
        vectors = _run(content, samples)
    except Exception as error:  # its classes and those of the converter have no common root but Exception
        raise InternalError(
            f"The encoder cannot be converted to half precision: {_first_line(error)}", reason="HALF_CONVERSION_FAILED"
        ) from error
    difference = _difference(vectors, _run(full, samples))
    if difference <= HALF_TOLERANCE:
        write_atomically(half, content)
    return difference


def _normalisation(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes between the images and the first layer with weights of its own."""
    reached, names = {INPUT_NAME}, []
    for node in graph.node:
        if node.op_type in _ELEMENTWISE and not reached.isdisjoint(node.input):
            names.append(node.name)
            reached.update(node.output)
    return names


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
    if shape[1] != shape[2]:
        raise _wrong(
            path,
            f"takes images of {shape[2]} by {shape[1]} pixels, and prepared images are square; export it for a square",
            "ONNX_WRONG_INPUT",
        )
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


def rename_ports(path: Path, signature: EncoderSignature) -> EncoderSignature:
    """Give input and output of an encoder's file, in place, the names that all encoders are served with.

    Parameters
    ----------
    path
        ONNX file.
    signature
        What `check_onnx_encoder` says of it.

    Returns
    -------
    EncoderSignature
        With the names of the file as it is now.
    """
    import onnx
    import onnx_ir

    if (signature.input_name, signature.output_name) == (INPUT_NAME, OUTPUT_NAME):
        return signature
    model = onnx_ir.from_proto(onnx.load(path))
    graph = model.graph
    ports = {
        INPUT_NAME: next(value for value in graph.inputs if value.name == signature.input_name),
        OUTPUT_NAME: next(value for value in graph.outputs if value.name == signature.output_name),
    }
    values = [
        *graph.inputs,
        *graph.initializers.values(),
        *(value for node in graph.all_nodes() for value in node.outputs),
    ]
    for value in values:
        if value.name in ports:
            value.name = f"imported_{value.name}"
    for name, port in ports.items():
        port.name = name
    write_atomically(path, onnx_ir.to_proto(model).SerializeToString())
    return dataclasses.replace(signature, input_name=INPUT_NAME, output_name=OUTPUT_NAME)


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


def _run(content: bytes, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    session = _session(content, "exported encoder")
    (vectors,) = session.run([OUTPUT_NAME], {INPUT_NAME: np.asarray(samples, dtype=np.float32)})
    return np.asarray(vectors)


def _difference(vectors: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Largest difference, relative to the largest component."""
    difference = float(np.abs(vectors - expected).max() / max(float(np.abs(expected).max()), 1e-12))
    return difference if np.isfinite(difference) else np.inf


def _ports(ports: list[onnxruntime.NodeArg]) -> str:
    return ", ".join(f"{port.name} {port.type} {tuple(port.shape)}" for port in ports) or "none"


def _wrong(path: Path, detail: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"The ONNX encoder {path.name} {detail}.", reason=reason, path=path)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
