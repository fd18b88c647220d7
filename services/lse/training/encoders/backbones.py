"""The backbones by name: what each can take, checked before anything is built.

A backbone turns normalised images (n, channels, size, size) into feature maps (n, features, h, w); an encoder pools or
flattens them.  A new backbone is one `Backbone` entry here and one module that builds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lse.training.encoders.networks import BackboneNetwork

__all__ = ["Backbone", "build_backbone", "check_image_shape", "get_backbone", "list_backbones"]


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
    builder
        ``module:function`` that builds the network from (channels, size, width); imported when first used, since it
        needs torch.
    """

    name: str
    summary: str
    minimum_size: int
    maximum_size: int
    builder: str


_BACKBONES = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="small-conv",
            summary="A few strided convolutions: for some thousand small images on a machine without GPU.",
            minimum_size=16,
            maximum_size=1024,
            builder="lse.training.encoders.networks:SmallConv",
        ),
    )
}


def list_backbones() -> tuple[Backbone, ...]:
    """All backbones, in the order in which they are offered."""
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
    """
    module, function = get_backbone(name).builder.split(":")
    build = cast("Callable[..., BackboneNetwork]", getattr(import_module(module), function))
    return build(channels=channels, size=size, width=width)
