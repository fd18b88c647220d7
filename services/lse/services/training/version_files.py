"""Files of a version of an encoder among the artifacts."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lse.platform.catalogue.records.encoder import MadeEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from lse.platform.artifacts import Artifacts

__all__ = ["SAMPLES", "DeliveredEncoder", "VersionFiles", "write_version"]

# Images on which the exported, the served and the trained encoder are compared.
SAMPLES = 16


@dataclass(frozen=True)
class DeliveredEncoder:
    """What a task made of an encoder.

    Attributes
    ----------
    made
        As the catalogue keeps it.
    sample_vectors
        Vectors of the first `SAMPLES` images.
    """

    made: MadeEncoder
    sample_vectors: list[list[float]]


@dataclass(frozen=True)
class VersionFiles:
    """URIs of the files of a version, how well they give the vectors of the encoder, and sentences on that.

    Attributes
    ----------
    onnx_uri, half_onnx_uri, weights_uri, figures, notes
        As in `MadeEncoder`.
    """

    onnx_uri: str
    half_onnx_uri: str
    weights_uri: str
    figures: dict[str, float]
    notes: tuple[str, ...]


def write_version(
    artifacts: Artifacts,
    folder: str,
    encoder: nn.Module,
    *,
    samples: NDArray[np.float32],
    save: Callable[[Path], None],
) -> VersionFiles:
    """Write the files of a version: ONNX in both precisions, see `export_both`, and the weights.

    Parameters
    ----------
    artifacts, folder
        Where they go: the URI of the folder of the operation.
    encoder, samples
        As for `export_both`.
    save
        Writes the weights to a path.
    """
    from lse.representation.onnx import export_both

    def keep(path: Path) -> str:
        uri = f"{folder}/{path.name}"
        artifacts.write_bytes(uri, path.read_bytes())
        return uri

    with tempfile.TemporaryDirectory(prefix="lse-") as scratch:
        files = export_both(encoder, Path(scratch), samples=samples)
        weights = Path(scratch) / "encoder.pt"
        save(weights)
        return VersionFiles(
            onnx_uri=keep(files.full),
            half_onnx_uri=keep(files.half) if files.half is not None else "",
            weights_uri=keep(weights),
            figures=files.figures,
            notes=files.notes,
        )
