"""PNG images, by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import ReaderFacts, SourceImage
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD"]

METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="png",
    title="PNG",
    summary="PNG images of 8 or 16 bits, grey or colour.",
    parameters=Parameters,
    run=partial(read_raster, kind="PNG"),
    facts=ReaderFacts(signature=rb"\x89PNG\r\n\x1a\n", suffixes=(".png",)),
    order=20,
)
