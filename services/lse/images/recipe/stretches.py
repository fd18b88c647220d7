"""Stretches: limits that turn values into 0 to 1, and a curve that lifts what is faint.

Every curve sends 0 to 0 and 1 to 1, never falls, and is finite everywhere; values outside the limits go on along it
(square root and logarithm end at 0), until the normalisation of the recipe clips them or leaves them.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from lse.images.recipe.background import kind_from_name
from lse.images.recipe.limits import Limits, MinmaxLimits, PercentileLimits, ZscaleLimits

__all__ = ["Asinh", "Each", "Linear", "Log", "Percentile", "Sqrt", "Stretch", "Zscale"]

Values = TypeVar("Values", NDArray[np.float32], NDArray[np.float64])


class _Stretch(BaseModel):
    """What all stretches have.

    Attributes
    ----------
    jointly
        One pair of limits for all channels, which keeps their ratios (colours), and not a pair for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    jointly: bool = False

    def curve(self, x: Values) -> Values:
        """Curve on values scaled so that the limits are 0 and 1, of their type."""
        return x

    @property
    def is_gentle(self) -> bool:
        """Whether the curve between its limits keeps within float32 what float32 holds."""
        return True

    @property
    def is_straight(self) -> bool:
        """Whether there is no curve."""
        return type(self).curve is _Stretch.curve

    @property
    def ends_at_low(self) -> bool:
        """Whether values below the limits are set to the lower one whatever the normalisation."""
        return False

    @property
    def limit_finder(self) -> Limits:
        """How the two limits of an image are found."""
        raise NotImplementedError

    def of(self, channel: int) -> _Stretch:  # noqa: ARG002  # the same for each
        """Stretch of a channel, counted from 0."""
        return self


class _WithLimits(_Stretch):
    limits: Limits = MinmaxLimits()

    @property
    def limit_finder(self) -> Limits:
        """How the two limits of an image are found."""
        return self.limits


class Linear(_WithLimits):
    """Straight line."""

    kind: Literal["linear"] = "linear"


class Sqrt(_WithLimits):
    """Square root."""

    kind: Literal["sqrt"] = "sqrt"

    def curve(self, x: Values) -> Values:
        """Square root, 0 below 0."""
        return np.sqrt(np.maximum(x, 0))

    @property
    def ends_at_low(self) -> bool:
        """See `_Stretch.ends_at_low`."""
        return True


class Log(_WithLimits):
    """Logarithm, ``log(1 + scale x) / log(1 + scale)``."""

    kind: Literal["log"] = "log"
    scale: float = Field(default=1000.0, gt=0, le=1e12)

    def curve(self, x: Values) -> Values:
        """Logarithm, 0 below 0."""
        return np.asarray(np.log1p(self.scale * np.maximum(x, 0)) / math.log1p(self.scale))

    @property
    def ends_at_low(self) -> bool:
        """See `_Stretch.ends_at_low`."""
        return True

    @property
    def is_gentle(self) -> bool:
        """See `_Stretch.is_gentle`."""
        return 1e-3 <= self.scale <= 1e6


class Asinh(_WithLimits):
    """Inverse hyperbolic sine, ``asinh(x / softening) / asinh(1 / softening)`` (Lupton, Gunn & Szalay 1999).

    Linear well below `softening`, logarithmic well above it, and like no other defined for negative noise.
    """

    kind: Literal["asinh"] = "asinh"
    limits: Limits = PercentileLimits(low=1, high=99.9)
    softening: float = Field(default=0.1, gt=0, le=1e6)

    def curve(self, x: Values) -> Values:
        """Inverse hyperbolic sine."""
        return np.asarray(np.arcsinh(x / self.softening) / math.asinh(1 / self.softening))

    @property
    def is_gentle(self) -> bool:
        """See `_Stretch.is_gentle`."""
        return 1e-6 <= self.softening <= 1e3


class Zscale(_Stretch):
    """Straight line between the limits of zscale."""

    kind: Literal["zscale"] = "zscale"
    contrast: float = Field(default=0.25, gt=0, le=1)
    samples: int = Field(default=1000, ge=10, le=1_000_000)

    @property
    def limit_finder(self) -> Limits:
        """How the two limits of an image are found."""
        return ZscaleLimits(contrast=self.contrast, samples=self.samples)


class Percentile(_Stretch):
    """Straight line between two percentiles, in percent."""

    kind: Literal["percentile"] = "percentile"
    low: float = Field(default=1.0, ge=0, le=100)
    high: float = Field(default=99.5, ge=0, le=100)

    @property
    def limit_finder(self) -> Limits:
        """How the two limits of an image are found."""
        return PercentileLimits(low=self.low, high=self.high)

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002  # the signature is pydantic's
        """Check the order of the two percentiles."""
        _ = self.limit_finder


def _from_name(value: object) -> object:
    """``asinh`` alone is short for ``{kind: asinh}``, a list for ``{kind: each, channels: [...]}``."""
    if isinstance(value, list | tuple):
        return {"kind": "each", "channels": value}
    return kind_from_name(value)


OneStretch = Annotated[
    Annotated[Linear | Sqrt | Log | Asinh | Zscale | Percentile, Field(discriminator="kind")],
    BeforeValidator(_from_name),
]


class Each(_Stretch):
    """A stretch for each channel, in their order."""

    kind: Literal["each"] = "each"
    jointly: Literal[False] = False
    channels: tuple[OneStretch, ...] = Field(min_length=1, max_length=16)

    def curve(self, x: Values) -> Values:
        """Curve of each channel of (C, ...)."""
        return np.stack([each.curve(channel) for each, channel in zip(self.channels, x, strict=True)])

    @property
    def is_gentle(self) -> bool:
        """See `_Stretch.is_gentle`."""
        return all(each.is_gentle for each in self.channels)

    @property
    def is_straight(self) -> bool:
        """See `_Stretch.is_straight`."""
        return all(each.is_straight for each in self.channels)

    def of(self, channel: int) -> _Stretch:
        """See `_Stretch.of`."""
        return self.channels[channel]


Stretch = Annotated[
    Annotated[Linear | Sqrt | Log | Asinh | Zscale | Percentile | Each, Field(discriminator="kind")],
    BeforeValidator(_from_name),
]
