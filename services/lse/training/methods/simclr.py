"""SimCLR: two random views of an image belong together, those of different images apart.

Chen et al. 2020, https://arxiv.org/abs/2002.05709; loss and projection head are those of lightly.
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

__all__ = ["SimCLR", "SimCLRParameters"]


class SimCLRParameters(ViewParameters):
    """Parameters of SimCLR."""

    temperature: float = Field(
        default=0.1, ge=0.01, le=10, description="Lower values push the nearest different images further apart."
    )
    projection_dim: int = Field(
        default=64, ge=2, le=4096, description="Length of the vector that the loss compares, on top of the latent one."
    )
    projection_hidden: int = Field(default=256, ge=2, le=8192, description="Hidden units of the projection head.")


class SimCLR(Method):
    """Contrastive learning with the normalised temperature-scaled cross entropy."""

    name: ClassVar[str] = "simclr"
    title: ClassVar[str] = "SimCLR (contrastive)"
    summary: ClassVar[str] = (
        "Learns what stays the same when an image is rotated, mirrored, cropped and rescaled; best for finding classes."
    )
    parameters_class: ClassVar[type[MethodParameters]] = SimCLRParameters
    neck: ClassVar[Neck] = "pooled"

    def __init__(self, parameters: SimCLRParameters) -> None:
        from lightly.loss import NTXentLoss

        self._parameters = parameters
        # Processes that share a run have batches that can differ by an image, which lightly cannot gather: each tells
        # its own images apart.
        self._criterion = NTXentLoss(temperature=parameters.temperature)
        self._augmentation = parameters.augmentation()

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Projection head."""
        from lightly.models.modules import SimCLRProjectionHead

        return {
            "projection": SimCLRProjectionHead(
                encoder.dimension, self._parameters.projection_hidden, self._parameters.projection_dim
            )
        }

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Contrastive loss between two views of every image."""
        pairs = views(images, self._augmentation, step.generator)
        first, second = parts["projection"](encoder.features(pairs)).chunk(2)
        return self._criterion(first, second), {}
