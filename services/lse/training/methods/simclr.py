"""SimCLR: two random views of an image belong together, those of different images apart.

Chen et al. 2020, https://arxiv.org/abs/2002.05709; loss and projection head are those of lightly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lse.training.methods.method import Method, MethodParameters, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lse.training.encoders.encoder import Encoder, Neck

__all__ = ["SimCLR", "SimCLRParameters"]


class SimCLRParameters(MethodParameters):
    """Parameters of SimCLR."""

    temperature: float = Field(
        default=0.1, ge=0.01, le=10, description="Lower values push the nearest different images further apart."
    )
    projection_dim: int = Field(
        default=64, ge=2, le=4096, description="Length of the vector that the loss compares, on top of the latent one."
    )
    projection_hidden: int = Field(default=256, ge=2, le=8192, description="Hidden units of the projection head.")
    rotation: float = Field(
        default=180, ge=0, le=180, description="Largest random rotation to either side in degrees; 180 means any."
    )
    flip: bool = Field(default=True, description="Mirror images at random; turn off where handedness matters.")
    zoom: float = Field(
        default=0.5, ge=0, le=3, description="Random scaling by up to this fraction, larger or smaller."
    )
    shift: float = Field(default=0.05, ge=0, le=0.5, description="Largest random shift, as a fraction of the side.")
    brightness: float = Field(
        default=0.2, ge=0, le=10, description="Random scaling of the signal by up to this fraction, all bands alike."
    )
    colour: float = Field(
        default=0.0, ge=0, le=10, description="Random scaling of each band on its own; 0 keeps colours meaningful."
    )
    noise: float = Field(
        default=0.5, ge=0, le=10, description="Largest added noise, in units of the image's own background noise."
    )
    blur: float = Field(default=0.0, ge=0, le=10, description="Largest random blur: its standard deviation in pixels.")


class SimCLR(Method):
    """Contrastive learning with the normalised temperature-scaled cross entropy."""

    name: ClassVar[str] = "simclr"
    title: ClassVar[str] = "SimCLR (contrastive)"
    summary: ClassVar[str] = (
        "Learns what stays the same when an image is rotated, mirrored, cropped and rescaled; best for finding classes."
    )
    parameters_class: ClassVar[type[MethodParameters]] = SimCLRParameters
    neck: ClassVar[Neck] = "pooled"

    def __init__(self, parameters: SimCLRParameters) -> None:
        from lightly.loss import NTXentLoss

        from lse.training.augmentation import Augmentation

        self._parameters = parameters
        self._criterion = NTXentLoss(temperature=parameters.temperature)
        self._augmentation = Augmentation(
            rotation=parameters.rotation,
            flip=parameters.flip,
            zoom=parameters.zoom,
            shift=parameters.shift,
            brightness=parameters.brightness,
            colour=parameters.colour,
            noise=parameters.noise,
            blur=parameters.blur,
        )

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Projection head."""
        from lightly.models.modules import SimCLRProjectionHead

        return {
            "projection": SimCLRProjectionHead(
                encoder.dimension, self._parameters.projection_hidden, self._parameters.projection_dim
            )
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrastive loss between two views of every image."""
        import torch

        from lse.training.augmentation import augment

        views = torch.cat([augment(images, self._augmentation, step.generator) for _ in range(2)])
        if views.device.type == "cpu":
            views = views.contiguous(memory_format=torch.channels_last)
        first, second = parts["projection"](encoder.features(views)).chunk(2)
        return self._criterion(first, second), {}
