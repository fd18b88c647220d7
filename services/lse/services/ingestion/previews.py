"""What a recipe makes of a few sources, before anything is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lse.images.file_preparation import Prepared
from lse.images.recipe_choice import ChosenRecipe
from lse.images.sources import Source, likely_pattern
from lse.images.trace import Trace
from lse.platform.guarded.reading import Reading
from lse.platform.rpc.rows import checked_count
from lse.services.ingestion.guarded_files import choose_recipe, find_images, spread, traced_files

__all__ = ["Preview", "preview_of"]

_MOST_PREVIEWED = 64
_BINS = 64


@dataclass(frozen=True)
class Preview:
    """A few images through a recipe.

    Attributes
    ----------
    chosen
        The recipe.
    sources
        Inputs found.
    traces
        Some of them, evenly spread.
    notes
        Sentences on what was chosen where no recipe was given, and why.
    low, high
        First and last edge of the histograms.
    histograms
        Counts of the values of each channel of the tensors; images with other channels are left out.
    """

    chosen: ChosenRecipe
    sources: Sequence[Source]
    traces: tuple[Trace, ...]
    notes: tuple[str, ...]
    low: float
    high: float
    histograms: Mapping[str, NDArray[np.int64]]


def preview_of(
    reading: Reading, paths: Sequence[str], recipe_text: str, image_count: int, *, exclude: Sequence[str] = ()
) -> Preview:
    """Apply a recipe, or the one that is suggested, to a few of the images in some files and folders."""
    count = checked_count(image_count, usual=8, most=_MOST_PREVIEWED, what="images")
    sources, recipe_text = find_images(reading, paths, recipe_text, exclude=exclude)
    chosen = choose_recipe(reading, sources, recipe_text)
    traces = tuple(traced_files(reading, spread(sources, count), chosen.recipe, pictures=False))
    notes = chosen.reasons
    if notes and (pattern := likely_pattern(sources)):
        notes += (f'The files look like bands of the same objects: add band_files: "{pattern}" to the recipe.',)
    tensors = [trace.outcome.image.tensor for trace in traces if isinstance(trace.outcome, Prepared)]
    tensors = [tensor for tensor in tensors if len(tensor) == len(chosen.channels)]
    values = np.stack(tensors, axis=1) if tensors else np.empty((0, 0))
    low, high = min(0.0, float(values.min(initial=0))), max(1.0, float(values.max(initial=1)))
    counts = {
        name: np.histogram(own, bins=_BINS, range=(low, high))[0]
        for name, own in zip(chosen.channels, values, strict=False)
    }
    return Preview(chosen, sources, traces, notes, low, high, counts)
