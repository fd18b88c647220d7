"""Masked autoencoder: the vector of the visible patches of an image must hold what is needed to draw the hidden ones.

He et al. 2022, https://arxiv.org/abs/2111.06377: the vision transformer computes the visible patches alone.  A
convolutional backbone needs whole images; there hidden patches are blanked, as in SimMIM (Xie et al. 2022,
https://arxiv.org/abs/2111.09886).

In both papers the decoder sees the features of every patch, and what it learned is taken up by fine-tuning with labels.
Here vectors are compared as they are, so the decoder sees the vector alone: what it needs has to be in there.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.generative import GenerativeMethod, GenerativeParameters
from lse.representation.methods.method import TrainingFacts, TrainingMethod

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Generator, Tensor, nn

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.methods.method import Step

__all__ = ["METHOD", "MaskedAutoencoder", "MaskedAutoencoderParameters"]


class MaskedAutoencoderParameters(GenerativeParameters):
    """Parameters of the masked autoencoder."""

    mask_ratio: float = Field(
        default=0.6, gt=0, lt=1, description="Share of the patches that are hidden and have to be drawn."
    )


class MaskedAutoencoder(GenerativeMethod):
    """Hides patches from the encoder and draws them from its vector."""

    # Of the patches a vision transformer sees there is no grid.
    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="pooled")

    def __init__(self, parameters: MaskedAutoencoderParameters) -> None:
        super().__init__(parameters)
        self._mask_ratio = parameters.mask_ratio

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error of the hidden pixels, in units of their variance over the training set."""
        import torch

        images = self.views(images, step.generator)
        visible, hidden = self._masks(images, step.generator)
        with _kept_statistics(encoder):
            drawn = parts["decoder"](_vectors(encoder, images, visible=visible, hidden=hidden))
        if encoder.training:
            # Normalisations shall know whole images, which is what they meet after the training.
            with torch.no_grad():
                encoder.features(images)
        loss = ((drawn - images).square() * hidden).sum() / (hidden.sum() * images.shape[1])
        return loss, {}

    def _masks(self, images: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Numbers of the visible patches, (n, visible), and hidden pixels as ones, (n, 1, size, size)."""
        import torch

        from lse.representation.encoders.vision_transformer import patch_size

        count, size = len(images), images.shape[-1]
        patch = patch_size(size)
        grid = -(-size // patch)
        seen = min(max(1, round((1 - self._mask_ratio) * grid**2)), grid**2 - 1)
        order = torch.rand(count, grid**2, generator=generator, device=images.device).argsort(dim=1)
        visible = order[:, :seen]
        hidden = torch.ones_like(order, dtype=images.dtype).scatter_(1, visible, 0).reshape(count, 1, grid, grid)
        pixels = hidden.repeat_interleave(patch, dim=2).repeat_interleave(patch, dim=3)
        # An image whose side is not a multiple of the patch lies in the middle of its patches.
        middle = slice(first := (grid * patch - size) // 2, first + size)
        return visible, pixels[..., middle, middle]


def _vectors(encoder: Encoder, images: Tensor, *, visible: Tensor, hidden: Tensor) -> Tensor:
    """Vectors (n, dimension) of what is visible of images."""
    from lse.representation.encoders.vision_transformer import VisionTransformer

    if not isinstance(encoder.backbone, VisionTransformer):
        return encoder.features(images * (1 - hidden))  # zero is the mean of the band
    tokens = encoder.backbone.visible(images, visible)
    vectors: Tensor = encoder.head(encoder.pool(tokens.transpose(1, 2).unsqueeze(3)))
    return vectors


@contextlib.contextmanager
def _kept_statistics(network: nn.Module) -> Iterator[None]:
    """Within it, batch normalisations use the statistics of their batch without remembering them."""
    from torch.nn.modules.batchnorm import _BatchNorm

    momenta = [(module, module.momentum) for module in network.modules() if isinstance(module, _BatchNorm)]
    for module, _ in momenta:
        module.momentum = 0.0
    try:
        yield
    finally:
        for module, momentum in momenta:
            module.momentum = momentum


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="mae",
    title="Masked autoencoder",
    summary="Learns to reconstruct hidden parts of an image from the visible ones; keeps a decoder for explanations.",
    parameters=MaskedAutoencoderParameters,
    run=MaskedAutoencoder,
    facts=MaskedAutoencoder.facts,
    aliases=("masked-autoencoder",),
    order=50,
)
