"""What a recipe does to an image: channels, crop, resampling, missing pixels, stretch, normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError
from lse.images.formats.source_image import SourceImage
from lse.images.recipe.background import source_centre
from lse.images.recipe.recipe import Recipe
from lse.images.recipe.resampling import SCALED_MAX, fill_values, filled, resample
from lse.images.recipe.stretches import Each, Stretch
from lse.values import counted

__all__ = [
    "PreparedImage",
    "RejectedImageError",
    "StretchedImage",
    "cut_out",
    "prepare_image",
    "render",
    "selected_channels",
    "selected_names",
    "stretch_image",
]

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in `PIL.Image.convert("L")`
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
    used_left, used_top
        Column and row of the first source pixel that was used, counted from the upper left corner.
    used_width, used_height
        Source pixels that were used, after crop and fit.
    sampling
        Output pixels for one source pixel along a side: below 1 the image was reduced, above 1 enlarged.
    low, high
        Limits of the stretch for each channel, in the units of the file, above the background that was taken away.
    background
        Level of that background in each channel, in the units of the file; empty where none was taken away.
    limits_widened
        The limits asked for coincided (most pixels are equal) and the least and greatest value were taken.
    """

    tensor: NDArray[np.float32]
    nan_fraction: float
    clipped_low_fraction: float
    clipped_high_fraction: float
    padded_fraction: float
    used_left: int
    used_top: int
    used_width: int
    used_height: int
    sampling: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    background: tuple[float, ...]
    limits_widened: bool


@dataclass(frozen=True)
class StretchedImage:
    """The part of an image that a recipe uses, between its limits: what tensor and thumbnail both are drawn from.

    Attributes
    ----------
    recipe
        The recipe.
    scaled
        float32 of shape (C, H, W), the limits at 0 and 1, before the curve; NaN where pixels are missing or were added
        around the image.
    fills
        Value that missing pixels get, on the same scale, for each channel.
    used_left, used_top
        Column and row of the first pixel of the source that is used.
    nan_fraction, padded_fraction, used_width, used_height, low, high, background, limits_widened
        As in `PreparedImage`.
    """

    recipe: Recipe
    scaled: NDArray[np.float32]
    fills: tuple[float, ...]
    nan_fraction: float
    padded_fraction: float
    used_left: int
    used_top: int
    used_width: int
    used_height: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    background: tuple[float, ...]
    limits_widened: bool

    def resampled(self, size: int) -> NDArray[np.float32]:
        """Resampled to (C, size, size), before the curve; NaN where pixels are missing."""
        return resample(self.scaled, np.isnan(self.scaled) if self.has_gaps else None, size)

    def at_size(self, size: int) -> NDArray[np.float32]:
        """Resampled to (C, size, size), missing pixels filled, before the curve."""
        resampled = self.resampled(size)
        return filled(resampled, self.recipe.nan.policy, self.fills) if self.has_gaps else resampled

    @property
    def has_gaps(self) -> bool:
        """Whether any pixel is missing or was added."""
        return bool(self.nan_fraction or self.padded_fraction)

    @property
    def is_straight(self) -> bool:
        """Whether values between the limits keep their ratios, and none is missing."""
        return self.recipe.stretch.is_straight and not self.has_gaps

    def picture(self, size: int) -> NDArray[np.float32]:
        """For a person to look at: float32 (C, size, size) from 0 to 1, not normalised."""
        return self.stretched_unit(self.at_size(size)).astype(np.float32, copy=False)

    def stretched_unit(self, scaled: NDArray[np.float32]) -> NDArray[np.floating]:
        """Values along the curve, clipped to 0 to 1: before it, which is the same for a curve that never falls."""
        clipped = np.clip(scaled, 0, 1)
        stretch = self.recipe.stretch
        return stretch.curve(clipped) if stretch.is_gentle else stretch.curve(clipped.astype(np.float64))

    def prepared(self) -> PreparedImage:
        """As the encoders see it.

        Raises
        ------
        RejectedImageError
            ``STRETCHED_IMAGE_CONSTANT``.
        """
        recipe = self.recipe
        scaled = self.at_size(recipe.size)
        unit = recipe.normalisation == "unit"
        ends = [unit or recipe.stretch.of(channel).ends_at_low for channel in range(len(scaled))]
        values = self.stretched_unit(scaled) if unit else recipe.stretch.curve(scaled.astype(np.float64))
        normal = _normalised(values, recipe.normalisation)
        return PreparedImage(
            tensor=(normal if unit else np.clip(normal, -_FLOAT32_MAX, _FLOAT32_MAX)).astype(np.float32, copy=False),
            nan_fraction=self.nan_fraction,
            clipped_low_fraction=np.count_nonzero(scaled[ends] < 0) / scaled.size,
            clipped_high_fraction=np.count_nonzero(scaled > 1) / scaled.size if unit else 0.0,
            padded_fraction=self.padded_fraction,
            used_left=self.used_left,
            used_top=self.used_top,
            used_width=self.used_width,
            used_height=self.used_height,
            sampling=recipe.size / max(self.used_width, self.used_height),
            low=self.low,
            high=self.high,
            background=self.background,
            limits_widened=self.limits_widened,
        )


def prepare_image(image: SourceImage, recipe: Recipe) -> PreparedImage:
    """Apply a recipe to an image.

    Raises
    ------
    RejectedImageError
        As `stretch_image` and `StretchedImage.prepared`.
    """
    return stretch_image(image, recipe).prepared()


def render(image: SourceImage, recipe: Recipe, size: int) -> NDArray[np.float32]:
    """Image as a recipe stretches it, for a person to look at: float32 (C, size, size) from 0 to 1, not normalised.

    Raises
    ------
    RejectedImageError
        As `stretch_image`.
    """
    return stretch_image(image, recipe).picture(size)


def stretch_image(image: SourceImage, recipe: Recipe) -> StretchedImage:
    """Cut out what a recipe uses of an image and find its limits, from all valid source pixels in it.

    Raises
    ------
    RejectedImageError
        ``PIXELS_ALL_MISSING``, ``PIXELS_SOME_MISSING``, ``PIXELS_TOO_MANY_MISSING``, ``CHANNEL_ALL_MISSING``,
        ``IMAGE_CONSTANT`` or ``CHANNEL_MISMATCH``.
    """
    pixels, left, top = cut_out(selected_channels(image, recipe), recipe)
    _check_stretch(recipe.stretch, len(pixels))
    missing = np.isnan(pixels)
    nan_fraction = float(missing.mean()) if missing.any() else 0.0
    _check(pixels, missing, nan_fraction, recipe)
    pixels, background = recipe.background.taken_from(pixels)
    scaled, low, high, widened = _scale(pixels, missing if nan_fraction else None, recipe.stretch)
    used_height, used_width = pixels.shape[1:]
    padded = 0.0
    if recipe.fit == "pad" and used_height != used_width:
        side = max(used_height, used_width)
        padded = 1 - used_height * used_width / side**2
        above, before = (side - used_height) // 2, (side - used_width) // 2
        margins = ((0, 0), (above, side - used_height - above), (before, side - used_width - before))
        scaled = np.pad(scaled, margins, constant_values=np.nan)
    fills = fill_values(scaled, low, high, recipe.nan.policy) if nan_fraction or padded else ()
    return StretchedImage(
        recipe=recipe,
        scaled=scaled,
        fills=fills,
        nan_fraction=nan_fraction,
        padded_fraction=padded,
        used_left=left,
        used_top=top,
        used_width=used_width,
        used_height=used_height,
        low=low,
        high=high,
        background=background,
        limits_widened=widened,
    )


def _normalised(values: NDArray[np.floating], normalisation: str) -> NDArray[np.floating]:
    least, spread = float(values.min()), float(np.ptp(values))
    if spread == 0 or not np.isfinite(spread):
        message = (
            "Every pixel of the image has the same value after the stretch: choose limits that span the image's values."
        )
        raise RejectedImageError(message, reason="STRETCHED_IMAGE_CONSTANT")
    if normalisation == "minmax":
        return (values - least) / spread
    if normalisation == "standard":
        deviation = float(values.std())
        return np.asarray((values - values.mean()) / (deviation or spread), dtype=np.float64)
    return values


def selected_channels(image: SourceImage, recipe: Recipe) -> NDArray[Any]:
    """Channels that a recipe asks for, (C, H, W).

    Raises
    ------
    RejectedImageError
        ``CHANNEL_MISMATCH``.
    """
    pixels, names = image.pixels, image.channels
    wanted = recipe.channels
    colour = names == ("red", "green", "blue")
    if wanted == "all" or (wanted == "grey" and len(pixels) == 1) or (wanted == "rgb" and colour):
        return pixels
    if wanted == "grey":
        weights = _LUMINANCE if colour else np.full(len(pixels), 1 / len(pixels))
        return np.tensordot(weights.astype(pixels.dtype), pixels, axes=1)[np.newaxis]
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


def selected_names(image: SourceImage, recipe: Recipe, count: int) -> tuple[str, ...]:
    """Names of the channels that `selected_channels` gives, so many."""
    wanted = recipe.channels
    if isinstance(wanted, tuple):
        return tuple(image.channels[channel] if isinstance(channel, int) else channel for channel in wanted)
    if count == len(image.channels):
        return tuple(image.channels)
    return ("grey",) if count == 1 else ("red", "green", "blue")


def cut_out(pixels: NDArray[Any], recipe: Recipe) -> tuple[NDArray[Any], int, int]:
    """Part of the image around its centre, by `crop` and then square by `fit: crop`; its first column and row."""
    height, width = pixels.shape[1:]
    if recipe.crop is not None:
        height, width = min(height, recipe.crop), min(width, recipe.crop)
    if recipe.fit == "crop":
        height = width = min(height, width)
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    if recipe.centre == "source" and (height, width) != pixels.shape[1:] and (place := source_centre(pixels)):
        left, top = (
            min(max(round(middle - (side - 1) / 2), 0), whole - side)
            for middle, side, whole in zip(place, (width, height), (pixels.shape[2], pixels.shape[1]), strict=True)
        )
    return pixels[:, top : top + height, left : left + width], left, top


def _check_stretch(stretch: Stretch, channels: int) -> None:
    if isinstance(stretch, Each) and len(stretch.channels) != channels:
        message = (
            f"The image has {counted(channels, 'channel')} and the recipe lists {len(stretch.channels)} stretches: "
            "give one for each."
        )
        raise RejectedImageError(message, reason="CHANNEL_MISMATCH")


def _check(pixels: NDArray[Any], missing: NDArray[np.bool_], nan_fraction: float, recipe: Recipe) -> None:
    where = "" if recipe.crop is None else " in the part that the recipe cuts out"
    if nan_fraction == 1:
        message = f"Every pixel of the image is missing{where} (NaN, blank or transparent)."
        raise RejectedImageError(message, reason="PIXELS_ALL_MISSING")
    if nan_fraction and recipe.nan.policy == "reject":
        message = f"{nan_fraction:.2%} of the image's pixels are missing{where} and the recipe rejects such images."
        raise RejectedImageError(message, reason="PIXELS_SOME_MISSING", nan_fraction=nan_fraction)
    if nan_fraction > recipe.nan.max_fraction:
        message = (
            f"{nan_fraction:.1%} of the image's pixels are missing{where}, more than the "
            f"{recipe.nan.max_fraction:.1%} that the recipe allows (nan.max_fraction)."
        )
        raise RejectedImageError(message, reason="PIXELS_TOO_MANY_MISSING", nan_fraction=nan_fraction)
    empty = missing.all(axis=(1, 2)) if nan_fraction else np.zeros(len(pixels), dtype=bool)
    if empty.any():
        channel = int(empty.argmax())
        message = (
            f"Channel {channel} of {len(pixels)} has no valid pixel{where}, counted from 0: "
            "leave it out in the recipe (channels) to keep such images."
        )
        raise RejectedImageError(message, reason="CHANNEL_ALL_MISSING", channel=channel)
    valid = pixels[~missing] if nan_fraction else pixels
    first = valid.flat[0]
    # Most images differ within their first pixels: look there before the whole.
    if bool((valid.reshape(-1)[:64] == first).all()) and bool((pixels[~missing] == first).all()):
        message = f"Every pixel of the image has the same value, {float(first):g}{where}: it shows nothing."
        raise RejectedImageError(message, reason="IMAGE_CONSTANT", value=float(first))


def _scale(
    pixels: NDArray[np.float32] | NDArray[np.float64], missing: NDArray[np.bool_] | None, stretch: Stretch
) -> tuple[NDArray[np.float32], tuple[float, ...], tuple[float, ...], bool]:
    """Bring each channel, or all jointly, from the limits of its valid pixels to 0 and 1, computed in float64."""
    parts = [slice(None)] if stretch.jointly else [slice(channel, channel + 1) for channel in range(len(pixels))]
    scaled = np.empty(pixels.shape, dtype=np.float32)
    lows, highs = [], []
    widened = False
    for part in parts:
        group = pixels[part]
        valid = group.reshape(-1) if missing is None else group[~missing[part]]
        low, high = stretch.of(part.start or 0).limit_finder.find(valid)
        if not high > low:
            widened = True
            low, high = float(valid.min()), float(valid.max())
        if high > low:
            # Halves keep the difference of values near the ends of float64 finite.
            half = 1.0 if group.dtype == np.float32 else 0.5
            brought = np.subtract(group, low, dtype=np.float64) if half == 1 else group * half - low * half
            brought /= high * half - low * half
            with np.errstate(over="ignore"):
                scaled[part] = brought
            np.clip(scaled[part], -SCALED_MAX, SCALED_MAX, out=scaled[part])
        else:  # a channel of one value, in an image that has others, becomes zero
            scaled[part] = np.where(np.isnan(group), np.nan, 0)
        lows.append(low)
        highs.append(high)
    return scaled, tuple(lows), tuple(highs), widened
