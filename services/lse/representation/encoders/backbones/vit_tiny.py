"""ViT-tiny."""

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
    from lse.representation.encoders.vision_transformer import VisionTransformer  # loads torch

    return VisionTransformer(channels=channels, size=size, width=width)


METHOD: Method[Callable[..., BackboneNetwork], BackboneFacts] = Method(
    id="vit-tiny",
    title="ViT-tiny",
    summary="Vision transformer of 12 blocks: for a masked autoencoder or DINO and many images; wants a GPU.",
    parameters=Parameters,
    run=_build,
    facts=BackboneFacts(
        minimum_size=16,
        standard_width=192,
        learning_rate=5e-4,
        pretrained="timm/vit_tiny_patch16_224",
        width_multiple=12,
    ),
    order=20,
)
