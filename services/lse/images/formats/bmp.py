"""BMP images, by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import ReaderFacts, SourceImage
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD"]

METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="bmp",
    title="BMP",
    summary="BMP images.",
    parameters=Parameters,
    run=partial(read_raster, kind="BMP"),
    facts=ReaderFacts(signature=rb"BM.{12}[\x0c-\x7f]\x00\x00\x00", suffixes=(".bmp",)),
    order=38,
)
