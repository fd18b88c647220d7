"""Small convolutional network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lse.methods import Method
from lse.parameters import Parameters
from lse.representation.encoders.backbones import BackboneFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from lse.representation.encoders.networks import BackboneNetwork

__all__ = ["METHOD"]


def _build(*, channels: int, size: int, width: int) -> BackboneNetwork:
    from lse.representation.encoders.networks import SmallConv  # loads torch

    return SmallConv(channels=channels, size=size, width=width)


METHOD: Method[Callable[..., BackboneNetwork], BackboneFacts] = Method(
    id="small-conv",
    title="Small convolutional network",
    summary="A few strided convolutions: for some thousand small images on a machine without a GPU.",
    parameters=Parameters,
    run=_build,
    facts=BackboneFacts(minimum_size=16, standard_width=32, learning_rate=2e-3, width_of_few=16),
    order=10,
)
