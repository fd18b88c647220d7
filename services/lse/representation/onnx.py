"""Encoders as ONNX files: export of a trained one, in full and in half precision."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import InternalError, InvalidArgumentError
from lse.representation.atomic import write_atomically
from lse.representation.imported_onnx import INPUT_NAME, OUTPUT_NAME, open_session

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray
    from torch import nn

__all__ = [
    "HALF_TOLERANCE",
    "OnnxFiles",
    "export_both",
    "export_half",
    "export_onnx",
]

_TOLERANCE = 1e-4
# Of the largest vector component.  float16 has 11 binary digits; over the layers of a net the rounding adds up to some
# thousandths, which moves no neighbour that means anything.
HALF_TOLERANCE = 0.02
_ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div"})


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
        raise InvalidArgumentError("The check of an export needs at least two images.", reason="IMAGES_TOO_FEW")
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
            reason="EXPORT_MISMATCH",
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
            f"The encoder cannot be converted to half precision: {_first_line(error)}",
            reason="PRECISION_CONVERSION_FAILED",
        ) from error
    difference = _difference(vectors, _run(full, samples))
    if difference <= HALF_TOLERANCE:
        write_atomically(half, content)
    return difference


@dataclass(frozen=True)
class OnnxFiles:
    """ONNX files of an encoder.

    Attributes
    ----------
    full, half
        Files of full and of half precision; no half where it is not near enough.
    figures
        How much the vectors of each differ from the encoder's, and the half's from the full one's.
    notes
        Why there is no half.
    """

    full: Path
    half: Path | None
    figures: dict[str, float]
    notes: tuple[str, ...] = ()


def export_both(encoder: nn.Module, folder: Path, *, samples: NDArray[np.float32]) -> OnnxFiles:
    """Write an encoder in full and, where that is near enough, in half precision.

    Parameters
    ----------
    encoder
        Prepared images (n, channels, size, size) to vectors (n, dimension); on the CPU, in evaluation mode.
    folder
        Where the files ``encoder.onnx`` and ``encoder-fp16.onnx`` go.
    samples
        Prepared images (two or more) on which the files and the encoder are compared.

    Raises
    ------
    InternalError
        When the file of full precision gives other vectors than the encoder.
    """
    full, half = folder / "encoder.onnx", folder / "encoder-fp16.onnx"
    figures = {"onnx_difference": export_onnx(encoder, full, samples=samples)}
    try:
        difference = export_half(full, half, samples=samples)
        missing = f"its vectors differ by {difference:.2g} of the largest component, and {HALF_TOLERANCE:g} is allowed."
    except InternalError as error:
        difference, missing = 0.0, error.message
    if half.exists():
        return OnnxFiles(full, half, {**figures, "half_difference": difference})
    return OnnxFiles(full, None, figures, (f"There is no file of half precision: {missing}",))


def _normalisation(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes between the images and the first layer with weights of its own."""
    reached, names = {INPUT_NAME}, []
    for node in graph.node:
        if node.op_type in _ELEMENTWISE and not reached.isdisjoint(node.input):
            names.append(node.name)
            reached.update(node.output)
    return names


def _run(content: bytes, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    session = open_session(content, "exported encoder")
    (vectors,) = session.run([OUTPUT_NAME], {INPUT_NAME: np.asarray(samples, dtype=np.float32)})
    return np.asarray(vectors)


def _difference(vectors: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Largest difference, relative to the largest component."""
    difference = float(np.abs(vectors - expected).max() / max(float(np.abs(expected).max()), 1e-12))
    return difference if np.isfinite(difference) else np.inf


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
