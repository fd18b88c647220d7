"""Tasks of training that train nothing: what a training would take, and an encoder of a pretrained net."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.compute import memory_at_hand
from lse.platform.errors import CancelledError, InvalidArgumentError, NotFoundError
from lse.platform.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel
    from lse.training.encoders.pretrained import PretrainedNet
    from lse.training.images import ArrayLike

__all__ = ["estimate", "make_pretrained"]

# As many as a training is exported with, see `lse.training.runs`.
_SAMPLES = 16
# Images over which the vectors of a pretrained net get zero mean and unit variance.
_CENTRED_ON = 512
_BLOCK = 32


def estimate(
    artifacts: Artifacts, images_uri: str, method: str, settings: Mapping[str, str], _channel: TaskChannel
) -> dict[str, Any]:
    """Measure what a training would take on this worker.

    Returns
    -------
    dict
        ``settings`` in force, ``parameter_count``, ``memory_bytes``, ``available_memory_bytes``, ``minutes`` and
        ``notes``.
    """
    import torch

    from lse.training.defaults import choose_parameters, explain_choice, measure_facts
    from lse.training.encoders.backbones import check_image_shape
    from lse.training.estimate import estimate_training
    from lse.training.methods import parse_parameters

    images = artifacts.open_array(images_uri)
    shape = tuple(images.shape)
    check_image_shape(parse_parameters(method, settings).backbone, shape)
    facts = measure_facts(images)
    parameters = choose_parameters(method, settings, facts)
    threads = torch.get_num_threads()
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # a training takes them all
    try:
        found = estimate_training(shape, method=method, parameters=parameters, available_bytes=memory_at_hand())
    finally:
        torch.set_num_threads(threads)
    where = "a GPU" if found.device == "cuda" else f"{len(os.sched_getaffinity(0))} CPU cores"
    verdict = (
        f"Time is that of steps on {where} of a worker, without reading images or ending early."
        if found.fits
        else found.shortage
    )
    return {
        "settings": parameters.model_dump(),
        "parameter_count": found.parameter_count,
        "memory_bytes": found.memory_bytes,
        "available_memory_bytes": found.available_bytes,
        "minutes": found.minutes,
        "notes": [verdict, *explain_choice(method, settings, facts)],
    }


def make_pretrained(
    artifacts: Artifacts, images_uri: str, parameters: Mapping[str, str], folder: str, channel: TaskChannel
) -> dict[str, Any]:
    """Adapt a pretrained net to the images of a dataset; write its ONNX files and its weights.

    Parameters
    ----------
    artifacts, images_uri
        Where the prepared images are.
    parameters
        ``backbone``, name of the net; ``weights``, file of its weights, a path or a URI, fetched by name when empty.
    folder
        URI of the folder of the operation.
    channel
        Told of the progress.

    Returns
    -------
    dict
        The encoder's result, as the catalogue keeps it.

    Raises
    ------
    InvalidArgumentError
        When net, weights or images do not fit.
    NotFoundError
        When there is no such file of weights.
    UnavailableError
        When weights cannot be fetched.
    """
    from lse.training.encoders.pretrained import PretrainedEncoder, find_net
    from lse.training.images import TrainingImages
    from lse.training.judging.geometry import collapse
    from lse.training.versions import export_version

    images = artifacts.open_array(images_uri)
    _check_images(tuple(images.shape))
    net = find_net(parameters["backbone"])
    channel.report(Progress("getting the weights"))
    state, source = _weights(net, parameters["weights"])
    statistics = TrainingImages(images, memory_limit=0).read(channel.report, channel.should_stop)
    statistics.check()
    count, channels, size, _ = images.shape
    encoder = PretrainedEncoder(net, channels=channels, size=size, mean=statistics.mean, std=statistics.std)
    encoder.load(state, source=source)
    rows = np.unique(np.linspace(0, count - 1, min(count, _CENTRED_ON)).astype(int))
    verdict = collapse(encoder.centre_on(_blocks(images, rows, channel)).numpy())
    channel.report(Progress("exporting"))
    samples = np.asarray(images[:_SAMPLES], np.float32)
    exported = export_version(artifacts, encoder, folder, samples=samples)
    weights_uri = f"{folder}/encoder.pt"
    with tempfile.TemporaryDirectory(prefix="lse-") as scratch:
        encoder.save(Path(scratch) / "encoder.pt")
        artifacts.write_bytes(weights_uri, (Path(scratch) / "encoder.pt").read_bytes())
    return {
        "onnx_uri": exported["onnx_uri"],
        "half_onnx_uri": exported["half_onnx_uri"],
        "weights_uri": weights_uri,
        "settings": {"backbone": net.name, "weights": source, "input_size": encoder.input_size},
        "channels": channels,
        "size": size,
        "dimension": encoder.dimension,
        "figures": {"images": float(count), "effective_rank": verdict.effective_rank, **exported["figures"]},
        "loss_curve": [],
        "notes": [
            *([verdict.message] if verdict.collapsed else []),
            _adaptation(channels, size=size, input_size=encoder.input_size),
            f"Vectors have zero mean and unit variance over {len(rows)} of {count} images.",
            *exported["notes"],
        ],
        "parameter_count": sum(weight.numel() for weight in encoder.parameters()),
        "has_decoder": False,
        "sample_vectors": _vectors(encoder, samples),
    }


def _weights(net: PretrainedNet, weights: str) -> tuple[Mapping[str, Tensor], str]:
    """Weights of a net and where they are from."""
    from lse.training.encoders.pretrained import fetch_weights
    from lse.training.encoders.weights import read_weights

    if not weights:
        return fetch_weights(net)
    import fsspec

    name = PurePosixPath(weights).name
    try:
        with fsspec.open(weights, "rb") as file:
            content = file.read()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no file of weights '{weights}' where the services run: correct the path.",
            reason="WEIGHTS_NOT_FOUND",
            weights=weights,
        ) from error
    except (OSError, ValueError, ImportError) as error:
        raise InvalidArgumentError(
            f"The file of weights '{weights}' cannot be read ({error}): correct the path or its permissions.",
            reason="WEIGHTS_UNREADABLE",
            weights=weights,
        ) from error
    return read_weights(content, name), name


def _check_images(shape: tuple[int, ...]) -> None:
    if len(shape) != 4 or shape[2] != shape[3]:
        raise InvalidArgumentError(
            f"A pretrained net takes square images, not those of shape {shape[1:]}; give the recipe a square size.",
            reason="IMAGES_NOT_SQUARE",
        )


def _blocks(images: ArrayLike, rows: NDArray[np.int64], channel: TaskChannel) -> Iterator[Tensor]:
    import torch

    for first in range(0, len(rows), _BLOCK):
        if channel.should_stop():
            raise CancelledError("The work was cancelled.")
        channel.report(Progress("centring", first, len(rows), "images"))
        chosen = rows[first : first + _BLOCK]
        block = [np.asarray(images[int(row) : int(row) + 1], np.float32) for row in chosen]
        yield torch.from_numpy(np.concatenate(block))


def _adaptation(channels: int, *, size: int, input_size: int) -> str:
    """Sentence on what images go through before the net sees them."""
    bands = {
        1: "The one band goes to red, green and blue",
        3: "The three bands go to red, green and blue in their order",
    }.get(channels, f"Red, green and blue are means of the first, second and last third of the {channels} bands")
    resized = "" if size == input_size else f", and images are resized from {size} to {input_size} pixels"
    return f"{bands}, on the scale of ImageNet{resized}."


def _vectors(encoder: Any, samples: NDArray[np.float32]) -> list[list[float]]:
    import torch

    with torch.inference_mode():
        vectors: list[list[float]] = encoder(torch.from_numpy(samples)).tolist()
    return vectors
