"""ConvNeXt-tiny."""

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
    from lse.representation.encoders.convnext import ConvNeXtTiny  # loads torch

    return ConvNeXtTiny(channels=channels, size=size, width=width)


METHOD: Method[Callable[..., BackboneNetwork], BackboneFacts] = Method(
    id="convnext-tiny",
    title="ConvNeXt-tiny",
    summary="Modern convolutional network, as large as ResNet-50: for many detailed images; needs a GPU.",
    parameters=Parameters,
    run=_build,
    facts=BackboneFacts(standard_width=96, pretrained="torchvision/convnext_tiny"),
    order=50,
)
