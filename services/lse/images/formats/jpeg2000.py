"""JPEG 2000 images, by Pillow."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import ReaderFacts, ReadLimits, SourceImage
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD", "read_jpeg2000"]

# Markers of the beginning of a codestream and of its sizes, of which component 0 has its depth after 40 bytes.
_SIZES = b"\xff\x4f\xff\x51"


def read_jpeg2000(content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    """Decode a JPEG 2000 file or codestream: grey of up to 16 bits, or colour, of which 8 bits are kept.

    Values stay as the file has them: Pillow widens those of 9 to 15 bits to 16, and makes signed ones positive.

    Raises
    ------
    ReadError
        As `lse.images.formats.raster.read_raster`.
    """
    image = read_raster(content, name, limits, kind="JPEG2000")
    begin = content.find(_SIZES)
    if begin < 0 or len(content) < begin + 43:
        return image
    components, depth = struct.unpack_from(">HB", content, begin + 40)
    bits, signed = (depth & 0x7F) + 1, bool(depth & 0x80)
    if components > 2:
        kept = {"file_bit_depth": bits, "bits_kept": 8} if bits > 8 else {}
        return replace(image, metadata={**image.metadata, **kept})
    held = 8 if bits <= 8 else 16
    pixels = image.pixels * np.float32(2.0 ** (bits - held)) - np.float32(2 ** (bits - 1) if signed else 0)
    return replace(image, pixels=pixels, metadata={**image.metadata, "bit_depth": bits})


METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="jpeg2000",
    title="JPEG 2000",
    summary="JPEG 2000 images, grey of up to 16 bits or colour.",
    parameters=Parameters,
    run=read_jpeg2000,
    facts=ReaderFacts(signature=rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", suffixes=(".jp2", ".j2k", ".jpf", ".jpx")),
    order=34,
)
