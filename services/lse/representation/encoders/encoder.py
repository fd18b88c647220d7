"""The encoder: prepared images in, vectors out, with the normalisation inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lse.representation.encoders.backbones import BACKBONES, build_backbone

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Encoder", "Head", "Neck"]

Neck = Literal["pooled", "flat"]
Head = Literal["standardised", "scaled"]

# Side of the largest maps whose positions are all kept: beyond it the linear layer would outgrow the backbone.
_FLAT_SIDE = 8


class Encoder(nn.Module):
    """A backbone between the normalisation of its training set and a linear layer that gives the vector.

    Each component of the vector has zero mean over the views trained on, and unit variance or what `scale` says, until
    the end of a training whitens the vectors (`lse.representation.training.decorrelation`).

    Parameters
    ----------
    backbone
        Name of the backbone, or the import path of one's own.
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the backbone's first stage; the backbone's own when None.
    dimension
        Of the vectors.
    neck
        ``pooled`` takes mean and maximum of the feature maps over position, which suits contrastive learning (the
        maximum keeps small sources on an empty sky); ``flat`` keeps position, which a decoder needs, in maps of 8 by 8
        pixels at most: larger ones are averaged down to that.
    mean, std
        Mean and standard deviation of each band over the training set, in units of the prepared images.
    head
        ``standardised`` gives each component unit variance; ``scaled`` leaves its standard deviation to the method, as
        `scale`, which tells axes with much information from axes with little.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: str,
        *,
        channels: int,
        size: int,
        width: int | None,
        dimension: int,
        neck: Neck,
        mean: Sequence[float],
        std: Sequence[float],
        head: Head = "standardised",
    ) -> None:
        super().__init__()
        width = width or BACKBONES[backbone].facts.standard_width
        self.channels, self.size, self.width, self.dimension = channels, size, width, dimension
        self.backbone = build_backbone(backbone, channels=channels, size=size, width=width)
        self._pooled = neck == "pooled"
        self._side = min(self.backbone.map_size, _FLAT_SIDE)
        self.summary_length = self.backbone.features * (2 if self._pooled else self._side**2)
        # Without the last normalisation all vectors point much the same way, and cosine tells them apart badly.
        last = nn.BatchNorm1d(dimension, affine=head == "scaled")
        for scale_or_mean in last.parameters():
            scale_or_mean.requires_grad_(False)
        self.head = nn.Sequential(nn.Linear(self.summary_length, dimension), last)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, channels, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, channels, 1, 1))

    @property
    def scale(self) -> Tensor:
        """Standard deviations (dimension,) of the components, where the head is ``scaled``."""
        return cast("nn.BatchNorm1d", self.head[-1]).weight

    def normalise(self, images: Tensor) -> Tensor:
        """Images of zero mean and unit variance over the training set, of prepared images of the same shape."""
        return (images - self.mean) / self.std

    def summary(self, images: Tensor) -> Tensor:
        """What the neck keeps of the feature maps, (n, summary_length), of normalised images."""
        return self.pool(self.backbone(images))

    def pool(self, maps: Tensor) -> Tensor:
        """What the neck keeps, (n, summary_length), of feature maps (n, features, h, w); ``pooled`` takes any h, w."""
        if self._pooled:
            return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        if self._side < self.backbone.map_size:
            maps = functional.adaptive_avg_pool2d(maps, self._side)
        flat: Tensor = maps.flatten(start_dim=1)
        return flat

    def features(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension) of normalised images (n, channels, size, size)."""
        vectors: Tensor = self.head(self.summary(images))
        return vectors

    def forward(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension), float32, of prepared images (n, channels, size, size), float32."""
        return self.features(self.normalise(images))
