"""Readers of image files: bytes in, a `SourceImage` or a `ReadError` out.

One module per format, which loads its library when it reads; content decides the format, never the name of the file.
"""

from lse.images.formats.content import READERS, read_image
from lse.images.formats.source_image import Extensions, MetadataValue, ReaderFacts, ReadError, ReadLimits, SourceImage

__all__ = [
    "READERS",
    "Extensions",
    "MetadataValue",
    "ReadError",
    "ReadLimits",
    "ReaderFacts",
    "SourceImage",
    "read_image",
]
