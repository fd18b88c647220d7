"""Convolutional autoencoder: the vector must hold what is needed to draw the image again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lse.training.methods.method import Method, MethodParameters, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lse.training.encoders.encoder import Encoder, Neck

__all__ = ["Autoencoder", "AutoencoderParameters"]


class AutoencoderParameters(MethodParameters):
    """Parameters of the autoencoder."""

    rotation: float = Field(
        default=180, ge=0, le=180, description="Images are shown rotated by up to this angle in degrees; 180 means any."
    )
    flip: bool = Field(default=True, description="Images are shown mirrored at random.")


class Autoencoder(Method):
    """Encoder and mirrored decoder under the mean squared error of normalised pixels."""

    name: ClassVar[str] = "autoencoder"
    title: ClassVar[str] = "Convolutional autoencoder"
    summary: ClassVar[str] = "Learns to draw every image again from its vector; keeps a decoder for explanations."
    parameters_class: ClassVar[type[MethodParameters]] = AutoencoderParameters
    neck: ClassVar[Neck] = "flat"

    def __init__(self, parameters: AutoencoderParameters) -> None:
        from lse.training.augmentation import Augmentation

        self._augmentation = Augmentation(
            rotation=parameters.rotation, flip=parameters.flip, zoom=0, shift=0, brightness=0
        )
        self._augmented = parameters.rotation > 0 or parameters.flip

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Decoder."""
        from lse.training.encoders.networks import ConvDecoder

        return {
            "decoder": ConvDecoder(
                dimension=encoder.dimension,
                channels=encoder.channels,
                size=encoder.size,
                # Drawing at full size is dear: a quarter of the width costs about what the encoder does.
                width=max(4, encoder.width // 4),
            )
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error between the images, in units of their variance over the training set, and their copies."""
        import torch
        from torch.nn import functional

        from lse.training.augmentation import augment

        if self._augmented:
            images = augment(images, self._augmentation, step.generator)
        if images.device.type == "cpu":
            images = images.contiguous(memory_format=torch.channels_last)
        return functional.mse_loss(parts["decoder"](encoder.features(images)), images), {}
