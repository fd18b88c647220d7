"""Choosing the recipe of a dataset: the one that is given, or one suggested from some of its images."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lse.errors import LseError
from lse.images.file_preparation import read_source
from lse.images.formats import ReadLimits, SourceImage
from lse.images.recipe import Recipe, load_recipe, prepare_image, selected_names, suggest_recipe, suggestion_reasons
from lse.images.sources import Source

__all__ = ["ChosenRecipe", "choose_from", "try_source"]

# Pixel values of all samples together, which are in memory at a time.
_MOST_VALUES = 128 * 2**20


@dataclass(frozen=True)
class ChosenRecipe:
    """A recipe that images of the collection can be prepared by.

    Attributes
    ----------
    recipe
        The recipe.
    channels
        Names of the channels that it gives.
    side
        Shorter side of the image that it was tried with, in pixels.
    source_channels
        Names of the channels of that image.
    reasons
        Sentences on what was suggested, and why; none of a recipe that was given.
    """

    recipe: Recipe
    channels: tuple[str, ...]
    side: int
    source_channels: tuple[str, ...]
    reasons: tuple[str, ...]


def try_source(source: Source, recipe_text: str, limits: ReadLimits, roots: Sequence[Path]) -> None:
    """Read an image, and prepare it where a recipe is given.

    Raises
    ------
    LseError
        If that cannot be done.
    """
    recipe = load_recipe(recipe_text)
    image = read_source(source, recipe, limits=limits, roots=roots)
    if recipe_text:
        prepare_image(image, recipe)


def choose_from(
    sources: Sequence[Source], recipe_text: str, limits: ReadLimits, roots: Sequence[Path]
) -> ChosenRecipe | None:
    """Recipe given, or suggested from some images that can be read; None where no image can be prepared by it."""
    recipe, samples, values = load_recipe(recipe_text), list[SourceImage](), 0
    for source in sources:
        image = read_source(source, recipe, limits=limits, roots=roots)
        values += image.pixels.size
        if samples and values > _MOST_VALUES:
            break
        samples.append(image)
    reasons: tuple[str, ...] = ()
    if not recipe_text:
        recipe = suggest_recipe(samples)
        reasons = suggestion_reasons(recipe, samples)
    for image in samples:
        with contextlib.suppress(LseError):
            count = len(prepare_image(image, recipe).tensor)
            names, side = selected_names(image, recipe, count), min(image.pixels.shape[1:])
            return ChosenRecipe(recipe, names, side, image.channels, reasons)
    return None
