"""How a pretrained network is used: what its input is, its side in pixels, and what of its features is the vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from lse.errors import InvalidArgumentError
from lse.parameters import Parameters

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["PretrainedUse", "pool_features", "set_side"]

_LARGEST_SIDE = 2048


class PretrainedUse(Parameters):
    """How a pretrained network is used; what is None is as its own configuration says."""

    input: Literal["as-is", "unit", "imagenet"] | None = Field(
        default=None,
        description="What the network sees: the prepared values (as-is), values from 0 to 1 (unit), or those with the "
        "mean and spread of its training set (imagenet). Default: as its configuration says.",
    )
    bands: str | None = Field(
        default=None,
        description="Names of the bands that go to its channels, separated by commas, red first (default: all bands in "
        "their order).",
    )
    size: int | None = Field(
        default=None,
        ge=8,
        le=_LARGEST_SIDE,
        description="Side in pixels to which images are resized (default: that of its training).",
    )
    pool: Literal["cls", "mean", "cls+mean"] | None = Field(
        default=None,
        description="Vector of a transformer: its class token, the mean of its other tokens, or both (default: the "
        "network's own).",
    )

    adapt: bool | None = Field(
        default=None,
        description="Whether its training goes on with the images of the dataset, without labels (SimCLR).",
    )
    epochs: int | None = Field(
        default=None, ge=1, le=1000, description="Epochs of that training (default: by the number of images)."
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=10,
        description="Peak learning rate of what is new in that training; the network learns at a tenth of it "
        "(default: 0.001).",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.adapt and (self.epochs is not None or self.learning_rate is not None):
            raise ValueError("epochs and learning_rate belong to a training: give adapt, too")
        return self

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands that were chosen; none where all are used."""
        return tuple(name.strip() for name in (self.bands or "").split(",") if name.strip())


def set_side(network: nn.Module, side: int, *, name: str) -> None:
    """Have a network take images of another side: a transformer's grid of positions is interpolated.

    Networks of convolutions take any side from their smallest on, and need no change.

    Raises
    ------
    InvalidArgumentError
        ``IMAGE_SIZE_UNSUPPORTED``: it cannot take images of this side.
    """
    embedding = getattr(network, "patch_embed", None)
    patch = getattr(embedding, "patch_size", None)
    step = (patch[0] if isinstance(patch, tuple) else patch) or 1
    if side % step:
        below = max(step, side - side % step)
        raise _unsupported(name, side, f"it sees patches of {step} pixels: choose a multiple, such as {below}")
    if hasattr(network, "set_input_size"):
        try:
            network.set_input_size(img_size=(side, side))  # type: ignore[operator]
        except (AssertionError, RuntimeError, ValueError, TypeError) as error:
            raise _unsupported(name, side, f"{error}: choose another") from error


def pool_features(network: Any, images: Tensor, pool: str, *, name: str) -> Tensor:
    """Vectors (n, dimension) from the features before the network's own pooling.

    Parameters
    ----------
    network
        Of timm.
    images
        Shape (n, channels, side, side).
    pool
        ``cls``, ``mean`` or ``cls+mean``.
    name
        Of the network, for the message.

    Raises
    ------
    InvalidArgumentError
        ``PARAMETER_INVALID``: it has no class token, or does not give its features.
    """
    import torch

    if not hasattr(network, "forward_features"):
        raise _no_pool(name, "its features cannot be had before they are pooled: give a network of timm, or leave pool")
    features: Tensor = network.forward_features(images)
    parts = []
    if "cls" in pool:
        if features.ndim != 3 or not getattr(network, "num_prefix_tokens", 0):
            raise _no_pool(name, "it has no class token: use mean, or leave pool")
        parts.append(features[:, 0])
    if "mean" in pool:
        if features.ndim == 3:
            parts.append(features[:, getattr(network, "num_prefix_tokens", 0) :].mean(dim=1))
        else:
            last = getattr(network, "output_fmt", "NCHW") == "NHWC"
            parts.append(features.mean(dim=(1, 2) if last else (2, 3)))
    return torch.cat(parts, dim=1)


def _no_pool(name: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"The features of {name} cannot be pooled so: {why}.", reason="PARAMETER_INVALID", parameter="pool"
    )


def _unsupported(name: str, side: int, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"The network {name} cannot take images of {side} pixels a side: {why}.",
        reason="IMAGE_SIZE_UNSUPPORTED",
        size=side,
    )
