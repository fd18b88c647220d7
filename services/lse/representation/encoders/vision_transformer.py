"""Vision transformer for small images of any channel count and size.

Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929, in the size ViT-Ti of Touvron et al. 2021,
https://arxiv.org/abs/2012.12877; the network is timm's, and lightly's wrapper lets it see some of the patches only.
"""

from __future__ import annotations

import math

import torch
from lightly.models.modules import MaskedVisionTransformerTIMM
from timm.models.vision_transformer import VisionTransformer as TimmTransformer
from torch import Tensor, nn
from torch.nn import functional

from lse.representation.encoders.networks import BackboneNetwork

__all__ = ["VisionTransformer", "patch_size"]

_DEPTH = 12
_HEADS = 3
_GRID = 8
_LARGEST_GRID = 16
_USUAL_PATCH = 16


def patch_size(size: int) -> int:
    """Side of the patches of images of a size, in pixels.

    An image of up to 128 pixels has about 8 patches a side, a larger one patches of 16 pixels, but no more than 16 a
    side: the time that attention takes grows with the fourth power of that.
    """
    return max(min(math.ceil(size / _GRID), _USUAL_PATCH), math.ceil(size / _LARGEST_GRID))


class VisionTransformer(BackboneNetwork):
    """ViT-tiny: 12 blocks of 3 heads over square patches; feature maps are the patches' tokens.

    An image whose side is not a multiple of the patch is extended by its outermost pixels on all sides.  There is
    no class token: an encoder pools the maps.  Images of another size than `size` are taken too, with the positions
    interpolated.

    Parameters
    ----------
    channels, size
        Of the images: bands, and side in pixels.
    width
        Features of a token, a multiple of 12; ViT-tiny has 192.

    Attributes
    ----------
    patch_size
        Side of a patch in pixels, as `patch_size` chooses it.
    """

    def __init__(self, *, channels: int, size: int, width: int) -> None:
        super().__init__()
        self.patch_size = patch_size(size)
        self.features = width
        self.map_size = math.ceil(size / self.patch_size)
        transformer = TimmTransformer(
            img_size=self.map_size * self.patch_size,
            patch_size=self.patch_size,
            in_chans=channels,
            num_classes=0,
            global_pool="",
            embed_dim=width,
            depth=_DEPTH,
            num_heads=_HEADS,
            class_token=False,
            dynamic_img_size=True,
        )
        # No token is ever replaced by a mask token here: hidden patches are left out.
        unused = nn.Parameter(torch.zeros(1, 1, width), requires_grad=False)
        self.transformer = MaskedVisionTransformerTIMM(transformer, mask_token=unused)

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps of normalised images, one pixel a patch."""
        images = self._whole_patches(images)
        rows, columns = images.shape[2] // self.patch_size, images.shape[3] // self.patch_size
        # timm's own path, since lightly's takes the root of the count of patches, which ONNX cannot.
        tokens: Tensor = self.transformer.vit.forward_features(images)
        return tokens.transpose(1, 2).reshape(images.shape[0], self.features, rows, columns)

    def _whole_patches(self, images: Tensor) -> Tensor:
        """Images (n, channels, size, size) extended on all sides to a multiple of the patch."""
        missing = [-side % self.patch_size for side in images.shape[:1:-1]]
        if not any(missing):
            return images
        padding = [amount for total in missing for amount in (total // 2, total - total // 2)]
        return functional.pad(images, padding, mode="replicate")

    def visible(self, images: Tensor, kept: Tensor) -> Tensor:
        """Tokens of some patches of normalised images, computed from these patches alone.

        Parameters
        ----------
        images
            Shape (n, channels, size, size).
        kept
            Numbers of the patches to see, row by row, (n, visible), int64.

        Returns
        -------
        Tensor
            Shape (n, visible, features).
        """
        tokens: Tensor = self.transformer.encode(self._whole_patches(images), idx_keep=kept)
        return tokens
