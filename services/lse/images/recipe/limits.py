"""Which value of an image becomes 0 and which becomes 1, before the curve of a stretch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

__all__ = ["FixedLimits", "Limits", "MinmaxLimits", "PercentileLimits", "ZscaleLimits"]


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
        ordered = np.sort(values)  # several times as fast as the partition that numpy.percentile makes
        return _quantile(ordered, self.low / 100), _quantile(ordered, self.high / 100)


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


def _quantile(ordered: NDArray[np.floating], share: float) -> float:
    """As `numpy.quantile` of values in ascending order, interpolated in float64 whatever their type."""
    place = (len(ordered) - 1) * share
    before = int(place)
    low, high = float(ordered[before]), float(ordered[min(before + 1, len(ordered) - 1)])
    part = place - before
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def _from_name(value: object) -> object:
    """``zscale`` alone is short for ``{kind: zscale}``."""
    return {"kind": value} if isinstance(value, str) else value


Limits = Annotated[
    Annotated[MinmaxLimits | FixedLimits | PercentileLimits | ZscaleLimits, Field(discriminator="kind")],
    BeforeValidator(_from_name),
]
