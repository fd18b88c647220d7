"""ResNet-18."""

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
    from lse.representation.encoders.resnet import resnet18  # loads torch

    return resnet18(channels=channels, size=size, width=width)


METHOD: Method[Callable[..., BackboneNetwork], BackboneFacts] = Method(
    id="resnet18",
    title="ResNet-18",
    summary="Residual network of 18 layers: the usual choice for ten thousand images and more; wants a GPU.",
    parameters=Parameters,
    run=_build,
    facts=BackboneFacts(pretrained="torchvision/resnet18"),
    order=30,
)
