"""The backbones by name: what each can take, checked before anything is built.

A backbone turns normalised images (n, channels, size, size) into feature maps (n, features, h, w); an encoder pools or
flattens them.  A new backbone is one `Backbone` entry here and one module that builds it.

The residual nets and ConvNeXt were made for photos of 224 pixels, of which they keep every 32nd pixel; an image of 32
would shrink to nothing.  Here their first layers make an image smaller by `stem_stride` only, which leaves maps of 2 to
8 pixels a side for images of 16 to 256.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lse.training.encoders.networks import BackboneNetwork

__all__ = ["Backbone", "build_backbone", "check_image_shape", "get_backbone", "list_backbones", "stem_stride"]


@dataclass(frozen=True)
class Backbone:
    """A kind of network that images go through.

    Attributes
    ----------
    name
        How it is asked for.
    summary
        One sentence for a person who chooses.
    minimum_size, maximum_size
        Smallest and largest image side, in pixels.
    standard_width
        Feature maps of the first stage, or features of a token, unless another width is asked for.
    builder
        ``module:function`` that builds the network from (channels, size, width); imported when first used, since it
        needs torch.
    pretrained
        Net of `lse.training.encoders.pretrained` of the same kind, empty where there is none.
    width_multiple
        Widths must be multiples of it.
    """

    name: str
    summary: str
    minimum_size: int
    maximum_size: int
    standard_width: int
    builder: str
    pretrained: str = ""
    width_multiple: int = 1


_BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="small-conv",
            summary="A few strided convolutions: for some thousand small images on a machine without GPU.",
            minimum_size=16,
            maximum_size=1024,
            standard_width=32,
            builder="lse.training.encoders.networks:SmallConv",
        ),
        Backbone(
            name="vit-tiny",
            summary="Vision transformer of 12 blocks: for a masked autoencoder or DINO and many images; wants a GPU.",
            minimum_size=16,
            maximum_size=1024,
            standard_width=192,
            builder="lse.training.encoders.vision_transformer:VisionTransformer",
            pretrained="timm/vit_tiny_patch16_224",
            width_multiple=12,
        ),
        Backbone(
            name="resnet18",
            summary="Residual network of 18 layers: the usual choice for ten thousand images and more; wants a GPU.",
            minimum_size=8,
            maximum_size=1024,
            standard_width=64,
            builder="lse.training.encoders.resnet:resnet18",
            pretrained="torchvision/resnet18",
        ),
        Backbone(
            name="resnet50",
            summary="Residual network of 50 layers: for a hundred thousand images and more; needs a GPU.",
            minimum_size=8,
            maximum_size=1024,
            standard_width=64,
            builder="lse.training.encoders.resnet:resnet50",
            pretrained="torchvision/resnet50",
        ),
        Backbone(
            name="convnext-tiny",
            summary="Modern convolutional network, as large as ResNet-50: for detailed images, and many; needs a GPU.",
            minimum_size=8,
            maximum_size=1024,
            standard_width=96,
            builder="lse.training.encoders.convnext:ConvNeXtTiny",
            pretrained="torchvision/convnext_tiny",
        ),
    )
}


def list_backbones() -> tuple[Backbone, ...]:
    """All backbones, smallest first."""
    return tuple(_BACKBONES.values())


def get_backbone(name: str) -> Backbone:
    """Backbone of a name.

    Raises
    ------
    InvalidArgumentError
        When there is none of that name.
    """
    try:
        return _BACKBONES[name]
    except KeyError:
        known = ", ".join(_BACKBONES)
        raise InvalidArgumentError(
            f"There is no backbone {name!r}; choose one of {known}.", reason="BACKBONE_UNKNOWN", backbone=name
        ) from None


def check_image_shape(name: str, shape: tuple[int, ...]) -> None:
    """Check that a backbone takes images (n, channels, height, width).

    Raises
    ------
    InvalidArgumentError
        When the shape is not that of images, they are not square, or their side is out of the backbone's range.
    """
    backbone = get_backbone(name)
    if len(shape) != 4 or shape[1] < 1:
        raise InvalidArgumentError(
            f"Prepared images must have the shape (images, channels, height, width), not {shape}.",
            reason="IMAGES_WRONG_SHAPE",
            shape=shape,
        )
    _, _, height, width = shape
    if height != width:
        raise InvalidArgumentError(
            f"The backbone {name} takes square images, not {width}x{height} pixels; give the recipe a square size.",
            reason="IMAGES_NOT_SQUARE",
            height=height,
            width=width,
        )
    if not backbone.minimum_size <= height <= backbone.maximum_size:
        raise InvalidArgumentError(
            f"The backbone {name} takes images of {backbone.minimum_size} to {backbone.maximum_size} pixels a side, "
            f"not {height}; change the size in the recipe.",
            reason="IMAGE_SIZE_UNSUPPORTED",
            size=height,
        )


def stem_stride(size: int) -> int:
    """How many times smaller the first layers of a deep net make an image: 4 from 128 pixels, 2 from 64, else 1."""
    return 4 if size >= 128 else 2 if size >= 64 else 1


def build_backbone(name: str, *, channels: int, size: int, width: int) -> BackboneNetwork:
    """Build the network of a backbone with fresh weights from torch's random state.

    Parameters
    ----------
    name
        Of the backbone.
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the first stage; the others follow from it.

    Raises
    ------
    InvalidArgumentError
        When there is no such backbone, or it cannot be so wide.
    """
    backbone = get_backbone(name)
    if width % backbone.width_multiple:
        raise InvalidArgumentError(
            f"The backbone {name} cannot be {width} wide: choose a multiple of {backbone.width_multiple}, such as "
            f"{backbone.standard_width}.",
            reason="WIDTH_UNSUPPORTED",
            width=width,
        )
    module, function = backbone.builder.split(":")
    build = cast("Callable[..., BackboneNetwork]", getattr(import_module(module), function))
    return build(channels=channels, size=size, width=width)
