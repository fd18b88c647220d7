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
from lse.representation.encoders.pretrained_nets import check_net, fetch_weights, find_net, licence_of, reach_weights
from lse.representation.encoders.pretrained_use import PretrainedUse
from lse.representation.encoders.weights import SAFE_SUFFIX, read_weights
from lse.representation.evaluation.geometry import collapse
from lse.representation.training.facts import measure_facts
from lse.representation.training.images import TrainingImages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.encoders.pretrained_nets import PretrainedNet
    from lse.representation.training.images import ArrayLike, ImageStatistics

__all__ = ["AdaptedEncoder", "adapt_pretrained", "centred", "check_pretrained", "unfitted_encoder"]

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
        ``backbone``, ``weights`` (where they are from), ``licence`` (as far as their source names one), and what is in
        force: ``input``, ``input_size`` and ``pool``.
    figures
        Count of the images, and how many dimensions the vectors fill.
    notes
        Sentences on what images go through.
    losses
        Mean loss of each epoch, where its training went on with the images.
    """

    encoder: PretrainedEncoder
    settings: dict[str, str | int | float]
    figures: dict[str, float]
    notes: tuple[str, ...]
    losses: tuple[float, ...] = ()


def adapt_pretrained(
    images: ArrayLike,
    backbone: str,
    *,
    weights: str,
    on_progress: ProgressCallback,
    should_stop: ShouldStop,
    use: PretrainedUse | None = None,
    bands: Sequence[int] = (),
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
    use
        How the network is used; its own configuration and the images say it when None.
    bands
        Places of the bands that it sees, in the order of its channels; all when empty.

    Raises
    ------
    InvalidArgumentError
        When network, weights or images do not fit.
    NotFoundError
        When there is no such file of weights.
    UnavailableError
        When weights cannot be fetched.
    """
    use = use or PretrainedUse()
    _check_images(tuple(images.shape))
    net = find_net(backbone)
    on_progress(Progress("getting the weights"))
    state, source = _weights(net, weights)
    statistics = TrainingImages(images, memory_limit=0).read(on_progress, should_stop)
    statistics.check()
    count, channels, size, _ = images.shape
    rows = _centred_on(count)
    encoder = PretrainedEncoder(
        net,
        channels=channels,
        size=size,
        mean=statistics.mean,
        std=statistics.std,
        bands=bands,
        pool=use.pool or "",
    )
    scale = use.input or ("unit" if encoder.wants_unit else "imagenet")
    how = _scale_input(encoder, images, scale, rows=rows[:: max(1, len(rows) // _BLOCK)], statistics=statistics)
    encoder.load(state, source=source)
    if use.size:
        encoder.resize(use.size)
    rank, centring = centred(encoder, images, on_progress, should_stop)
    licence = "" if weights else licence_of(net)
    return AdaptedEncoder(
        encoder,
        settings={
            "backbone": net.name,
            "weights": source,
            "licence": licence or "not stated by their source",
            "input": scale,
            "input_size": encoder.input_size,
            **({"pool": use.pool} if use.pool else {}),
        },
        figures={"images": float(count), "effective_rank": rank},
        notes=(_adaptation(encoder, how), *centring),
    )


def centred(
    encoder: PretrainedEncoder, images: ArrayLike, on_progress: ProgressCallback, should_stop: ShouldStop
) -> tuple[float, tuple[str, ...]]:
    """Give the vectors of images zero mean and unit variance; how many dimensions they fill, and sentences on it."""
    count = images.shape[0]
    rows = _centred_on(count)
    verdict = collapse(encoder.centre_on(_blocks(images, rows, on_progress, should_stop)).numpy())
    return verdict.effective_rank, (
        *([verdict.message] if verdict.collapsed else []),
        f"Vectors have zero mean and unit variance over {len(rows)} of {count} images.",
    )


def _centred_on(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, _CENTRED_ON)).astype(int))


def _scale_input(
    encoder: PretrainedEncoder, images: ArrayLike, scale: str, *, rows: NDArray[np.int64], statistics: ImageStatistics
) -> str:
    """Bring images to a scale, as some rows of them show it; what it is, for a sentence."""
    some = _block(images, rows)
    if scale == "imagenet":
        # Photographs with values from 0 to 1 are like those that such a net was trained on: their own mean and spread
        # then mean what they meant there.  Images of the sky, dark but for a source, are far from that.
        if not (_within_unit(some) and measure_facts(images).photographs):
            return "on the scale of ImageNet"
        encoder.scale_input(IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
        return "as they are"
    limits = (0.0, 1.0)
    if scale == "unit" and not _within_unit(some):
        limits = (float(some.min()), float(some.max()))
    encoder.scale_input(statistics.mean, statistics.std, limits=limits)
    return "as they are" if limits == (0.0, 1.0) else f"with {limits[0]:.3g} as 0 and {limits[1]:.3g} as 1"


def check_pretrained(backbone: str, *, weights: str, use: PretrainedUse, channels: int, size: int) -> None:
    """Refuse a network that cannot be used so, before anything is made of it.

    Parameters
    ----------
    backbone, weights, use
        As for `adapt_pretrained`.
    channels, size
        Of the prepared images.

    Raises
    ------
    InvalidArgumentError
        As `adapt_pretrained`, as far as network, file of weights and sizes say it.
    NotFoundError
        When there is no such file of weights.
    UnavailableError
        When the weights cannot be fetched.
    """
    _check_images((0, channels, size, size))
    check_net(backbone, weights=weights)
    net = find_net(backbone)
    if not weights:
        reach_weights(net)
    if not weights and not use.size and not use.pool and net.folder is None:
        return  # to build a network takes seconds, and nothing can be wrong with this one
    encoder = unfitted_encoder(backbone, (0, channels, size, size), use=use.model_copy(update={"size": None}))
    if weights or net.folder is not None:
        state, source = _weights(net, weights)
        encoder.load(state, source=source)
    if use.size:
        encoder.resize(use.size)


def unfitted_encoder(
    backbone: str, shape: tuple[int, ...], *, use: PretrainedUse, bands: Sequence[int] = ()
) -> PretrainedEncoder:
    """Network with random weights for images of a shape (n, channels, size, size), which need not be there."""
    channels, size = shape[1:3]
    encoder = PretrainedEncoder(
        find_net(backbone),
        channels=channels,
        size=size,
        mean=[0.0] * channels,
        std=[1.0] * channels,
        bands=bands,
        pool=use.pool or "",
    )
    if use.size:
        encoder.resize(use.size)
    return encoder


def _weights(net: PretrainedNet, weights: str) -> tuple[Mapping[str, Tensor], str]:
    """Weights of a net and where they are from."""
    if not weights:
        return fetch_weights(net)
    name = PurePosixPath(weights).name
    if PurePosixPath(name).suffix.lower() != SAFE_SUFFIX:
        raise InvalidArgumentError(
            f"'{name}' is not a file of safetensors, and a pickle may hold code: save the state_dict of the network "
            "with safetensors.torch.save_file and give that file.",
            reason="WEIGHTS_UNREADABLE",
            weights=weights,
        )
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
        yield torch.from_numpy(_block(images, rows[first : first + _BLOCK]))


def _block(images: ArrayLike, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.concatenate([np.asarray(images[int(row) : int(row) + 1], np.float32) for row in rows])


def _within_unit(images: NDArray[np.float32]) -> bool:
    """Whether values are from 0 to 1."""
    return bool(images.min() >= 0 and images.max() <= 1)


def _adaptation(encoder: PretrainedEncoder, scale: str) -> str:
    """Sentence on what images go through before the net sees them."""
    bands, channels = len(encoder.bands) or encoder.channels, encoder.mixing.shape[0]
    if channels == 1:
        mixed = "The one band goes in" if bands == 1 else f"The network sees the mean of {bands} bands"
    else:
        mixed = {
            1: "The one band goes to red, green and blue",
            3: "The three bands go to red, green and blue in their order",
        }.get(bands, f"Red, green and blue are means of the first, second and last third of the {bands} bands")
    if encoder.bands:
        mixed += f" (bands {', '.join(str(place + 1) for place in encoder.bands)} of {encoder.channels})"
    resized = ""
    if encoder.size != encoder.input_size:
        resized = f", and images are resized from {encoder.size} to {encoder.input_size} pixels"
    return f"{mixed}, {scale}{resized}."
