"""ConvNeXt of timm, with a stem that fits the size of the images.

Liu et al. 2022, https://arxiv.org/abs/2201.03545.
"""

from __future__ import annotations

from timm.models.convnext import ConvNeXt
from torch import Tensor, nn

from lse.representation.encoders.backbones import stem_stride
from lse.representation.encoders.networks import BackboneNetwork

__all__ = ["ConvNeXtTiny"]


class ConvNeXtTiny(BackboneNetwork):
    """ConvNeXt-tiny; its maps are 8 pixels a side at most up to images of 256 pixels.

    Parameters
    ----------
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the first stage, 96 in the original; they double with each of the four stages.
    """

    def __init__(self, *, channels: int, size: int, width: int) -> None:
        super().__init__()
        stride = stem_stride(size)
        self.body = ConvNeXt(
            in_chans=channels,
            dims=tuple(width * 2**stage for stage in range(4)),
            num_classes=0,
            global_pool="",
            # The scale of 1e-6 in the original makes deep nets trainable over hundreds of epochs, and starts too near
            # to the identity for the few that are trained here.
            ls_init_value=0.1,
        )
        if stride < 4:
            stem = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1)
            nn.init.trunc_normal_(stem.weight, std=0.02)
            assert stem.bias is not None
            nn.init.zeros_(stem.bias)
            self.body.stem[0] = stem
        self.features = int(self.body.num_features)
        self.map_size = (size // 4 if stride == 4 else -(-size // stride)) // 8

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps of normalised images, themselves normalised over their channels."""
        maps: Tensor = self.body.forward_head(self.body.forward_features(images))
        return maps
