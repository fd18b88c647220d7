"""What the generative methods share: views to learn from, and the decoder that draws an image from its vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lse.training.methods.method import CHOSEN, Auto, Method, MethodParameters

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    from lse.training.encoders.encoder import Encoder, Neck

__all__ = ["GenerativeMethod", "GenerativeParameters"]


class GenerativeParameters(MethodParameters):
    """Parameters that all generative methods share."""

    decoder_width: int = Field(
        default=8, ge=2, le=256, description="Feature maps of the decoder's finest stage: more is slower and finer."
    )
    rotation: Auto[float] = Field(
        default=CHOSEN,
        ge=0,
        le=180,
        description="Images are shown rotated by up to this angle in degrees; 180 means any.",
    )
    flip: Auto[bool] = Field(default=CHOSEN, description="Images are shown mirrored at random.")


class GenerativeMethod(Method):
    """A method with a decoder, which is kept beside the encoder."""

    # A decoder needs to know where things are.
    neck: ClassVar[Neck] = "flat"

    def __init__(self, parameters: GenerativeParameters) -> None:
        from lse.training.augmentation import Augmentation

        self._decoder_width = parameters.decoder_width
        self._augmentation = Augmentation(
            rotation=parameters.rotation, flip=parameters.flip, zoom=0, shift=0, brightness=0
        )
        self._augmented = parameters.rotation > 0 or parameters.flip

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Decoder."""
        from lse.training.encoders.networks import ConvDecoder

        return {
            "decoder": ConvDecoder(
                dimension=encoder.dimension, channels=encoder.channels, size=encoder.size, width=self._decoder_width
            )
        }

    def views(self, images: Tensor, generator: Generator) -> Tensor:
        """Images (n, channels, size, size) as they are shown: rotated and mirrored at random."""
        import torch

        from lse.training.augmentation import augment

        if self._augmented:
            images = augment(images, self._augmentation, generator)
        return images.contiguous(memory_format=torch.channels_last) if images.device.type == "cpu" else images
