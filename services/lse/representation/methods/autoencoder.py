"""Convolutional autoencoder: the vector must hold what is needed to draw the image again.

With `noise` or `masking` it is a denoising one (Vincent et al. 2008, https://doi.org/10.1145/1390156.1390294): the
encoder sees a spoilt image and the decoder draws the clean one.  With `sparsity` it is a sparse one: each axis of the
vector is near its mean for most images and far from it for few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.generative import GenerativeMethod, GenerativeParameters
from lse.representation.methods.method import TrainingFacts, TrainingMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor, nn

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.methods.method import Step

__all__ = ["METHOD", "Autoencoder", "AutoencoderParameters"]


class AutoencoderParameters(GenerativeParameters):
    """Parameters of the autoencoder."""

    noise: float = Field(
        default=0,
        ge=0,
        le=10,
        description="Noise added to the images that the encoder sees, in standard deviations of the pixels of a band; "
        "the clean images are drawn.",
    )
    masking: float = Field(
        default=0,
        ge=0,
        lt=1,
        description="Share of the pixels hidden from the encoder; the whole images are drawn.",
    )
    sparsity: float = Field(
        default=0,
        ge=0,
        le=10,
        description="Weight of the mean absolute component of the vectors: more lets each axis speak for fewer images.",
    )


class Autoencoder(GenerativeMethod):
    """Encoder and decoder under the mean squared error of normalised pixels."""

    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="flat")

    def __init__(self, parameters: AutoencoderParameters) -> None:
        super().__init__(parameters)
        self._noise, self._masking, self._sparsity = parameters.noise, parameters.masking, parameters.sparsity

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error between the images, in units of their variance over the training set, and their copies.

        The L1 penalty cannot be escaped by smaller vectors: the encoder gives each axis unit variance, so the mean
        absolute value falls only where few images carry that variance.
        """
        from torch.nn import functional

        images = self.views(images, step.generator)
        vectors = encoder.features(self._spoil(images, step.generator))
        reconstruction = functional.mse_loss(parts["decoder"](vectors), images)
        if self._sparsity == 0:
            return reconstruction, {"reconstruction": reconstruction}
        magnitude = vectors.abs().mean()
        return reconstruction + self._sparsity * magnitude, {"reconstruction": reconstruction, "magnitude": magnitude}

    def _spoil(self, images: Tensor, generator: Generator) -> Tensor:
        """Images with noise and hidden pixels; a hidden pixel has the mean of its band over the training set, 0."""
        import torch

        if self._noise > 0:
            # `empty_like` keeps the memory layout of the images.
            images = images + self._noise * torch.empty_like(images).normal_(generator=generator)
        if self._masking > 0:
            seen = torch.rand(len(images), 1, *images.shape[2:], generator=generator, device=images.device)
            images = images * (seen >= self._masking)
        return images


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="autoencoder",
    title="Convolutional autoencoder",
    summary="Learns to reconstruct each image from its vector; keeps a decoder for explanations.",
    parameters=AutoencoderParameters,
    run=Autoencoder,
    facts=Autoencoder.facts,
    order=60,
)
