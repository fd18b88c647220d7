"""Random views of images, for all methods that learn from them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from lse.representation.methods.method import CHOSEN, Auto, TrainingParameters

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from lse.representation.training.augmentation import Augmentation

__all__ = ["ViewParameters", "views"]


class ViewParameters(TrainingParameters):
    """Parameters of the random views; the methods that learn from views add their own."""

    neck: Auto[Literal["pooled", "flat"]] = Field(
        default=CHOSEN,
        description="How feature maps become a vector: pooled forgets where things are, flat keeps it.",
    )
    rotation: Auto[float] = Field(
        default=CHOSEN, ge=0, le=180, description="Largest random rotation to either side in degrees; 180 means any."
    )
    flip: Auto[bool] = Field(
        default=CHOSEN, description="Exchange left and right at random; turn off where handedness matters."
    )
    zoom: Auto[float] = Field(
        default=CHOSEN, ge=0, le=3, description="Random scaling by up to this fraction, larger or smaller."
    )
    shift: Auto[float] = Field(
        default=CHOSEN, ge=0, le=0.5, description="Largest random shift, as a fraction of the side."
    )
    crop: Auto[float] = Field(
        default=CHOSEN,
        gt=0,
        le=1,
        description="Smallest share of the area that is cut out at a random place, for photos; 1 cuts nothing.",
    )
    brightness: Auto[float] = Field(
        default=CHOSEN, ge=0, le=10, description="Random scaling of the signal by up to this fraction, all bands alike."
    )
    colour: Auto[float] = Field(
        default=CHOSEN, ge=0, le=10, description="Random scaling of each band on its own; 0 keeps colours meaningful."
    )
    offset: Auto[float] = Field(
        default=CHOSEN,
        ge=0,
        le=10,
        description="Largest level added to all bands or taken from them, in standard deviations of the pixels.",
    )
    saturation: Auto[float] = Field(
        default=CHOSEN, ge=0, le=1, description="Differences between the bands are scaled by up to this fraction."
    )
    hue: Auto[float] = Field(
        default=CHOSEN, ge=0, le=1, description="Standard deviation of the shares in which the bands are mixed."
    )
    grey: Auto[float] = Field(
        default=CHOSEN, ge=0, le=1, description="Share of the views in which all bands are replaced by their mean."
    )
    noise: Auto[float] = Field(
        default=CHOSEN, ge=0, le=10, description="Largest added noise, in units of the image's own background noise."
    )
    blur: Auto[float] = Field(
        default=CHOSEN, ge=0, le=10, description="Largest random blur: its standard deviation in pixels."
    )

    def augmentation(self) -> Augmentation:
        """How much views differ from their image; what was not chosen yet is as for images of the sky."""
        from lse.representation.training.augmentation import Augmentation

        values = self.model_dump(include={field.name for field in fields(Augmentation)}, exclude_none=True)
        return Augmentation(**values)


def views(images: Tensor, augmentation: Augmentation, generator: Generator, *, count: int = 2) -> Tensor:
    """Random views of every image, the first of all images, then the second of all, and so on.

    Parameters
    ----------
    images
        Normalised images (n, channels, size, size).
    augmentation
        How much views differ from their image.
    generator
        Source of all randomness.
    count
        Views of an image.

    Returns
    -------
    Tensor
        Shape (count * n, channels, size, size), laid out as the networks of the device compute fastest.
    """
    import torch

    from lse.representation.training.augmentation import augment

    drawn = torch.cat([augment(images, augmentation, generator) for _ in range(count)])
    return drawn.contiguous(memory_format=torch.channels_last) if drawn.device.type == "cpu" else drawn
