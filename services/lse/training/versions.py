"""Versions of an encoder.

The result of an encoder in the catalogue is that of its version in use, and beside it ``versions``, the results of all,
oldest first, ``version``, the number of the one in use, and ``precision``, ``fp32`` or ``fp16``.  What makes an encoder
(training, import, a pretrained backbone) hands what it made to `add_version`; evaluations are of the encoder and carry
the number of their version.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lse.platform.errors import InternalError
from lse.platform.inference.encoders import version_of, versions_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import Resource

__all__ = [
    "add_version",
    "export_version",
    "load_networks",
    "method_of",
    "next_version",
    "use_version",
    "version_that_made",
]

# What belongs to the encoder and not to one of its versions.
_COMMON = ("versions", "version", "precision", "evaluations")


def next_version(result: Mapping[str, Any]) -> int:
    """Number of the version that is added next: 1 for a new encoder, whose result is empty."""
    return max((each["version"] for each in versions_of(result)), default=0) + 1


def add_version(
    result: Mapping[str, Any],
    made: Mapping[str, Any],
    *,
    operation: str,
    dataset: str,
    method: str,
    seed: int,
) -> dict[str, Any]:
    """Result of an encoder that has one version more, which is in use from now on.

    Parameters
    ----------
    result
        Result of the encoder before; empty of a new one.
    made
        What was made: ``onnx_uri``, ``half_onnx_uri`` ("" where there is none), ``settings`` in force, ``channels``,
        ``size``, ``dimension``, ``figures``, ``loss_curve``, ``notes``, and what else one version alone has, such as
        ``weights_uri``, ``parameter_count`` and ``has_decoder``.
    operation
        Name of the operation that made it.
    dataset
        Name of the dataset that it learnt from, empty where it did from none.
    method
        Training method, ``pretrained`` or ``import``.
    seed
        Seed of all its random numbers.
    """
    version = {
        **{key: value for key, value in made.items() if key not in _COMMON},
        "version": next_version(result),
        "operation": operation,
        "create_time": time.time(),
        "dataset": dataset,
        "method": method,
        "seed": seed,
    }
    versions = [*versions_of(result), version]
    kept = {"versions": versions, "evaluations": result.get("evaluations", [])}
    # A new version is served in full until someone chooses otherwise: half the precision was chosen for the old one.
    return use_version(kept, version, precision="fp32")


def use_version(result: Mapping[str, Any], version: Mapping[str, Any], *, precision: str) -> dict[str, Any]:
    """Result of an encoder of which one version, see `version_of`, is in use in a precision."""
    return {
        **{key: value for key, value in version.items() if key not in _COMMON},
        "versions": [dict(each) for each in versions_of(result)],
        "version": version["version"],
        "precision": precision,
        "evaluations": list(result.get("evaluations", [])),
    }


def version_that_made(experiment: Resource, encoder: Resource) -> Mapping[str, Any]:
    """Version of its encoder that an experiment was made with, as the catalogue keeps it.

    Raises
    ------
    NotFoundError
        If there is none of its number.
    """
    # Experiments made before encoders had versions were made with the first.
    return version_of(encoder, int(experiment.spec.get("encoder_version") or 1))


def method_of(encoder: Resource, version: Mapping[str, Any]) -> str:
    """Training method of a version, ``pretrained`` or ``import``."""
    return str(version.get("method", encoder.spec["method"]))


def load_networks(artifacts: Artifacts, *, method: str, weights_uri: str) -> tuple[nn.Module, nn.Module | None]:
    """Encoder and decoder of a version, on the CPU, in evaluation mode; None where it keeps no decoder.

    Parameters
    ----------
    artifacts
        Where the weights are.
    method
        See `method_of`.
    weights_uri
        Of the version; one that was imported has none.

    Raises
    ------
    DataLossError
        When the file is damaged or of another version of this software.
    """
    with artifacts.local_file(weights_uri) as path:
        if method == "pretrained":
            from lse.training.encoders.pretrained import load_encoder

            return load_encoder(path), None
        from lse.training.trained import load_trained

        trained = load_trained(path)
        return trained.encoder, trained.decoder


def export_version(
    artifacts: Artifacts, encoder: nn.Module, folder: str, *, samples: NDArray[np.float32]
) -> dict[str, Any]:
    """Write the ONNX files of a version, in full and in half precision.

    Parameters
    ----------
    artifacts
        Where they go.
    encoder
        Prepared images (n, channels, size, size) to vectors (n, dimension); on the CPU, in evaluation mode.
    folder
        URI of the folder of the operation.
    samples
        Prepared images (two or more) on which the files and the encoder are compared.

    Returns
    -------
    dict
        ``onnx_uri``; ``half_onnx_uri``, empty where half the precision is not near enough; ``figures``, the
        differences; ``notes``.

    Raises
    ------
    InternalError
        When the file of full precision gives other vectors than the encoder.
    """
    from lse.training.onnx_files import HALF_TOLERANCE, export_half, export_onnx

    uris = {"onnx_uri": f"{folder}/encoder.onnx", "half_onnx_uri": f"{folder}/encoder-fp16.onnx"}
    notes = []
    with tempfile.TemporaryDirectory(prefix="lse-") as scratch:
        full, half = Path(scratch) / "encoder.onnx", Path(scratch) / "encoder-fp16.onnx"
        figures = {"onnx_difference": export_onnx(encoder, full, samples=samples)}
        artifacts.write_bytes(uris["onnx_uri"], full.read_bytes())
        try:
            figures["half_difference"] = export_half(full, half, samples=samples)
            missing = (
                f"its vectors differ by {figures['half_difference']:.2g} of the largest component, and "
                f"{HALF_TOLERANCE:g} is allowed."
            )
        except InternalError as error:
            missing = error.message
        if half.exists():
            artifacts.write_bytes(uris["half_onnx_uri"], half.read_bytes())
        else:
            uris["half_onnx_uri"] = ""
            figures.pop("half_difference", None)
            notes.append(f"There is no file of half precision: {missing}")
    return {**uris, "figures": figures, "notes": notes}
