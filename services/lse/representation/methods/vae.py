"""Variational autoencoder: the vector of an image is the mean of a cloud of vectors that all draw it well.

Kingma & Welling 2014, https://arxiv.org/abs/1312.6114; `beta` of Higgins et al. 2017 (beta-VAE); noise of the pixels
as in the sigma-VAE of Rybkin et al. 2021, https://arxiv.org/abs/2006.13202; normalised means against posterior collapse
as in the BN-VAE of Zhu et al. 2020, https://arxiv.org/abs/2004.12585.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.generative import GenerativeMethod, GenerativeParameters
from lse.representation.methods.method import TrainingFacts, TrainingMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.encoders.networks import PosteriorSpread
    from lse.representation.methods.method import Step

__all__ = ["METHOD", "VAE", "VAEParameters"]

# Least mean squared error that pays, in variances of the pixels.
_LEAST_ERROR = 1e-6


class VAEParameters(GenerativeParameters):
    """Parameters of the variational autoencoder."""

    beta: float = Field(
        default=1,
        ge=0,
        le=1000,
        description="Weight of the information in the vectors against that in the pixels: more keeps fewer details "
        "and gives a smoother space.",
    )
    kl_warmup: float = Field(
        default=0.25, ge=0, le=1, description="Share of the run over which beta rises from zero to its value."
    )


class VAE(GenerativeMethod):
    """Encoder, decoder and a normal posterior of independent axes under the evidence lower bound.

    The prior is the standard normal distribution, so the decoder draws new images from random vectors.
    """

    # The loss rises while the prior gains weight.
    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="flat", head="scaled", prior="normal", loss_ranks=False)

    def __init__(self, parameters: VAEParameters) -> None:
        super().__init__(parameters)
        self._beta, self._warmup = parameters.beta, parameters.kl_warmup

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Decoder, and the layer that tells how uncertain a vector is."""
        from lse.representation.encoders.networks import PosteriorSpread

        return {
            **super().parts(encoder),
            "spread": PosteriorSpread(inputs=encoder.summary_length, dimension=encoder.dimension),
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative evidence lower bound in nats a pixel, with the noise of the pixels that fits best.

        Figures are the mean squared error in variances of the pixels, the Kullback-Leibler divergence in nats an
        image, and the count of axes whose means have more than a hundredth of the prior's variance.
        """
        import torch

        images = self.views(images, step.generator)
        summary = encoder.summary(images)
        mean = encoder.head(summary).float()
        log_variance = 2 * encoder.scale.log() + parts["spread"](summary).float()
        noise = torch.empty_like(mean).normal_(generator=step.generator)
        drawn = parts["decoder"](mean + torch.exp(0.5 * log_variance) * noise)
        error = (drawn.float() - images).square().mean()
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
        beta = self._beta * (min(1.0, step.progress / self._warmup) if self._warmup > 0 else 1.0)
        # With the best noise level the likelihood of a pixel is half the logarithm of the error, up to a constant.
        loss = 0.5 * torch.log(error + _LEAST_ERROR) + beta * divergence / math.prod(images.shape[1:])
        active = (mean.detach().var(dim=0) > 0.01).sum().float()
        return loss, {"reconstruction": error, "kl": divergence, "active_axes": active}

    def after_step(self, encoder: Encoder, parts: Mapping[str, nn.Module], step: Step) -> None:  # noqa: ARG002 - the method's signature
        """Scale every axis so that means and uncertainties together have the variance of the prior.

        The images depend on the ratio of the two alone, and of all scales this one has the least divergence.
        """
        encoder.scale.data.copy_((1 + cast("PosteriorSpread", parts["spread"]).average).rsqrt())


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="vae",
    title="Variational autoencoder",
    summary="Learns to reconstruct each image from a noisy vector, which makes the space smooth; generates new "
    "images too.",
    parameters=VAEParameters,
    run=VAE,
    facts=VAE.facts,
    order=70,
)
