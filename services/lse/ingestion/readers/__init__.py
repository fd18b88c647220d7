"""Readers of image files: bytes in, a `SourceImage` or a `ReadError` out.

One module a format; the format is told by content, never by the name of the file.
"""

from lse.ingestion.readers.content import read_image
from lse.ingestion.readers.image import MetadataValue, ReadError, ReadLimits, SourceImage

__all__ = ["MetadataValue", "ReadError", "ReadLimits", "SourceImage", "read_image"]
