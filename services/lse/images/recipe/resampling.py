"""Resampling of images with missing pixels, and what these are filled with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["SCALED_MAX", "fill_values", "filled", "resample"]

SCALED_MAX = 1e30
"""Largest value between limits: far beyond any, and what resampling adds up stays within float32."""


def resample(pixels: NDArray[np.float32], missing: NDArray[np.bool_] | None, size: int) -> NDArray[np.float32]:
    """Resample (C, H, W) to (C, size, size): triangle filter as wide as an output pixel, missing pixels left out.

    An output pixel is missing where less than half of its weight is valid.
    """
    if pixels.shape[1:] == (size, size):
        return pixels
    output = np.empty((len(pixels), size, size), dtype=np.float32)
    if missing is None:
        for channel, target in zip(pixels, output, strict=True):
            target[:] = _resize(channel, size)
        return output
    for channel, gaps, target in zip(pixels, missing, output, strict=True):
        weight = _resize((~gaps).astype(np.float32), size)
        total = _resize(np.where(gaps, np.float32(0), channel), size)
        with np.errstate(invalid="ignore", divide="ignore"):
            target[:] = np.where(weight >= 0.5, total / weight, np.nan)
    return output


def _resize(channel: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample one channel with Pillow, which widens the filter when it reduces."""
    resized = Image.fromarray(np.ascontiguousarray(channel)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)


def fill_values(
    scaled: NDArray[np.float32], low: tuple[float, ...], high: tuple[float, ...], policy: str
) -> tuple[float, ...]:
    """What missing pixels of each channel get: the median of the source's valid ones, or zero in the file's unit."""
    if policy == "zero":
        limits = zip(low, high, strict=True)
        zeros = [float(np.clip(-lo / (hi - lo), -SCALED_MAX, SCALED_MAX)) if hi > lo else 0.0 for lo, hi in limits]
        return tuple(zeros * (len(scaled) // len(zeros)))
    return tuple(float(np.nanmedian(channel)) for channel in scaled)


def filled(pixels: NDArray[np.float32], policy: str, fills: tuple[float, ...]) -> NDArray[np.float32]:
    """Replace missing output pixels of (C, H, W)."""
    result = pixels.copy()
    for channel, fill in zip(result, fills, strict=True):
        missing = np.isnan(channel)
        if policy == "nearest" and missing.any() and not missing.all():
            from scipy.ndimage import distance_transform_edt  # only this policy pays for it

            nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
            channel[:] = channel[tuple(nearest)]
        else:
            channel[missing] = fill
    return result
