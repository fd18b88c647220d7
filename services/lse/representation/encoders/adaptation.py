"""A pretrained network adapted to the images of a dataset, without any training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import fsspec
import numpy as np
import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from lse.errors import CancelledError, InvalidArgumentError, NotFoundError
from lse.progress import Progress
from lse.representation.encoders.pretrained import PretrainedEncoder
from lse.representation.encoders.pretrained_nets import fetch_weights, find_net
from lse.representation.encoders.weights import read_weights
from lse.representation.evaluation.geometry import collapse
from lse.representation.training.facts import measure_facts
from lse.representation.training.images import TrainingImages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.encoders.pretrained_nets import PretrainedNet
    from lse.representation.training.images import ArrayLike

__all__ = ["AdaptedEncoder", "adapt_pretrained"]

# Images over which the vectors of a pretrained net get zero mean and unit variance.
_CENTRED_ON = 512
_BLOCK = 32


@dataclass(frozen=True)
class AdaptedEncoder:
    """A pretrained network that takes the images of a dataset.

    Attributes
    ----------
    encoder
        The network.
    settings
        ``backbone``, ``weights`` (where they are from) and ``input_size`` in force.
    figures
        Count of the images, and how many dimensions the vectors fill.
    notes
        Sentences on what images go through.
    """

    encoder: PretrainedEncoder
    settings: dict[str, str | int]
    figures: dict[str, float]
    notes: tuple[str, ...]


def adapt_pretrained(
    images: ArrayLike, backbone: str, *, weights: str, on_progress: ProgressCallback, should_stop: ShouldStop
) -> AdaptedEncoder:
    """Adapt a pretrained network to the images of a dataset.

    Parameters
    ----------
    images
        Prepared images, shape (n, channels, size, size).
    backbone
        Name of the network, see `find_net`.
    weights
        File of its weights, a path or a URI; fetched by name when empty.
    on_progress, should_stop
        Called a few times a second.

    Raises
    ------
    InvalidArgumentError
        When network, weights or images do not fit.
    NotFoundError
        When there is no such file of weights.
    UnavailableError
        When weights cannot be fetched.
    """
    _check_images(tuple(images.shape))
    net = find_net(backbone)
    on_progress(Progress("getting the weights"))
    state, source = _weights(net, weights)
    statistics = TrainingImages(images, memory_limit=0).read(on_progress, should_stop)
    statistics.check()
    count, channels, size, _ = images.shape
    rows = np.unique(np.linspace(0, count - 1, min(count, _CENTRED_ON)).astype(int))
    as_they_are = _like_those_learnt_from(images, rows[:: max(1, len(rows) // _BLOCK)])
    mean, std = (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD) if as_they_are else (statistics.mean, statistics.std)
    encoder = PretrainedEncoder(net, channels=channels, size=size, mean=mean, std=std)
    encoder.load(state, source=source)
    verdict = collapse(encoder.centre_on(_blocks(images, rows, on_progress, should_stop)).numpy())
    return AdaptedEncoder(
        encoder,
        settings={"backbone": net.name, "weights": source, "input_size": encoder.input_size},
        figures={"images": float(count), "effective_rank": verdict.effective_rank},
        notes=(
            *([verdict.message] if verdict.collapsed else []),
            _adaptation(channels, size=size, input_size=encoder.input_size, as_they_are=as_they_are),
            f"Vectors have zero mean and unit variance over {len(rows)} of {count} images.",
        ),
    )


def _weights(net: PretrainedNet, weights: str) -> tuple[Mapping[str, Tensor], str]:
    """Weights of a net and where they are from."""
    if not weights:
        return fetch_weights(net)
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
            reason="IMAGE_SIZE_UNSUPPORTED",
        )


def _blocks(
    images: ArrayLike, rows: NDArray[np.int64], on_progress: ProgressCallback, should_stop: ShouldStop
) -> Iterator[Tensor]:
    for first in range(0, len(rows), _BLOCK):
        if should_stop():
            raise CancelledError("The work was cancelled.")
        on_progress(Progress("centring", first, len(rows), "images"))
        chosen = rows[first : first + _BLOCK]
        block = [np.asarray(images[int(row) : int(row) + 1], np.float32) for row in chosen]
        yield torch.from_numpy(np.concatenate(block))


def _like_those_learnt_from(images: ArrayLike, rows: NDArray[np.int64]) -> bool:
    """Whether images are photographs with values from 0 to 1, as those are that such a net was trained on.

    Their own mean and spread then mean what they meant there.  Images of the sky, dark but for a source, are far from
    that, and are brought to the mean and spread of photographs.
    """
    if not measure_facts(images).photographs:
        return False
    some = np.stack([np.asarray(images[int(row) : int(row) + 1], np.float32)[0] for row in rows])
    return bool(some.min() >= 0 and some.max() <= 1)


def _adaptation(channels: int, *, size: int, input_size: int, as_they_are: bool) -> str:
    """Sentence on what images go through before the net sees them."""
    bands = {
        1: "The one band goes to red, green and blue",
        3: "The three bands go to red, green and blue in their order",
    }.get(channels, f"Red, green and blue are means of the first, second and last third of the {channels} bands")
    resized = "" if size == input_size else f", and images are resized from {size} to {input_size} pixels"
    scale = "as they are" if as_they_are else "on the scale of ImageNet"
    return f"{bands}, {scale}{resized}."
