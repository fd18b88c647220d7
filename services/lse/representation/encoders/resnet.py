"""Residual networks of timm, with a stem that fits the size of the images.

He et al. 2016, https://arxiv.org/abs/1512.03385.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from timm.models.resnet import BasicBlock, Bottleneck
from timm.models.resnet import ResNet as TimmResNet
from torch import Tensor, nn

from lse.representation.encoders.backbones import stem_stride
from lse.representation.encoders.networks import BackboneNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ResNet", "resnet18", "resnet50"]

_STEM_FEATURES = 64


class ResNet(BackboneNetwork):
    """Residual network; its maps are 8 pixels a side at most up to images of 256 pixels.

    Parameters
    ----------
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the first stage, 64 in the original; they double with each of the four stages.
    block, layers
        Kind of block, and count of blocks in each stage.
    """

    def __init__(
        self,
        *,
        channels: int,
        size: int,
        width: int,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
    ) -> None:
        super().__init__()
        # timm's annotations are not those of what it takes and has.
        body: Any = TimmResNet(
            cast("Any", block),
            tuple(layers),
            in_chans=channels,
            channels=tuple(width * 2**stage for stage in range(4)),
            num_classes=0,
            global_pool="",
        )
        stride = stem_stride(size)
        if stride < 4:
            body.maxpool = nn.Identity()
        if stride < 2:
            stem = nn.Conv2d(channels, _STEM_FEATURES, kernel_size=3, padding=1, bias=False)
            nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
            body.conv1 = stem
        self.body = body
        self.features = int(body.num_features)
        self.map_size = size
        for _ in range(int(math.log2(stride * 8))):
            self.map_size = math.ceil(self.map_size / 2)

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps of normalised images."""
        maps: Tensor = self.body.forward_features(images)
        return maps


def resnet18(*, channels: int, size: int, width: int) -> ResNet:
    """ResNet-18."""
    return ResNet(channels=channels, size=size, width=width, block=BasicBlock, layers=(2, 2, 2, 2))


def resnet50(*, channels: int, size: int, width: int) -> ResNet:
    """ResNet-50."""
    return ResNet(channels=channels, size=size, width=width, block=Bottleneck, layers=(3, 4, 6, 3))
