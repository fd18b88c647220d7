"""OwnMethod: what of an image stays the same in two random views, learnt without any other image (SimSiam).

Chen & He 2021, https://arxiv.org/abs/2011.10566.  Change the loss, the networks and the parameters to yours; train with

    PYTHONPATH=FOLDER lse up
    lse encoder train mine --dataset survey --method own_method:METHOD
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from lse.methods import Method
from lse.representation.encoders.encoder import Encoder
from lse.representation.methods.method import Step, TrainingFacts, TrainingMethod
from lse.representation.methods.views import ViewParameters, views

__all__ = ["METHOD", "OwnMethod", "OwnMethodParameters"]


class OwnMethodParameters(ViewParameters):
    """What `--set` takes, beside backbone, epochs, views and what else all methods have."""

    predictor_hidden: int = Field(default=32, ge=2, le=4096, description="Hidden units of the predictor.")


class OwnMethod(TrainingMethod):
    """The loss, and the networks that are needed beside the encoder."""

    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="pooled")

    def __init__(self, parameters: OwnMethodParameters) -> None:
        self._parameters = parameters
        self._augmentation = parameters.augmentation()

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Networks that are trained with the encoder and thrown away in the end; one called ``decoder`` is kept."""
        hidden = self._parameters.predictor_hidden
        predictor = nn.Sequential(
            nn.Linear(encoder.dimension, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, encoder.dimension),
        )
        return {"predictor": predictor}

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss on a batch of normalised images (n, channels, size, size), and further figures for the curves."""
        pairs = views(images, self._augmentation, step.generator)
        first, second = encoder.features(pairs).chunk(2)
        forth, back = parts["predictor"](first), parts["predictor"](second)
        # Each view predicts the other, which is held fixed: without that all vectors would become one.
        agreement = (
            functional.cosine_similarity(forth, second.detach()).mean()
            + functional.cosine_similarity(back, first.detach()).mean()
        ) / 2
        return -agreement, {"agreement": agreement.detach()}


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="own-method",
    title="OwnMethod",
    summary="Each view of an image predicts the other.",
    parameters=OwnMethodParameters,
    run=OwnMethod,
    facts=OwnMethod.facts,
)
