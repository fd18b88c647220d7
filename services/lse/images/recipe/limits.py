"""Which value of an image becomes 0 and which becomes 1, before the curve of a stretch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from lse.images.recipe.background import clipped, kind_from_name

__all__ = ["FixedLimits", "Limits", "MinmaxLimits", "PercentileLimits", "SigmaLimits", "ZscaleLimits"]


_FEW = 4096  # values: fewer are sorted as quickly


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MinmaxLimits(_Limits):
    """The least and the greatest finite value of the image."""

    kind: Literal["minmax"] = "minmax"

    def find(self, values: NDArray[np.floating]) -> tuple[float, float]:
        """Limits of a flat array of finite values."""
        return float(values.min()), float(values.max())


class _TwoLimits(_Limits):
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            msg = f"low ({self.low:g}) must be less than high ({self.high:g})"
            raise ValueError(msg)
        return self


class FixedLimits(_TwoLimits):
    """The same two values for every image, such as 0 and 255 for photographs of 8 bits."""

    kind: Literal["fixed"] = "fixed"
    low: float = Field(allow_inf_nan=False)
    high: float = Field(allow_inf_nan=False)

    def find(self, values: NDArray[np.floating]) -> tuple[float, float]:  # noqa: ARG002  # the same for every image
        """Limits of a flat array of finite values."""
        return self.low, self.high


class PercentileLimits(_TwoLimits):
    """Two percentiles of the finite values, in percent."""

    kind: Literal["percentile"] = "percentile"
    low: float = Field(default=1.0, ge=0, le=100)
    high: float = Field(default=99.5, ge=0, le=100)

    def find(self, values: NDArray[np.floating]) -> tuple[float, float]:
        """Limits of a flat array of finite values."""
        return _quantiles(values, self.low / 100, self.high / 100)


class ZscaleLimits(_Limits):
    """The limits of IRAF's zscale: around the median, by the slope of the sorted values (`astropy.visualization`)."""

    kind: Literal["zscale"] = "zscale"
    contrast: float = Field(default=0.25, gt=0, le=1)
    samples: int = Field(default=1000, ge=10, le=1_000_000)

    def find(self, values: NDArray[np.floating]) -> tuple[float, float]:
        """Limits of a flat array of finite values."""
        from astropy.visualization import ZScaleInterval  # only recipes with zscale pay for it

        interval = ZScaleInterval(n_samples=self.samples, contrast=self.contrast)
        low, high = interval.get_limits(values.astype(np.float64))
        return float(low), float(high)


class SigmaLimits(_Limits):
    """So many standard deviations of the background below and above its median, both after sigma clipping."""

    kind: Literal["sigma"] = "sigma"
    low: float = Field(default=3.0, ge=0, le=1e6)
    high: float = Field(default=10.0, gt=0, le=1e6)

    def find(self, values: NDArray[np.floating]) -> tuple[float, float]:
        """Limits of a flat array of finite values."""
        sky = clipped(values, 3.0)
        level, spread = float(np.median(sky)), float(sky.std())
        return level - self.low * spread, level + self.high * spread


def _quantiles(values: NDArray[np.floating], low: float, high: float) -> tuple[float, float]:
    """As `numpy.quantile` of finite values, interpolated in float64 whatever their type.

    Where both lie in the tails, as those of a stretch do, only the tails are sorted: beyond two values of a sample that
    leave enough of them.
    """
    count = len(values)
    below, above = int((count - 1) * low) + 2, count - int((count - 1) * high)  # how many values from either end
    if count >= _FEW and max(below, above) < count // 8:
        sample = np.sort(values[:: count // 1024])
        first = sample[min(len(sample) * 2 * below // count + 8, len(sample) - 1)]
        last = sample[max(len(sample) - 1 - (len(sample) * 2 * above // count + 8), 0)]
        lower, upper = values[values <= first], values[values >= last]
        if len(lower) >= below and len(upper) >= above:
            lower.sort()
            upper.sort()
            return _at(lower, 0, count, low), _at(upper, count - len(upper), count, high)
    ordered = np.sort(values)  # several times as fast as the partition that numpy.percentile makes
    return _at(ordered, 0, count, low), _at(ordered, 0, count, high)


def _at(part: NDArray[np.floating], first: int, count: int, share: float) -> float:
    """Quantile of so many values in ascending order, of which `part` begins with the one of number `first`."""
    place = (count - 1) * share
    before = int(place)
    low, high = float(part[before - first]), float(part[min(before + 1, count - 1) - first])
    part_of = place - before
    return high - (high - low) * (1 - part_of) if part_of >= 0.5 else low + (high - low) * part_of


Limits = Annotated[
    Annotated[MinmaxLimits | FixedLimits | PercentileLimits | SigmaLimits | ZscaleLimits, Field(discriminator="kind")],
    BeforeValidator(kind_from_name),
]
