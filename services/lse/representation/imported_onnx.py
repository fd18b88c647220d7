"""Encoders that were made elsewhere: the check of an ONNX file, and the names of its ports."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    import onnxruntime

__all__ = [
    "INPUT_NAME",
    "OUTPUT_NAME",
    "EncoderSignature",
    "check_onnx_encoder",
    "checked_encoder",
    "open_session",
    "rename_ports",
]

INPUT_NAME = "images"
OUTPUT_NAME = "vectors"
# How long these take, their inputs decide: an image could hold up whoever encodes it, for ever.
_LOOPS = frozenset({"Loop", "Scan", "BeamSearch", "GreedySearch", "Sampling", "WhisperBeamSearch"})


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


def check_onnx_encoder(path: Path, name: str | None = None) -> EncoderSignature:
    """Check that an ONNX file is an encoder: one float32 image batch in, one float32 vector an image out.

    The batch axis must be free; channels, height, width and dimension fixed; the file self-contained.

    Parameters
    ----------
    path
        The file.
    name
        How messages call it; its own name when not given.

    Raises
    ------
    InvalidArgumentError
        When the file is not such an encoder, with what is wrong.
    """
    name = name or path.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _wrong(name, f"cannot be read: {error.strerror}", reason="ONNX_UNREADABLE") from error
    session = open_session(content, name)
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
        raise _wrong(
            name,
            f"needs one float32 input (n, channels, height, width), and has {_ports(inputs)}",
            reason="ONNX_INPUT_INVALID",
        )
    if len(outputs) != 1 or outputs[0].type != "tensor(float)" or len(outputs[0].shape) != 2:
        raise _wrong(
            name, f"needs one float32 output (n, dimension), and has {_ports(outputs)}", reason="ONNX_OUTPUT_INVALID"
        )
    batch, *shape = inputs[0].shape
    if isinstance(batch, int):
        raise _wrong(
            name, f"takes {batch} images at once only; export it with a free batch axis", reason="ONNX_BATCH_INVALID"
        )
    if not all(isinstance(side, int) and side > 0 for side in shape):
        raise _wrong(
            name, f"must fix channels, height and width, and has {_ports(inputs)}", reason="ONNX_INPUT_INVALID"
        )
    if shape[1] != shape[2]:
        raise _wrong(
            name,
            f"takes images of {shape[2]} by {shape[1]} pixels, and prepared images are square; export it for a square",
            reason="ONNX_INPUT_INVALID",
        )
    # A probe tells what the graph does, also where it does not declare the dimension.
    for count in (2, 3):
        try:
            (vectors,) = session.run(None, {inputs[0].name: np.zeros((count, *shape), dtype=np.float32)})
        except Exception as error:
            if "alloc" in str(error):
                raise MemoryError from error
            raise _wrong(name, f"fails on {count} images: {_first_line(error)}", reason="ONNX_RUN_FAILED") from error
        if np.ndim(vectors) != 2 or len(vectors) != count or np.shape(vectors)[1] < 1:
            raise _wrong(
                name, f"gives {np.shape(vectors)} for {count} images, not one vector each", reason="ONNX_OUTPUT_INVALID"
            )
        if not np.isfinite(vectors).all():
            raise _wrong(name, "gives values that are not finite for black images", reason="ONNX_NOT_FINITE")
    return EncoderSignature(
        channels=shape[0],
        height=shape[1],
        width=shape[2],
        dimension=int(np.shape(vectors)[1]),
        input_name=inputs[0].name,
        output_name=outputs[0].name,
    )


def checked_encoder(path: Path, name: str) -> tuple[EncoderSignature, bytes]:
    """What an ONNX file takes and gives, and its content under the names that all encoders are served with.

    Raises
    ------
    InvalidArgumentError
        As `check_onnx_encoder`.
    """
    signature = check_onnx_encoder(path, name)
    return rename_ports(path.read_bytes(), signature)


def rename_ports(content: bytes, signature: EncoderSignature) -> tuple[EncoderSignature, bytes]:
    """Give input and output of an encoder the names that all encoders are served with.

    Parameters
    ----------
    content
        ONNX file.
    signature
        What `check_onnx_encoder` says of it.

    Returns
    -------
    EncoderSignature
        With the names of the new content.
    bytes
        New content of the file.
    """
    import onnx
    import onnx_ir

    if (signature.input_name, signature.output_name) == (INPUT_NAME, OUTPUT_NAME):
        return signature, content
    model = onnx_ir.from_proto(onnx.load_model_from_string(content))
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
    renamed = dataclasses.replace(signature, input_name=INPUT_NAME, output_name=OUTPUT_NAME)
    return renamed, onnx_ir.to_proto(model).SerializeToString()


def open_session(content: bytes, name: str) -> onnxruntime.InferenceSession:
    """ONNX Runtime session of a self-contained graph without loops.

    Raises
    ------
    InvalidArgumentError
        ``ONNX_INVALID``, ``ONNX_WEIGHTS_MISSING`` or ``ONNX_UNSUPPORTED``.
    """
    import onnx
    import onnxruntime

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise InvalidArgumentError(
            f"The file {name} is not an ONNX model.", reason="ONNX_INVALID", path=name
        ) from error
    _check_graphs(model, name)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if "alloc" in str(error):
            raise MemoryError from error
        raise InvalidArgumentError(
            f"ONNX Runtime cannot load {name}: {_first_line(error)}", reason="ONNX_INVALID", path=name
        ) from error


def _check_graphs(model: onnx.ModelProto, name: str) -> None:
    """Refuse loops and tensors in other files, wherever in a model they are."""
    from onnx import TensorProto

    for part in _parts(model):
        if getattr(part, "op_type", "") in _LOOPS:
            raise InvalidArgumentError(
                f"The ONNX file {name} has a loop ({part.op_type}); export the encoder without, as tracing does.",
                reason="ONNX_UNSUPPORTED",
                path=name,
            )
        if isinstance(part, TensorProto) and (part.data_location == TensorProto.EXTERNAL or part.external_data):
            raise InvalidArgumentError(
                f"The ONNX file {name} keeps weights in another file; save it with all weights inside.",
                reason="ONNX_WEIGHTS_MISSING",
                path=name,
            )


def _parts(message: Any) -> Iterator[Any]:
    """Nodes and tensors of a model, those of branches, functions and attributes as well."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        for field, value in part.ListFields():
            if field.type == field.TYPE_MESSAGE:
                waiting.extend(value if _repeated(value) else [value])


def _repeated(value: Any) -> bool:
    return not hasattr(value, "ListFields")


def _ports(ports: list[onnxruntime.NodeArg]) -> str:
    return ", ".join(f"{port.name} {port.type} {tuple(port.shape)}" for port in ports) or "none"


def _wrong(name: str, detail: str, *, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"The ONNX encoder {name} {detail}.", reason=reason, path=name)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
