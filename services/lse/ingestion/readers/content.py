"""The door of the readers: find out what the bytes are and hand them to the reader of that format."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from lse.ingestion.readers.image import ReadError, ReadLimits, SourceImage
from lse.platform.errors import LseError

__all__ = ["read_image"]

_COMPRESSIONS: dict[bytes, Callable[[io.BytesIO], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
# Formats that people do put beside their images, told by name so that they know what to convert.
_NOT_READ: dict[bytes, str] = {
    b"GIF8": "a GIF image",
    b"BM": "a BMP image",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 image",
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy array file",
    b"\xaa\xaa\x55\x55": "an ANA image",
}
_ARCHIVES: dict[bytes, str] = {
    b"PK\x03\x04": "a ZIP archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x1f\x9d": "compressed by Unix compress (.Z)",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
}


def read_image(data: bytes | Path, *, name: str = "", limits: ReadLimits | None = None) -> SourceImage:
    """Read a PNG, JPEG, TIFF or FITS image, alone or inside gzip, bzip2 or xz.

    Parameters
    ----------
    data
        The content of a file, or its path.
    name
        How messages call the image; the name of the file when not given.
    limits
        What one file may cost.

    Returns
    -------
    SourceImage
        Pixels as float32 (C, H, W) in the units of the file, with typed metadata.

    Raises
    ------
    ReadError
        Whatever is wrong with the file; nothing else is raised.
    """
    limits = limits or ReadLimits()
    name = name or (data.name if isinstance(data, Path) else "The image")
    try:
        content = _load(data, name, limits) if isinstance(data, Path) else data
        return _read(content, name, limits)
    except LseError:
        raise
    except MemoryError:
        message = f"{name} needs more memory than there is: give the workers more memory or make the image smaller."
        raise ReadError(message, reason="OUT_OF_MEMORY", name=name) from None
    except Exception as error:  # decoders meet bytes of any kind; one bad file must not stop the rest
        detail = _first_line(error)
        message = f"{name} is damaged and cannot be decoded ({detail}): get the file again."
        raise ReadError(message, reason="CORRUPT_IMAGE", name=name, detail=detail) from error


def _load(path: Path, name: str, limits: ReadLimits) -> bytes:
    try:
        size = path.stat().st_size
        if size > limits.file_bytes:
            message = (
                f"{name} has {size:,} bytes and at most {limits.file_bytes:,} are read: cut it into smaller images."
            )
            raise ReadError(message, reason="TOO_LARGE", name=name, bytes=size, limit=limits.file_bytes)
        return path.read_bytes()
    except OSError as error:
        detail = error.strerror or type(error).__name__
        message = f"{name} cannot be opened ({detail}): check that it exists and may be read."
        raise ReadError(message, reason="UNREADABLE_FILE", name=name, detail=detail) from error


def _read(content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    for start, opener in _COMPRESSIONS.items():
        if content.startswith(start):
            content = _decompressed(content, opener, name, limits)
            break
    if content.startswith(b"SIMPLE"):
        from lse.ingestion.readers.fits import read_fits  # a reader loads its library when needed

        return read_fits(content, name, limits)
    if content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        from lse.ingestion.readers.raster import read_raster  # as above

        return read_raster(content, name, limits, kind="PNG" if content[0] == 0x89 else "JPEG")
    if content.startswith(_TIFF_STARTS):
        from lse.ingestion.readers.tiff import read_tiff  # as above

        return read_tiff(content, name, limits)
    raise _refusal(content, name)


def _decompressed(content: bytes, opener: Callable[[io.BytesIO], IO[bytes]], name: str, limits: ReadLimits) -> bytes:
    try:
        with opener(io.BytesIO(content)) as stream:
            result = stream.read(limits.content_bytes + 1)
    except EOFError as error:
        message = f"{name} ends in the middle of its compressed data: get the file again."
        raise ReadError(message, reason="TRUNCATED", name=name) from error
    except (OSError, zlib.error, lzma.LZMAError) as error:
        message = f"{name} cannot be decompressed ({_first_line(error)}): get the file again."
        raise ReadError(message, reason="CORRUPT_COMPRESSION", name=name) from error
    if len(result) > limits.content_bytes:
        message = f"{name} decompresses to more than {limits.content_bytes:,} bytes: cut it into smaller images."
        raise ReadError(message, reason="TOO_LARGE", name=name, limit=limits.content_bytes)
    return result


def _refusal(content: bytes, name: str) -> ReadError:
    """Say what the bytes are when they are no image of ours."""
    reason, what = _kind(content)
    return ReadError(f"{name} is {what}.", reason=reason, name=name)


def _kind(content: bytes) -> tuple[str, str]:
    """Reason, what the bytes are and what to do."""
    known = "PNG, JPEG, TIFF or FITS"
    head = content[:1024]
    lower = head.lstrip().lower()
    if not content:
        kind = "EMPTY_FILE", "empty: get the file again"
    elif head.startswith(b"version https://git-lfs") or b"/annex/objects/" in head[:200]:
        kind = "TEXT_POINTER", "a pointer of Git LFS or git-annex and not the image itself: fetch the real file first"
    elif lower.startswith((b"<!doctype html", b"<html")):
        kind = "WEB_PAGE", "a web page, probably the error of a failed download: download the image again"
    elif archive := next((what for start, what in _ARCHIVES.items() if head.startswith(start)), None):
        kind = "UNSUPPORTED_COMPRESSION", f"{archive}, which is not read: unpack it first"
    elif other := next((what for start, what in _NOT_READ.items() if head.startswith(start)), None):
        kind = "UNSUPPORTED_FORMAT", f"{other}, which is not read: convert it to {known}"
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        kind = "UNSUPPORTED_FORMAT", f"a WebP image, which is not read: convert it to {known}"
    else:
        text = "plain text" if _is_text(head) else "of an unknown kind"
        kind = "NOT_AN_IMAGE", f"{text} and not a {known} image: remove it or give the image itself"
    return kind


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut by the end of the head is still text.
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character.isspace() for character in text)


def _first_line(error: BaseException) -> str:
    """What a library says, on one line and without what changes from run to run."""
    lines = re.sub(r"\s*<[^<>]* at 0x[0-9a-f]+>", "", str(error)).strip().splitlines()
    line = lines[0].rstrip(".:")[:160] if lines else ""
    return line if any(character.isalpha() for character in line) else type(error).__name__
