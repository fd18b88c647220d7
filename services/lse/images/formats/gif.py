"""GIF images, by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import ReaderFacts, SourceImage
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD"]

METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="gif",
    title="GIF",
    summary="GIF images, of which the first frame is read.",
    parameters=Parameters,
    run=partial(read_raster, kind="GIF"),
    facts=ReaderFacts(signature=rb"GIF8[79]a", suffixes=(".gif",)),
    order=36,
)
