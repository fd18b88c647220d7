"""A recipe to start with, from a look at some images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError
from lse.images.formats.source_image import SourceImage
from lse.images.recipe.limits import FixedLimits, PercentileLimits
from lse.images.recipe.recipe import Recipe
from lse.images.recipe.stretches import Asinh, Linear, Stretch

__all__ = ["suggest_recipe", "suggestion_reasons"]

_RASTER = frozenset({"PNG", "JPEG", "TIFF", "WEBP", "JPEG2000", "GIF", "BMP"})


def suggest_recipe(samples: Sequence[SourceImage], *, size: int = 64) -> Recipe:
    """Choose a recipe that suits a few images of a collection.

    Photographs keep their colours and their range (0 to 255 for 8 bits); floating images and FITS images are stretched
    by asinh between percentiles, a channel at a time; where most of what is bright lies near the centre, the centre is
    cut out, in colour images too: a survey's are of sources on a background, which photographs rarely are.

    Parameters
    ----------
    samples
        Some images of the collection, a dozen or more.
    size
        Side of the output in pixels.

    Raises
    ------
    InvalidArgumentError
        ``SAMPLES_MISSING`` without any image.
    """
    if not samples:
        raise InvalidArgumentError("No image could be read to suggest a recipe from.", reason="SAMPLES_MISSING")
    return Recipe(
        channels=_channels(samples),
        crop=_crop(samples, size),
        size=size,
        stretch=_stretch(samples),
    )


def suggestion_reasons(recipe: Recipe, samples: Sequence[SourceImage]) -> tuple[str, ...]:
    """Sentences on what was suggested from some images, and why."""
    side = min(min(image.pixels.shape[1:]) for image in samples)
    return (_channels_reason(recipe, samples), _crop_reason(recipe, side), _stretch_reason(recipe, samples))


def _channels_reason(recipe: Recipe, samples: Sequence[SourceImage]) -> str:
    kinds = {image.channels for image in samples}
    if recipe.channels == "rgb":
        return "Channels: red, green and blue, as the files have them."
    if recipe.channels == "grey":
        one = all(len(names) == 1 for names in kinds)
        return (
            "Channels: one, as the files have it." if one else "Channels: one (grey), since the files differ in theirs."
        )
    return f"Channels: all {len(recipe.channels)} that every file has."


def _crop_reason(recipe: Recipe, side: int) -> str:
    if recipe.crop is None:
        return f"Crop: none; the light is not gathered in the centre of the {side} pixels, or the images are small."
    return (
        f"Crop: the central {recipe.crop} of {side} pixels, twice the side that holds 95 % of the light around the "
        "centre."
    )


def _stretch_reason(recipe: Recipe, samples: Sequence[SourceImage]) -> str:
    limits = recipe.stretch.limit_finder
    if isinstance(limits, FixedLimits):
        return f"Stretch: linear from {limits.low:g} to {limits.high:g}, the whole range of the file format."
    if isinstance(recipe.stretch, Asinh):
        why = "FITS" if any(image.metadata.get("format") == "FITS" for image in samples) else "floating-point"
        return (
            f"Stretch: asinh between the 1st and the 99.9th percentile of each channel, since {why} pixels have no "
            "fixed range and faint structure matters beside bright."
        )
    return "Stretch: linear between the limits of each image, since the files differ in their depth."


def _channels(samples: Sequence[SourceImage]) -> Literal["grey", "rgb"] | tuple[int | str, ...]:
    kinds = {image.channels for image in samples}
    if ("red", "green", "blue") in kinds:
        return "rgb" if all(len(names) in (1, 3) for names in kinds) else "grey"
    counts = {len(names) for names in kinds}
    if counts == {1} or len(counts) > 1:
        return "grey"
    if len(kinds) == 1 and not next(iter(kinds))[0].startswith("plane"):
        return next(iter(kinds))
    return tuple(range(counts.pop()))


def _stretch(samples: Sequence[SourceImage]) -> Stretch:
    depths = {int(str(image.metadata.get("bit_depth", 0))) for image in samples}
    raster = all(image.metadata.get("format") in _RASTER for image in samples)
    floating = any(image.metadata.get("floating") for image in samples)
    if raster and not floating and depths <= {1, 8, 16} and len(depths) == 1:
        return Linear(limits=FixedLimits(low=0, high=2.0 ** depths.pop() - 1), jointly=True)
    if raster and not floating:
        return Linear(jointly=True)
    return Asinh(limits=PercentileLimits(low=1, high=99.9), softening=0.1)


def _crop(samples: Sequence[SourceImage], size: int) -> int | None:
    """Side of the centre that holds what the images are about, where that is much smaller than the images.

    The light above the noise, averaged over the images, is taken as a central object on an even field of neighbours;
    nineteen twentieths of the former fit into half the side that is chosen, which leaves room for the larger objects.
    Images of which few have anything well above their background are scenes, which are not cut.
    """
    side = min(min(image.pixels.shape[1:]) for image in samples)
    profiles = [profile for profile in (_light_within(image, side) for image in samples) if profile is not None]
    if len(profiles) <= len(samples) / 2:
        return None
    light = np.mean(profiles, axis=0)
    sides = np.arange(1, side + 1)
    outer = sides > side // 2
    field = float((light[-1] - light[~outer][-1]) / (side**2 - (side // 2) ** 2))
    central = light - field * sides**2
    if central.max() < 0.2:
        return None
    wanted = 2 * int(sides[np.argmax(central >= 0.95 * central.max())])
    step = max(size // 2, 8)
    crop = max(-(-wanted // step) * step, size)
    return crop if crop <= 0.75 * side else None


def _light_within(image: SourceImage, side: int) -> NDArray[np.float64] | None:
    """Fraction of the light above the noise within centred squares of 1 to `side` pixels; None without any light."""
    plane = image.pixels.mean(axis=0)
    top, left = (plane.shape[0] - side) // 2, (plane.shape[1] - side) // 2
    plane = plane[top : top + side, left : left + side]
    valid = plane[np.isfinite(plane)]
    if not valid.size:
        return None
    level = float(np.median(valid))
    noise = 1.4826 * float(np.median(np.abs(valid - level)))
    light = np.where(np.isfinite(plane) & (plane > level + 5 * noise), plane - level, 0).astype(np.float64)
    if light.sum() <= 0:
        return None
    offset = np.abs(np.arange(side) - (side - 1) / 2)
    within = np.ceil(2 * np.maximum(offset[:, np.newaxis], offset[np.newaxis])).astype(np.int64)
    by_side = np.bincount(within.reshape(-1), weights=light.reshape(-1), minlength=side)[:side]
    return np.asarray(np.cumsum(by_side) / light.sum(), dtype=np.float64)
