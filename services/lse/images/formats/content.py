"""The door of the readers: find out what the bytes are and hand them to the reader of that format."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import IO, TypeAlias, cast

from lse.errors import LseError
from lse.images.formats.source_image import Extensions, ReaderFacts, ReadError, ReadLimits, SourceImage
from lse.methods import Method, Registry
from lse.parameters import Parameters
from lse.regular_files import FileTooLargeError, NotRegularFileError, OutsideError, read_at_most, read_regular_file

__all__ = ["READERS", "read_image"]

Read: TypeAlias = Callable[..., SourceImage]

READERS: Registry[Read, ReaderFacts] = Registry(
    kind="image format",
    package="lse.images.formats",
    group="lse.readers",
    parameters=Parameters,
    facts=ReaderFacts,
)

_COMPRESSIONS: dict[bytes, Callable[[io.BytesIO], IO[bytes]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
# Formats that people do put beside their images, told by name so that they know what to convert.
_NOT_READ: dict[bytes, str] = {
    b"%PDF": "a PDF document",
    b"\x89HDF": "an HDF5 file",
    b"\xaa\xaa\x55\x55": "an ANA image",
}
_ARCHIVES: dict[bytes, str] = {
    b"PK\x03\x04": "a ZIP archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x1f\x9d": "compressed by Unix compress (.Z)",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard",
}


def read_image(
    data: bytes | Path,
    *,
    name: str = "",
    limits: ReadLimits | None = None,
    extensions: Extensions | None = None,
    within: Sequence[Path] | None = None,
) -> SourceImage:
    """Read an image of one of the formats in `READERS`, alone or inside gzip, bzip2 or xz.

    Parameters
    ----------
    data
        The content of a file, or its path.
    name
        How messages call the image; the name of the file when not given.
    limits
        What one file may cost.
    extensions
        Which images of a file are wanted, of a format that has several by name.
    within
        Folders and files, without links, that a path must not lead out of; not given: anywhere.

    Returns
    -------
    SourceImage
        Pixels (C, H, W) in the units of the file, with typed metadata.

    Raises
    ------
    ReadError
        Whatever is wrong with the file; nothing else is raised.
    """
    limits = limits or ReadLimits()
    name = name or (data.name if isinstance(data, Path) else "The image")
    try:
        content = _load(data, name, limits, within) if isinstance(data, Path) else data
        return _read(content, name, limits, extensions or Extensions())
    except LseError:
        raise
    except MemoryError:
        message = f"{name} needs more memory than there is: give the workers more memory or make the image smaller."
        raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name) from None
    except Exception as error:  # decoders meet bytes of any kind; one bad file must not stop the rest
        detail = _first_line(error)
        message = f"{name} is damaged and cannot be decoded ({detail}): get the file again."
        raise ReadError(message, reason="IMAGE_DAMAGED", name=name, detail=detail) from error


def _load(path: Path, name: str, limits: ReadLimits, within: Sequence[Path] | None) -> bytes:
    try:
        return read_regular_file(path, most_bytes=limits.file_bytes, within=within)
    except OutsideError as error:
        message = (
            f"{name} is a link that leads out of the folders that may be read: copy the file, or allow the folder that "
            "it leads to (source_roots)."
        )
        raise ReadError(message, reason="FILE_OUTSIDE_NOT_ALLOWED", name=name) from error
    except FileTooLargeError as error:
        message = f"{name} has more than the {limits.file_bytes:,} bytes that are read: cut it into smaller images."
        raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name, limit=limits.file_bytes) from error
    except NotRegularFileError as error:
        message = f"{name} is a device, a pipe or a linked folder and no regular file: leave it out."
        raise ReadError(message, reason="FILE_UNSUPPORTED", name=name) from error
    except OSError as error:
        detail = error.strerror or type(error).__name__
        message = f"{name} cannot be opened ({detail}): check that it exists and may be read."
        raise ReadError(message, reason="FILE_UNREADABLE", name=name, detail=detail) from error


def _read(content: bytes, name: str, limits: ReadLimits, extensions: Extensions) -> SourceImage:
    for start, opener in _COMPRESSIONS.items():
        if content.startswith(start):
            content = _decompressed(content, opener, name, limits)
            break
    reader = next((each for each in _readers() if re.match(each.facts.signature, content, re.DOTALL)), None)
    if reader is None:
        raise _refusal(content, name)
    if reader.facts.extensions:
        return reader.run(content, name, limits, extensions)
    return reader.run(content, name, limits)


@cache
def _readers() -> tuple[Method[Read, ReaderFacts], ...]:
    return tuple(reader for reader in READERS if reader.facts.signature)


def _decompressed(content: bytes, opener: Callable[[io.BytesIO], IO[bytes]], name: str, limits: ReadLimits) -> bytes:
    try:
        with opener(io.BytesIO(content)) as stream:
            result = read_at_most(stream, limits.content_bytes)
    except EOFError as error:
        message = f"{name} ends in the middle of its compressed data: get the file again."
        raise ReadError(message, reason="IMAGE_TRUNCATED", name=name) from error
    except (OSError, zlib.error, lzma.LZMAError) as error:
        message = f"{name} cannot be decompressed ({_first_line(error)}): get the file again."
        raise ReadError(message, reason="COMPRESSION_DAMAGED", name=name) from error
    if result is None:
        message = f"{name} decompresses to more than {limits.content_bytes:,} bytes: cut it into smaller images."
        raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name, limit=limits.content_bytes)
    return result


def _refusal(content: bytes, name: str) -> ReadError:
    """Say what the bytes are when they are not an image that can be read, and what to do."""
    *others, last = (reader.title for reader in _readers())
    known = f"{', '.join(others)} or {last}"
    head = content[:1024]
    lower = head.lstrip().lower()
    if not content:
        reason = "FILE_EMPTY"
        what = "empty: get the file again"
    elif head.startswith(b"version https://git-lfs") or b"/annex/objects/" in head[:200]:
        reason = "FILE_NOT_FETCHED"
        what = "a pointer of Git LFS or git-annex and not the image itself: fetch the real file first"
    elif lower.startswith((b"<!doctype html", b"<html")):
        reason = "WEB_PAGE_UNSUPPORTED"
        what = "a web page, probably the error of a failed download: download the image again"
    elif archive := next((what for start, what in _ARCHIVES.items() if head.startswith(start)), None):
        reason = "COMPRESSION_UNSUPPORTED"
        what = f"{archive}, which is not read: unpack it first"
    elif other := next((what for start, what in _NOT_READ.items() if head.startswith(start)), None):
        reason = "FORMAT_UNSUPPORTED"
        what = f"{other}, which is not read: convert it to {known}"
    else:
        text = "plain text" if _is_text(head) else "of an unknown kind"
        reason = "FORMAT_UNKNOWN"
        what = f"{text} and not a {known} image: remove it or give the image itself"
    return ReadError(f"{name} is {what}.", reason=reason, name=name)


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
