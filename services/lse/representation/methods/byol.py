"""BYOL: predicts what a slowly following copy of the encoder says of another view of the same image.

Grill et al. 2020, https://arxiv.org/abs/2006.07733; loss and heads are those of lightly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.method import Step, TrainingFacts, TrainingMethod
from lse.representation.methods.teacher import follow, teacher_of
from lse.representation.methods.views import ViewParameters, views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lse.representation.encoders.encoder import Encoder

__all__ = ["BYOL", "METHOD", "BYOLParameters"]


class BYOLParameters(ViewParameters):
    """Parameters of BYOL."""

    momentum: float = Field(
        default=0.97,
        ge=0,
        le=1,
        description="Share of itself that the teacher keeps in a step, at the start; it rises to 1.",
    )
    projection_dim: int = Field(
        default=64, ge=2, le=4096, description="Length of the vector that the loss compares, on top of the latent one."
    )
    projection_hidden: int = Field(
        default=256, ge=2, le=8192, description="Hidden units of the projection and of the prediction head."
    )


class BYOL(TrainingMethod):
    """Bootstrap your own latent: no negatives; a prediction head and a teacher keep it from collapse.

    The teacher stays in training mode: it normalises by the statistics of its batch, as in the paper, which spreads
    its vectors over the space whatever its weights are.
    """

    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="pooled", loss_ranks=False)

    def __init__(self, parameters: BYOLParameters) -> None:
        from lightly.loss import NegativeCosineSimilarity

        self._parameters = parameters
        self._criterion = NegativeCosineSimilarity()
        self._augmentation = parameters.augmentation()

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Projection and prediction head, and the teacher's encoder and projection head."""
        from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead

        length, hidden = self._parameters.projection_dim, self._parameters.projection_hidden
        projection = BYOLProjectionHead(encoder.dimension, hidden, length)
        return {
            "projection": projection,
            "prediction": BYOLPredictionHead(length, hidden, length),
            "teacher": teacher_of(encoder),
            "teacher_projection": teacher_of(projection),
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Negative cosine between the prediction for one view and the teacher's vector of the other, both ways."""
        import torch

        pairs = views(images, self._augmentation, step.generator)
        first, second = parts["prediction"](parts["projection"](encoder.features(pairs))).chunk(2)
        teacher = cast("Encoder", parts["teacher"])
        with torch.no_grad():
            of_first, of_second = parts["teacher_projection"](teacher.features(pairs)).chunk(2)
        return 0.5 * (self._criterion(first, of_second) + self._criterion(second, of_first)), {}

    def after_step(self, encoder: Encoder, parts: Mapping[str, nn.Module], step: Step) -> None:
        """Let the teacher follow."""
        follow(encoder, parts["teacher"], momentum=self._parameters.momentum, step=step)
        follow(parts["projection"], parts["teacher_projection"], momentum=self._parameters.momentum, step=step)


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="byol",
    title="BYOL (student and teacher)",
    summary="Learns what stays the same in random views from a slowly moving copy of itself, without negative pairs.",
    parameters=BYOLParameters,
    run=BYOL,
    facts=BYOL.facts,
    order=20,
)
