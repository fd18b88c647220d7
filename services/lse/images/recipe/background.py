"""The sky behind the sources: its level or its slope taken away, and where the source in the middle lies."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Background", "clipped", "kind_from_name", "source_centre"]

_ROUNDS = 10
_PART_SIGMA, _PEAK_SIGMA = 3.0, 5.0  # above the noise of the smoothed image: what is part of a source, and its peak
_SMOOTHING = 1.5  # pixels, standard deviation: about that of a well sampled point source


class Background(BaseModel):
    """What is taken from the values of each channel before the stretch.

    Attributes
    ----------
    kind
        ``none``; the ``median`` of the pixels of the sky; or the ``plane`` fitted to them, which takes gradients away.
    sigma
        Pixels of the sky are those within so many standard deviations of the others, found by clipping again and again.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["none", "median", "plane"] = "none"
    sigma: float = Field(default=3.0, ge=1, le=20)

    def taken_from(self, pixels: NDArray[Any]) -> tuple[NDArray[Any], tuple[float, ...]]:
        """Pixels (C, H, W) without their background, missing ones NaN, and its level in each channel."""
        if self.kind == "none":
            return pixels, ()
        models = [self._model(channel) for channel in pixels]
        levels = tuple(float(np.mean(model)) for model in models)
        return np.stack([channel - model for channel, model in zip(pixels, models, strict=True)]), levels

    def _model(self, channel: NDArray[Any]) -> NDArray[np.float64]:
        """Background of a channel (H, W), or of any shape that it is the same over."""
        if self.kind == "median":
            return np.array(np.median(clipped(channel[np.isfinite(channel)], self.sigma)))
        height, width = channel.shape
        rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        terms = np.stack([np.ones_like(rows), rows, columns], axis=-1)
        valid = np.isfinite(channel)
        sky = clipped(channel[valid], self.sigma)
        used = valid & (channel >= sky.min()) & (channel <= sky.max())
        model = np.zeros(channel.shape)
        for _ in range(_ROUNDS):
            solution, *_ = np.linalg.lstsq(terms[used], channel[used].astype(np.float64), rcond=None)
            model = terms @ solution
            residual = channel - model
            kept = valid & (np.abs(residual) <= self.sigma * (residual[used].std() or np.inf))
            if np.array_equal(kept, used) or kept.sum() < 3:
                break
            used = kept
        return model


def kind_from_name(value: object) -> object:
    """``median`` alone is short for ``{kind: median}``, in a recipe."""
    return {"kind": value} if isinstance(value, str) else value


def clipped(values: NDArray[Any], sigma: float) -> NDArray[np.float64]:
    """Finite values, float64, without those beyond so many standard deviations of the median of what remains."""
    from astropy.stats import sigma_clip  # only recipes that look at the background pay for it

    kept = sigma_clip(values.astype(np.float64), sigma=sigma, maxiters=_ROUNDS, masked=False)
    return np.asarray(kept)


def source_centre(pixels: NDArray[Any]) -> tuple[float, float] | None:
    """Column and row of the centroid of the source nearest to the middle of an image, from 0; None without a source.

    A source stands 3 standard deviations, at its peak 5, above the background of all channels together, smoothed
    with a Gaussian of 1.5 pixels.

    Parameters
    ----------
    pixels
        Image of shape (C, H, W), NaN where pixels are missing.
    """
    from scipy import ndimage

    height, width = pixels.shape[1:]
    light: NDArray[np.float64] = np.zeros((height, width))
    for channel in pixels:
        valid = channel[np.isfinite(channel)]
        if valid.size and (spread := np.ptp(valid.astype(np.float64) / 2)):
            sky = clipped(valid, 3.0)
            light += np.nan_to_num((channel - np.median(sky)) / (sky.std() or spread), posinf=0, neginf=0)
    smooth = ndimage.gaussian_filter(light, _SMOOTHING)
    sky = clipped(smooth.ravel(), 3.0)
    smooth = (smooth - np.median(sky)) / (sky.std() or np.ptp(smooth) / 10 or 1)
    found, count = ndimage.label(smooth > _PART_SIGMA)
    labels = np.arange(1, count + 1)
    sources = labels[ndimage.maximum(smooth, found, labels) > _PEAK_SIGMA] if count else labels
    if not len(sources):
        return None
    rows, columns = np.indices((height, width))
    apart = ndimage.minimum((rows - (height - 1) / 2) ** 2 + (columns - (width - 1) / 2) ** 2, found, sources)
    weights = np.where(found == sources[int(np.argmin(apart))], smooth, 0)
    return float((columns * weights).sum() / weights.sum()), float((rows * weights).sum() / weights.sum())
