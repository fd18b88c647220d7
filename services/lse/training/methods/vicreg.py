"""VICReg: two views of an image get the same vector, while the vectors keep their variance and shed their correlations.

Bardes, Ponce & LeCun 2022, https://arxiv.org/abs/2105.04906; loss and projection head are those of lightly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from lse.training.methods.method import Method, MethodParameters, Step
from lse.training.methods.views import ViewParameters, views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lse.training.encoders.encoder import Encoder, Neck

__all__ = ["VICReg", "VICRegParameters"]


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


class VICReg(Method):
    """Variance, invariance and covariance regularisation: no negatives, no teacher."""

    name: ClassVar[str] = "vicreg"
    title: ClassVar[str] = "VICReg (decorrelating)"
    summary: ClassVar[str] = (
        "Learns what stays the same in random views without comparing images, with components that say different "
        "things; also for small batches."
    )
    parameters_class: ClassVar[type[MethodParameters]] = VICRegParameters
    neck: ClassVar[Neck] = "pooled"

    def __init__(self, parameters: VICRegParameters) -> None:
        from lightly.loss import VICRegLoss

        self._parameters = parameters
        # Processes that share a run have batches that can differ by an image, which lightly cannot gather: each takes
        # the statistics of its own images.
        self._criterion = VICRegLoss(
            lambda_param=parameters.invariance,
            mu_param=parameters.variance,
            nu_param=parameters.covariance,
        )
        self._augmentation = parameters.augmentation()

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Projection head."""
        from lightly.models.modules.heads import VICRegProjectionHead

        return {
            "projection": VICRegProjectionHead(
                encoder.dimension, self._parameters.projection_hidden, self._parameters.projection_dim
            )
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of two views of every image."""
        pairs = views(images, self._augmentation, step.generator)
        first, second = parts["projection"](encoder.features(pairs)).chunk(2)
        return self._criterion(first, second), {}
