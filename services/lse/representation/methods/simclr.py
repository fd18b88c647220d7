"""SimCLR: two random views of an image belong together, those of different images apart.

Chen et al. 2020, https://arxiv.org/abs/2002.05709; loss and projection head are those of lightly.
"""

from __future__ import annotations

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.method import TrainingFacts, TrainingMethod
from lse.representation.methods.two_views import TwoViews
from lse.representation.methods.views import ViewParameters

__all__ = ["METHOD", "SimCLR", "SimCLRParameters"]


class SimCLRParameters(ViewParameters):
    """Parameters of SimCLR."""

    temperature: float = Field(
        default=0.1, ge=0.01, le=10, description="Lower values push the nearest different images further apart."
    )
    projection_dim: int = Field(
        default=64, ge=2, le=4096, description="Length of the vector that the loss compares, on top of the latent one."
    )
    projection_hidden: int = Field(default=256, ge=2, le=8192, description="Hidden units of the projection head.")


class SimCLR(TwoViews):
    """Contrastive learning with the normalised temperature-scaled cross entropy."""

    def __init__(self, parameters: SimCLRParameters) -> None:
        from lightly.loss import NTXentLoss
        from lightly.models.modules import SimCLRProjectionHead

        super().__init__(
            parameters, criterion=NTXentLoss(temperature=parameters.temperature), head=SimCLRProjectionHead
        )


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="simclr",
    title="SimCLR (contrastive)",
    summary="Learns what stays the same when an image is rotated, mirrored, cropped and rescaled; best for finding "
    "classes.",
    parameters=SimCLRParameters,
    run=SimCLR,
    facts=SimCLR.facts,
    order=10,
)
