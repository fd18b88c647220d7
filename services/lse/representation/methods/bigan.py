"""BiGAN: a generator draws images from random vectors, an encoder goes the other way, and a critic compares the pairs.

Donahue et al. 2017, https://arxiv.org/abs/1605.09782, and ALI, Dumoulin et al. 2017, https://arxiv.org/abs/1606.00704;
kept stable by spectral normalisation and the hinge loss (Miyato et al. 2018, https://arxiv.org/abs/1802.05957), and by
drawing the real images again (ALICE, Li et al. 2017, https://arxiv.org/abs/1709.01215).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.generative import GenerativeMethod, GenerativeParameters
from lse.representation.methods.method import TrainingFacts, TrainingMethod

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lse.representation.encoders.encoder import Encoder
    from lse.representation.methods.method import Step

__all__ = ["METHOD", "BiGAN", "BiGANParameters"]


class BiGANParameters(GenerativeParameters):
    """Parameters of the BiGAN."""

    # A game of two networks wants many small steps.
    batch_size: int = Field(default=64, ge=2, le=65_536, description="Images in a step.")
    learning_rate: float = Field(
        default=1e-3, gt=0, le=10, description="Largest step of the optimiser; it rises in the warm-up and then falls."
    )
    # Twice as many images are drawn and judged as in the other methods.
    decoder_width: int = Field(
        default=4, ge=2, le=256, description="Feature maps of the decoder's finest stage: more is slower and finer."
    )
    critic_width: int = Field(
        default=8, ge=4, le=512, description="Feature maps of the critic's first stage: more judges finer."
    )
    reconstruction: float = Field(
        default=0.2,
        ge=0,
        le=1000,
        description="Weight of the distance between real images and their copies against the score of the critic; 0 "
        "leaves it to the critic alone to tie image and vector.",
    )


class BiGAN(GenerativeMethod):
    """Encoder and generator against a critic of pairs of image and vector, and a light reconstruction error.

    The encoder's vectors have zero mean and unit variance on each axis, as those have that the generator draws from.
    """

    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="flat", prior="normal", loss_ranks=False)

    def __init__(self, parameters: BiGANParameters) -> None:
        super().__init__(parameters)
        self._critic_width, self._reconstruction = parameters.critic_width, parameters.reconstruction

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Generator, kept as the decoder, and critic."""
        from lse.representation.encoders.networks import PairCritic

        critic = PairCritic(
            dimension=encoder.dimension, channels=encoder.channels, size=encoder.size, width=self._critic_width
        )
        return {**super().parts(encoder), "critic": critic}

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Both sides of the game and the reconstruction error, each lowered by its own networks alone.

        Figures are the mean squared error in variances of the pixels, and the critic's mean score of real and of
        drawn pairs: equal scores mean that it cannot tell them apart.
        """
        import torch
        from torch.func import functional_call
        from torch.nn import functional

        critic, generator = parts["critic"], parts["decoder"]
        images = self.views(images, step.generator)
        vectors = encoder.features(images)
        prior = torch.empty_like(vectors).normal_(generator=step.generator)
        # Drawn together, so that the generator normalises both alike.
        again, new = generator(torch.cat([vectors, prior])).chunk(2)
        squares = (again.float() - images).square().flatten(start_dim=1)
        # A distance between images, as that is what bounds the change of the critic's score.
        distance = torch.sqrt(squares.sum(dim=1) + 1e-6).mean()
        pairs = torch.cat([images, new]), torch.cat([vectors, prior])

        # The critic learns from pairs that carry no gradient ...
        real, drawn = cast("Tensor", critic(*(pair.detach() for pair in pairs))).chunk(2)
        critic_loss = functional.relu(1 - real).mean() + functional.relu(1 + drawn).mean()
        # ... and encoder and generator from a critic whose weights carry none.
        fixed = {name: weight.detach() for name, weight in critic.named_parameters()}
        towards_drawn, towards_real = functional_call(critic, fixed, pairs).chunk(2)
        game_loss = towards_drawn.mean() - towards_real.mean()

        loss = critic_loss + game_loss + self._reconstruction * distance
        figures = {"reconstruction": squares.mean(), "real_score": real.mean(), "drawn_score": drawn.mean()}
        return loss, figures


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="bigan",
    title="GAN with an encoder (BiGAN)",
    summary="Learns to generate images that a critic cannot tell from real ones, and the vectors of the real ones.",
    parameters=BiGANParameters,
    run=BiGAN,
    facts=BiGAN.facts,
    order=80,
)
