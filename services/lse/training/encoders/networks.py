"""Convolutional networks: the small backbone and the decoder that mirrors it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["BackboneNetwork", "ConvDecoder", "SmallConv"]


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
