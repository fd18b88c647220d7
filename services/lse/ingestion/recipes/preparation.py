"""What a recipe does to an image: channels, crop, resampling, missing pixels, stretch, normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lse.ingestion.readers.image import SourceImage
from lse.ingestion.recipes.recipe import Recipe
from lse.ingestion.recipes.stretches import Stretch
from lse.platform.errors import InvalidArgumentError

__all__ = ["PreparedImage", "RejectedImageError", "prepare_image", "render"]

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as in `PIL.Image.convert("L")`
_FLOAT32_MAX = float(np.finfo(np.float32).max)


class RejectedImageError(InvalidArgumentError):
    """An image that was read and that the recipe cannot use."""


@dataclass(frozen=True)
class PreparedImage:
    """An image as the encoders see it, and what was done to it.

    Attributes
    ----------
    tensor
        float32 of shape (C, size, size), finite.
    nan_fraction
        Fraction of the cropped source pixels that were missing and were replaced.
    clipped_low_fraction, clipped_high_fraction
        Fractions of the output pixels that lay below and above the range and were set to its ends.
    padded_fraction
        Fraction of the square that was added around the image (``fit: pad``).
    used_width, used_height
        Source pixels that were used, after crop and fit.
    sampling
        Output pixels for one source pixel along a side: below 1 the image was reduced, above 1 enlarged.
    low, high
        Limits of the stretch for each channel, in the units of the file.
    limits_widened
        The limits asked for coincided (most pixels are equal) and the least and greatest value were taken.
    """

    tensor: NDArray[np.float32]
    nan_fraction: float
    clipped_low_fraction: float
    clipped_high_fraction: float
    padded_fraction: float
    used_width: int
    used_height: int
    sampling: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    limits_widened: bool


@dataclass(frozen=True)
class _Rendered:
    """Stretched image before normalisation, with the facts gathered on the way."""

    values: NDArray[np.float64]
    scaled: NDArray[np.float64]
    nan_fraction: float
    padded_fraction: float
    used_width: int
    used_height: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    widened: bool


def prepare_image(image: SourceImage, recipe: Recipe) -> PreparedImage:
    """Apply a recipe to an image.

    Raises
    ------
    RejectedImageError
        ``ALL_MISSING``, ``HAS_MISSING``, ``TOO_MANY_MISSING``, ``CHANNEL_MISSING``, ``CONSTANT_IMAGE``,
        ``FLAT_AFTER_STRETCH`` or ``CHANNEL_MISMATCH``.
    """
    rendered = _render(image, recipe, recipe.size)
    values = rendered.values
    unit = recipe.normalisation == "unit"
    # Square root and logarithm end at the lower limit whatever the normalisation.
    below = (rendered.scaled < 0) & (unit | (recipe.stretch.kind in ("sqrt", "log")))
    above = (rendered.scaled > 1) & unit
    if unit:
        values = np.clip(values, 0, 1)
    least, spread = float(values.min()), float(np.ptp(values))
    if spread == 0 or not np.isfinite(spread):
        message = (
            "Every pixel of the image has the same value after the stretch: choose limits that span the image's values."
        )
        raise RejectedImageError(message, reason="FLAT_AFTER_STRETCH")
    if recipe.normalisation == "minmax":
        values = (values - least) / spread
    elif recipe.normalisation == "standard":
        deviation = float(values.std())
        values = (values - values.mean()) / (deviation or spread)
    return PreparedImage(
        tensor=np.clip(values, -_FLOAT32_MAX, _FLOAT32_MAX).astype(np.float32),
        nan_fraction=rendered.nan_fraction,
        clipped_low_fraction=float(below.mean()),
        clipped_high_fraction=float(above.mean()),
        padded_fraction=rendered.padded_fraction,
        used_width=rendered.used_width,
        used_height=rendered.used_height,
        sampling=recipe.size / max(rendered.used_width, rendered.used_height),
        low=rendered.low,
        high=rendered.high,
        limits_widened=rendered.widened,
    )


def render(image: SourceImage, recipe: Recipe, size: int) -> NDArray[np.float32]:
    """Image as a recipe stretches it, for a person to look at: float32 (C, size, size) from 0 to 1, not normalised.

    Raises
    ------
    RejectedImageError
        As `prepare_image`.
    """
    return np.clip(_render(image, recipe, size).values, 0, 1).astype(np.float32)


def _render(image: SourceImage, recipe: Recipe, size: int) -> _Rendered:
    pixels = _crop(_select(image, recipe), recipe)
    missing = np.isnan(pixels)
    has_missing = bool(missing.any())
    nan_fraction = float(missing.mean()) if has_missing else 0.0
    _check(pixels, missing, nan_fraction, recipe)
    used_height, used_width = pixels.shape[1:]
    padded = 0.0
    if recipe.fit == "pad" and used_height != used_width:
        side = max(used_height, used_width)
        padded = 1 - used_height * used_width / side**2
        top, left = (side - used_height) // 2, (side - used_width) // 2
        margins = ((0, 0), (top, side - used_height - top), (left, side - used_width - left))
        pixels = np.pad(pixels, margins, constant_values=np.nan)
        missing = np.isnan(pixels)
        has_missing = True
    resampled = _resample(pixels, missing if has_missing else None, size)
    if has_missing:
        resampled = _fill(resampled, recipe.nan.policy)
    scaled, low, high, widened = _scale(resampled.astype(np.float64), recipe.stretch)
    return _Rendered(
        values=recipe.stretch.curve(scaled),
        scaled=scaled,
        nan_fraction=nan_fraction,
        padded_fraction=padded,
        used_width=used_width,
        used_height=used_height,
        low=low,
        high=high,
        widened=widened,
    )


def _select(image: SourceImage, recipe: Recipe) -> NDArray[np.float32]:
    """Channels that the recipe asks for, (C, H, W)."""
    pixels, names = image.pixels, image.channels
    wanted = recipe.channels
    colour = names == ("red", "green", "blue")
    if wanted == "all" or (wanted == "grey" and len(pixels) == 1) or (wanted == "rgb" and colour):
        return pixels
    if wanted == "grey":
        weights = _LUMINANCE if colour else np.full(len(pixels), 1 / len(pixels), dtype=np.float32)
        return np.tensordot(weights, pixels, axes=1)[np.newaxis].astype(np.float32)
    if wanted == "rgb":
        if len(pixels) == 1:
            return np.repeat(pixels, 3, axis=0)
        wanted = ("red", "green", "blue") if {"red", "green", "blue"} <= set(names) else (0, 1, 2)
        if len(pixels) < 3:
            wanted = (0, 1, 2)
    indices = []
    for channel in wanted:
        index = channel if isinstance(channel, int) else names.index(channel) if channel in names else len(pixels)
        if index >= len(pixels):
            message = (
                f"The image has the channels {', '.join(names)} and the recipe asks for {channel!r}: "
                "choose channels that every image has."
            )
            raise RejectedImageError(message, reason="CHANNEL_MISMATCH", channel=channel, channels=", ".join(names))
        indices.append(index)
    return pixels[indices]


def _crop(pixels: NDArray[np.float32], recipe: Recipe) -> NDArray[np.float32]:
    """Centre of the image, by `crop` and then square by `fit: crop`."""
    height, width = pixels.shape[1:]
    if recipe.crop is not None:
        height, width = min(height, recipe.crop), min(width, recipe.crop)
    if recipe.fit == "crop":
        height = width = min(height, width)
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return pixels[:, top : top + height, left : left + width]


def _check(pixels: NDArray[np.float32], missing: NDArray[np.bool_], nan_fraction: float, recipe: Recipe) -> None:
    where = "" if recipe.crop is None else " in the part that the recipe cuts out"
    if nan_fraction == 1:
        message = f"Every pixel of the image is missing{where} (NaN, blank or transparent)."
        raise RejectedImageError(message, reason="ALL_MISSING")
    if nan_fraction and recipe.nan.policy == "reject":
        message = f"{nan_fraction:.2%} of the image's pixels are missing{where} and the recipe rejects such images."
        raise RejectedImageError(message, reason="HAS_MISSING", nan_fraction=nan_fraction)
    if nan_fraction > recipe.nan.max_fraction:
        message = (
            f"{nan_fraction:.1%} of the image's pixels are missing{where}, more than the "
            f"{recipe.nan.max_fraction:.1%} that the recipe allows (nan.max_fraction)."
        )
        raise RejectedImageError(message, reason="TOO_MANY_MISSING", nan_fraction=nan_fraction)
    empty = missing.all(axis=(1, 2))
    if empty.any():
        channel = int(empty.argmax())
        message = (
            f"Channel {channel} of {len(pixels)} has no valid pixel{where}, counted from 0: "
            "leave it out in the recipe (channels) to keep such images."
        )
        raise RejectedImageError(message, reason="CHANNEL_MISSING", channel=channel)
    valid = pixels[~missing] if nan_fraction else pixels
    first = valid.flat[0]
    # Most images differ within their first pixels: look there before the whole.
    if bool((valid.reshape(-1)[:64] == first).all()) and bool((pixels[~missing] == first).all()):
        message = f"Every pixel of the image has the same value, {float(first):g}{where}: it shows nothing."
        raise RejectedImageError(message, reason="CONSTANT_IMAGE", value=float(first))


def _resample(pixels: NDArray[np.float32], missing: NDArray[np.bool_] | None, size: int) -> NDArray[np.float32]:
    """Resample (C, H, W) to (C, size, size): triangle filter as wide as an output pixel, missing pixels left out.

    An output pixel is missing where less than half of its weight is valid.
    """
    if pixels.shape[1:] == (size, size):
        return pixels
    if missing is None:
        return np.stack([_resize(channel, size) for channel in pixels])
    output = np.empty((len(pixels), size, size), dtype=np.float32)
    for channel, gaps, target in zip(pixels, missing, output, strict=True):
        weight = _resize((~gaps).astype(np.float32), size)
        total = _resize(np.where(gaps, np.float32(0), channel), size)
        with np.errstate(invalid="ignore", divide="ignore"):
            target[:] = np.where(weight >= 0.5, total / weight, np.nan)
    return output


def _resize(channel: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Resample one channel with Pillow, which widens the filter when it reduces."""
    # Pillow sums in float32's range: values near its end would overflow, and are brought down by a power of two.
    peak = float(np.abs(channel).max())
    factor = np.float32(2.0**-40) if peak > 1e30 else np.float32(1)
    resized = Image.fromarray(channel * factor if factor != 1 else np.ascontiguousarray(channel)).resize(
        (size, size), Image.Resampling.BILINEAR
    )
    result = np.asarray(resized, dtype=np.float32)
    return result if factor == 1 else np.clip(result / np.float64(factor), -_FLOAT32_MAX, _FLOAT32_MAX).astype("f4")


def _fill(pixels: NDArray[np.float32], policy: str) -> NDArray[np.float32]:
    """Replace missing output pixels of (C, H, W)."""
    if not np.isnan(pixels).any():
        return pixels
    filled = pixels.copy()
    everywhere = pixels[~np.isnan(pixels)]
    for channel in filled:
        missing = np.isnan(channel)
        valid = channel[~missing]
        if policy == "nearest" and len(valid):
            from scipy.ndimage import distance_transform_edt  # only this policy pays for it

            nearest = distance_transform_edt(missing, return_distances=False, return_indices=True)
            channel[:] = channel[tuple(nearest)]
        elif policy == "zero":
            channel[missing] = 0
        else:
            # A channel without any valid pixel takes the level of the others; a scattering of isolated valid pixels may
            # leave none at all.
            level = valid if len(valid) else everywhere
            channel[missing] = np.median(level) if len(level) else 0
    return filled


def _scale(
    pixels: NDArray[np.float64], stretch: Stretch
) -> tuple[NDArray[np.float64], tuple[float, ...], tuple[float, ...], bool]:
    """Bring each channel, or all jointly, from its limits to 0 and 1."""
    groups = [pixels] if stretch.jointly else list(pixels)
    scaled, lows, highs = [], [], []
    widened = False
    for group in groups:
        low, high = stretch.limit_finder.find(group.reshape(-1))
        if not high > low:
            widened = True
            low, high = float(group.min()), float(group.max())
        # A channel of one value, in an image that has others, becomes zero.
        scaled.append((group - low) / (high - low) if high > low else np.zeros_like(group))
        lows.append(low)
        highs.append(high)
    result = scaled[0] if stretch.jointly else np.stack(scaled)
    return result, tuple(lows), tuple(highs), widened
