"""JPEG images, by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import ReaderFacts, SourceImage
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD"]

METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="jpeg",
    title="JPEG",
    summary="JPEG images, upright by their EXIF orientation.",
    parameters=Parameters,
    run=partial(read_raster, kind="JPEG"),
    facts=ReaderFacts(signature=rb"\xff\xd8\xff", suffixes=(".jpg", ".jpeg")),
    order=30,
)
