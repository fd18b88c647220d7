"""The encoder: prepared images in, vectors out, with the normalisation inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from lse.training.encoders.backbones import build_backbone

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Encoder", "Neck"]

Neck = Literal["pooled", "flat"]


class Encoder(nn.Module):
    """A backbone between the normalisation of its training set and a linear layer that gives the vector.

    Each component of the vector has zero mean and unit variance over the views trained on.

    Parameters
    ----------
    backbone
        Name of the backbone.
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the backbone's first stage.
    dimension
        Of the vectors.
    neck
        ``pooled`` takes mean and maximum of the feature maps over position, which suits contrastive learning (the
        maximum keeps small sources on an empty sky); ``flat`` keeps position, which a decoder needs.
    mean, std
        Mean and standard deviation of each band over the training set, in units of the prepared images.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: str,
        *,
        channels: int,
        size: int,
        width: int,
        dimension: int,
        neck: Neck,
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.channels, self.size, self.width, self.dimension = channels, size, width, dimension
        self.backbone = build_backbone(backbone, channels=channels, size=size, width=width)
        self._pooled = neck == "pooled"
        self.summary_length = self.backbone.features * (2 if self._pooled else self.backbone.map_size**2)
        # Without the last normalisation all vectors point much the same way, and cosine tells them apart badly.
        self.head = nn.Sequential(nn.Linear(self.summary_length, dimension), nn.BatchNorm1d(dimension, affine=False))
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, channels, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(1, channels, 1, 1))

    def normalise(self, images: Tensor) -> Tensor:
        """Images of zero mean and unit variance over the training set, of prepared images of the same shape."""
        return (images - self.mean) / self.std

    def summary(self, images: Tensor) -> Tensor:
        """What the neck keeps of the feature maps, (n, summary_length), of normalised images."""
        maps = self.backbone(images)
        if self._pooled:
            return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        flat: Tensor = maps.flatten(start_dim=1)
        return flat

    def features(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension) of normalised images (n, channels, size, size)."""
        vectors: Tensor = self.head(self.summary(images))
        return vectors

    def forward(self, images: Tensor) -> Tensor:
        """Vectors (n, dimension), float32, of prepared images (n, channels, size, size), float32."""
        return self.features(self.normalise(images))
