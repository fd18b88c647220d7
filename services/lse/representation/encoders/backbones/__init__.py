"""The backbones, one module each, and their registry; what each can take is checked before anything is built.

A backbone turns normalised images (n, channels, size, size) into feature maps (n, features, h, w); an encoder pools or
flattens them.  A module here declares one and imports torch no earlier than when it builds its network.

The residual nets and ConvNeXt were made for photos of 224 pixels, of which they keep every 32nd pixel; an image of 32
would shrink to nothing.  Here their first layers make an image smaller by `stem_stride` only, which leaves maps of 2 to
8 pixels a side for images of 16 to 256.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lse.errors import InvalidArgumentError
from lse.methods import Registry
from lse.parameters import Parameters

if TYPE_CHECKING:
    from lse.representation.encoders.networks import BackboneNetwork

__all__ = ["BACKBONES", "BackboneFacts", "build_backbone", "check_image_shape", "stem_stride"]


@dataclass(frozen=True)
class BackboneFacts:
    """What must be known about a backbone before it is built.

    Attributes
    ----------
    minimum_size, maximum_size
        Smallest and largest image side, in pixels.
    standard_width
        Feature maps of the first stage, or features of a token, unless another width is asked for.
    learning_rate
        Learning rate that suits it at a batch of 256 images.
    width_of_few
        Width for fewer than 20,000 images, None for the standard width.
    pretrained
        Net of `lse.representation.encoders.pretrained` of the same kind, empty where there is none.
    width_multiple
        Widths must be multiples of it.
    """

    minimum_size: int = 8
    maximum_size: int = 1024
    standard_width: int = 64
    learning_rate: float = 1e-3
    width_of_few: int | None = None
    pretrained: str = ""
    width_multiple: int = 1


BACKBONES: Registry[Callable[..., Any], BackboneFacts] = Registry(
    kind="backbone",
    package="lse.representation.encoders.backbones",
    group="lse.backbones",
    parameters=Parameters,
    facts=BackboneFacts,
)


def check_image_shape(name: str, shape: tuple[int, ...]) -> None:
    """Check that a backbone takes images (n, channels, height, width).

    Raises
    ------
    InvalidArgumentError
        When the shape is not that of images, they are not square, or their side is out of the backbone's range.
    """
    facts = BACKBONES[name].facts
    if len(shape) != 4 or shape[1] < 1:
        raise InvalidArgumentError(
            f"Prepared images must have the shape (images, channels, height, width), not {shape}.",
            reason="IMAGES_SHAPE_INVALID",
            shape=shape,
        )
    _, _, height, width = shape
    if height != width:
        raise InvalidArgumentError(
            f"The backbone {name} takes square images, not {width}x{height} pixels; give the recipe a square size.",
            reason="IMAGE_SIZE_UNSUPPORTED",
            height=height,
            width=width,
        )
    if not facts.minimum_size <= height <= facts.maximum_size:
        raise InvalidArgumentError(
            f"The backbone {name} takes images of {facts.minimum_size} to {facts.maximum_size} pixels a side, "
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
        Of the backbone, or the import path of one's own: a torch module that turns images into feature maps (n,
        features, h, w) or vectors (n, features) and takes any of `channels`, `size` and `width`.
    channels, size
        Of the images: bands, and side in pixels.
    width
        Feature maps of the first stage; the others follow from it.

    Raises
    ------
    InvalidArgumentError
        When there is no such backbone, or it cannot be so wide.
    """
    backbone = BACKBONES[name]
    if width % backbone.facts.width_multiple:
        raise InvalidArgumentError(
            f"The backbone {name} cannot be {width} wide: choose a multiple of {backbone.facts.width_multiple}, such "
            f"as {backbone.facts.standard_width}.",
            reason="WIDTH_UNSUPPORTED",
            width=width,
        )
    from lse.representation.encoders.networks import as_backbone  # loads torch

    return as_backbone(backbone.run, channels=channels, size=size, width=width)
