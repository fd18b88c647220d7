"""An image as it is in its source, in a form that goes from one process to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lse.images.file_preparation import read_source
from lse.images.formats import MetadataValue, ReadLimits
from lse.images.recipe import Recipe
from lse.images.sources import Source

__all__ = ["Original", "read_original"]


@dataclass(frozen=True)
class Original:
    """An image before any preparation.

    Attributes
    ----------
    pixels
        float32 or float64 (C, H, W) in the unit of the file, the top row first; missing pixels are NaN.
    channels
        A name for each channel.
    unit
        Unit of the pixels as FITS writes it; empty where it is not known.
    wcs
        World coordinates as a FITS file, see `lse.images.sky.Sky.to_fits`; empty without any.
    metadata
        What the reader says of the file, with the cards of its header.
    """

    pixels: NDArray[np.float32] | NDArray[np.float64]
    channels: tuple[str, ...]
    unit: str
    wcs: bytes
    metadata: Mapping[str, MetadataValue]


def read_original(source: Source, recipe: Recipe, *, limits: ReadLimits, roots: Sequence[Path]) -> Original:
    """Read the image of a source; parameters and errors as of `lse.images.file_preparation.read_source`."""
    image = read_source(source, recipe, limits=limits, roots=roots)
    wcs = b"" if image.sky is None else image.sky.to_fits()
    return Original(image.pixels, image.channels, image.units.get("pixels", ""), wcs, image.metadata)
