"""ResNet-50."""

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
    from lse.representation.encoders.resnet import resnet50  # loads torch

    return resnet50(channels=channels, size=size, width=width)


METHOD: Method[Callable[..., BackboneNetwork], BackboneFacts] = Method(
    id="resnet50",
    title="ResNet-50",
    summary="Residual network of 50 layers: for a hundred thousand images and more; needs a GPU.",
    parameters=Parameters,
    run=_build,
    facts=BackboneFacts(pretrained="torchvision/resnet50"),
    order=40,
)
