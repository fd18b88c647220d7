"""WebP images, by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import ReaderFacts, SourceImage
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD"]

METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="webp",
    title="WebP",
    summary="WebP images, lossless or not.",
    parameters=Parameters,
    run=partial(read_raster, kind="WEBP"),
    facts=ReaderFacts(signature=rb"RIFF....WEBP", suffixes=(".webp",)),
    order=32,
)
