"""VICReg: two views of an image get the same vector, while the vectors keep their variance and shed their correlations.

Bardes, Ponce & LeCun 2022, https://arxiv.org/abs/2105.04906; loss and projection head are those of lightly.
"""

from __future__ import annotations

from pydantic import Field

from lse.methods import Method
from lse.representation.methods.method import TrainingFacts, TrainingMethod
from lse.representation.methods.two_views import TwoViews
from lse.representation.methods.views import ViewParameters

__all__ = ["METHOD", "VICReg", "VICRegParameters"]


class VICRegParameters(ViewParameters):
    """Parameters of VICReg."""

    invariance: float = Field(
        default=25, ge=0, le=1000, description="Weight of the distance between two views of an image."
    )
    variance: float = Field(
        default=25, ge=0, le=1000, description="Weight that keeps every component of the projection spread out."
    )
    covariance: float = Field(
        default=1, ge=0, le=1000, description="Weight that keeps the components of the projection uncorrelated."
    )
    projection_dim: int = Field(
        default=256, ge=2, le=8192, description="Length of the vector that the loss compares, on top of the latent one."
    )
    projection_hidden: int = Field(default=256, ge=2, le=8192, description="Hidden units of the projection head.")


class VICReg(TwoViews):
    """Variance, invariance and covariance regularisation: no negatives, no teacher."""

    def __init__(self, parameters: VICRegParameters) -> None:
        from lightly.loss import VICRegLoss
        from lightly.models.modules.heads import VICRegProjectionHead

        criterion = VICRegLoss(
            lambda_param=parameters.invariance, mu_param=parameters.variance, nu_param=parameters.covariance
        )
        super().__init__(parameters, criterion=criterion, head=VICRegProjectionHead)


METHOD: Method[type[TrainingMethod], TrainingFacts] = Method(
    id="vicreg",
    title="VICReg (decorrelating)",
    summary="Learns what stays the same in random views without negative pairs, with decorrelated components; also "
    "suits small batches.",
    parameters=VICRegParameters,
    run=VICReg,
    facts=VICReg.facts,
    order=30,
)
