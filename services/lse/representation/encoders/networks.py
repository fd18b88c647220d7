"""Convolutional networks: the small backbone, the decoder that mirrors it, and the critic of what it draws."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from lse.errors import InvalidArgumentError
from lse.values import counted

__all__ = ["BackboneNetwork", "ConvDecoder", "PairCritic", "PosteriorSpread", "SmallConv", "as_backbone"]


class BackboneNetwork(nn.Module):
    """What every backbone offers an encoder.

    Attributes
    ----------
    features
        Channels of the feature maps.
    map_size
        Side of the feature maps.
    """

    features: int
    map_size: int

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps (n, features, map_size, map_size) of normalised images (n, channels, size, size)."""
        raise NotImplementedError


class _AdoptedNetwork(BackboneNetwork):
    """A torch module of any origin as a backbone: what it gives is found out with an empty image."""

    def __init__(self, network: nn.Module, *, channels: int, size: int) -> None:
        super().__init__()
        self.network = network
        training = network.training
        with torch.no_grad():
            maps = self.eval()(torch.zeros(1, channels, size, size))
        if maps.ndim != 4 or maps.shape[2] != maps.shape[3]:
            raise ValueError(f"it gives shape {tuple(maps.shape)}")
        self.train(training)
        self.features, self.map_size = maps.shape[1], maps.shape[2]

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps of normalised images; vectors are maps of one pixel."""
        maps: Tensor = self.network(images)
        return maps[:, :, None, None] if maps.ndim == 2 else maps


def as_backbone(build: Callable[..., Any], *, channels: int, size: int, width: int) -> BackboneNetwork:
    """Network that a function or class builds from those of `channels`, `size` and `width` that it takes.

    Raises
    ------
    InvalidArgumentError
        ``BACKBONE_UNSUPPORTED``: it gives neither square feature maps (n, features, h, h) nor vectors (n, features).
    """
    offered = {"channels": channels, "size": size, "width": width}
    taken = inspect.signature(build).parameters.values()
    every = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken)
    names = offered if every else offered.keys() & {parameter.name for parameter in taken}
    network = build(**{name: offered[name] for name in names})
    if isinstance(network, BackboneNetwork):
        return network
    name = getattr(build, "__name__", str(build))
    try:
        adopted = _AdoptedNetwork(network, channels=channels, size=size)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise InvalidArgumentError(
            f"The backbone {name} does not turn images of {counted(channels, 'channel')} and {size} pixels a side into "
            f"square feature maps or vectors ({error}).",
            reason="BACKBONE_UNSUPPORTED",
        ) from error
    return adopted


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SmallConv(BackboneNetwork):
    """Strided 3x3 convolutions that halve the image until 4 to 7 pixels a side are left.

    Parameters
    ----------
    channels, size
        Of the images: bands, and side in pixels (16 or more).
    width
        Feature maps of the first stage; they double with each stage up to 8 times `width`.
    """

    def __init__(self, *, channels: int, size: int, width: int) -> None:
        super().__init__()
        stages = max(2, math.floor(math.log2(size / 4)))
        widths = [width * min(2**stage, 8) for stage in range(stages)]
        self.body = nn.Sequential(
            *(_convolution(i, o, stride=2) for i, o in zip([channels, *widths[:-1]], widths, strict=True))
        )
        self.features = widths[-1]
        self.map_size = size
        for _ in range(stages):
            self.map_size = math.ceil(self.map_size / 2)

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps of normalised images."""
        maps: Tensor = self.body(images)
        return maps


class ConvDecoder(nn.Module):
    """Draws normalised images from vectors: nearest upsampling and 3x3 convolutions, coarse to fine.

    Parameters
    ----------
    dimension
        Of the vectors.
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the finest stage.
    """

    def __init__(self, *, dimension: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        sizes = [size]
        while sizes[-1] >= 8:
            sizes.append(math.ceil(sizes[-1] / 2))
        sizes.reverse()
        widths = [width * min(2**stage, 8) for stage in range(len(sizes))][::-1]
        self._start = (widths[0], sizes[0], sizes[0])
        self.seed = nn.Linear(dimension, math.prod(self._start))
        stages: list[nn.Module] = []
        for inputs, outputs, side in zip(widths[:-1], widths[1:], sizes[1:], strict=True):
            stages += [nn.Upsample(size=(side, side), mode="nearest"), _convolution(inputs, outputs)]
        self.stages = nn.Sequential(*stages)
        self.draw = nn.Conv2d(widths[-1], channels, kernel_size=3, padding=1)

    def forward(self, vectors: Tensor) -> Tensor:
        """Normalised images (n, channels, size, size) of vectors (n, dimension)."""
        maps = self.seed(vectors).reshape(-1, *self._start)
        if vectors.device.type == "cpu":
            maps = maps.contiguous(memory_format=torch.channels_last)
        images: Tensor = self.draw(self.stages(maps))
        return images


class PairCritic(nn.Module):
    """Scores pairs of image and vector; spectrally normalised, so that its score changes by no more than its input.

    Parameters
    ----------
    dimension
        Of the vectors.
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the first stage; they double with each stage up to 8 times `width`.
    """

    def __init__(self, *, dimension: int, channels: int, size: int, width: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        inputs = channels
        while size > 4:
            outputs = width * min(2 ** (len(stages) // 2), 8)
            stages += [
                spectral_norm(nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1)),
                nn.LeakyReLU(0.2),
            ]
            inputs, size = outputs, size // 2
        self.look = nn.Sequential(*stages, nn.Flatten(), spectral_norm(nn.Linear(inputs * size**2, 8 * width)))
        self.read = spectral_norm(nn.Linear(dimension, 8 * width))
        self.judge = nn.Sequential(
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(16 * width, 8 * width)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Linear(8 * width, 1)),
        )

    def forward(self, images: Tensor, vectors: Tensor) -> Tensor:
        """Scores (n,) of normalised images (n, channels, size, size) and their vectors (n, dimension)."""
        scores: Tensor = self.judge(torch.cat([self.look(images), self.read(vectors)], dim=1))
        return scores.squeeze(1)


class PosteriorSpread(nn.Module):
    """How uncertain each component of a vector is, in units of the variance that its mean has over the images.

    The uncertainty is bounded, so that no component becomes noise alone: the posterior cannot collapse onto the prior.

    Parameters
    ----------
    inputs
        Length of what the neck keeps of an image.
    dimension
        Of the vectors.

    Attributes
    ----------
    average
        Running mean of the relative variances over the images, (dimension,).
    """

    average: Tensor
    most = 100.0

    def __init__(self, *, inputs: int, dimension: int) -> None:
        super().__init__()
        self.log_variance = nn.Linear(inputs, dimension)
        # The run starts with vectors that are known well, so that the decoder learns to use them.
        first = 0.1
        nn.init.zeros_(self.log_variance.weight)
        nn.init.constant_(self.log_variance.bias, math.log(first))
        self.register_buffer("average", torch.full((dimension,), first))

    def forward(self, summary: Tensor) -> Tensor:
        """Logarithms of the relative variances (n, dimension) of what the neck keeps (n, inputs)."""
        highest = math.log(self.most)
        logarithms = highest - functional.softplus(highest - self.log_variance(summary).float())
        if self.training:
            self.average.lerp_(logarithms.detach().exp().mean(dim=0), 0.1)
        return logarithms
