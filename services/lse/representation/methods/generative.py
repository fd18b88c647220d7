"""What the generative methods share: views to learn from, and the decoder that draws an image from its vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from lse.representation.methods.method import CHOSEN, Auto, TrainingMethod, TrainingParameters

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from lse.representation.encoders.encoder import Encoder

__all__ = ["GenerativeMethod", "GenerativeParameters"]


class GenerativeParameters(TrainingParameters):
    """Parameters that all generative methods share."""

    decoder_width: int = Field(
        default=8,
        ge=2,
        le=256,
        description="Feature maps of the decoder's finest stage: more gives finer detail and takes longer.",
    )
    rotation: Auto[float] = Field(
        default=CHOSEN,
        ge=0,
        le=180,
        description="Random rotation of the images by up to this angle in degrees; 180 means any.",
    )
    flip: Auto[bool] = Field(default=CHOSEN, description="Mirror the images at random.")


class GenerativeMethod(TrainingMethod):
    """A method with a decoder, which is kept beside the encoder; it needs to know where things are: a flat neck."""

    def __init__(self, parameters: GenerativeParameters) -> None:
        from lse.representation.training.augmentation import Augmentation

        self._decoder_width = parameters.decoder_width
        self._augmentation = Augmentation(
            rotation=parameters.rotation, flip=parameters.flip, zoom=0, shift=0, brightness=0
        )
        self._augmented = parameters.rotation > 0 or parameters.flip

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Decoder."""
        from lse.representation.encoders.networks import ConvDecoder

        return {
            "decoder": ConvDecoder(
                dimension=encoder.dimension, channels=encoder.channels, size=encoder.size, width=self._decoder_width
            )
        }

    def views(self, images: Tensor, generator: Generator) -> Tensor:
        """Images (n, channels, size, size) as they are shown: rotated and mirrored at random."""
        import torch

        from lse.representation.training.augmentation import augment

        if self._augmented:
            images = augment(images, self._augmentation, generator)
        return images.contiguous(memory_format=torch.channels_last) if images.device.type == "cpu" else images
