"""Reading files that people name: regular files only, where they are allowed, and no more than is allowed."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import IO

__all__ = [
    "FileTooLargeError",
    "NotRegularFileError",
    "OutsideError",
    "open_regular_file",
    "read_at_most",
    "read_regular_file",
]

_PIECE_BYTES = 4 * 2**20
_OPEN_FILES = "/proc/self/fd"


class NotRegularFileError(OSError):
    """A device, a pipe, a socket or a folder where a file is needed."""


class FileTooLargeError(OSError):
    """A file of more bytes than may be read."""


class OutsideError(OSError):
    """A file that a link or the path itself leads to, outside the folders that may be read."""


def open_regular_file(path: Path, *, within: Sequence[Path] | None = None) -> BufferedReader:
    """Open a file for reading; devices and pipes, which may never end or never begin, are not.

    Parameters
    ----------
    path
        The file; a link is followed.
    within
        Folders and files, without links, of which the file must be one or lie below one; not given: anywhere.

    Raises
    ------
    NotRegularFileError, OutsideError, OSError
        If there is no such file, or it may not be read.
    """
    # A pipe without a writer would hold up the opening itself.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _check(descriptor, path, within)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check(descriptor: int, path: Path, within: Sequence[Path] | None) -> None:
    # Asked of what was opened: a link may change between a check and the opening.
    if within is not None:
        opened = _opened(descriptor, path)
        if not any(opened == str(root) or opened.startswith(os.path.join(root, "")) for root in within):  # noqa: PTH118  # as texts: this is asked of every file
            raise OutsideError(0, "it lies outside the folders that may be read")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise NotRegularFileError(0, "it is not a regular file")


def read_regular_file(path: Path, *, most_bytes: int, within: Sequence[Path] | None = None) -> bytes:
    """Content of a file; no more than is allowed is read of one that grows meanwhile.

    Parameters
    ----------
    path, within
        As for `open_regular_file`.
    most_bytes
        Largest content that is read.

    Raises
    ------
    NotRegularFileError, FileTooLargeError, OutsideError, OSError
        If there is no such file, it may not be read, or it is too large.
    """
    with open_regular_file(path, within=within) as file:
        size = os.fstat(file.fileno()).st_size
        if size <= most_bytes:
            content = file.read(size + 1)
            if len(content) <= size:
                return content
            more = read_at_most(file, most_bytes - len(content))  # it grew meanwhile
            if more is not None:
                return content + more
        raise FileTooLargeError(0, f"it has more than {most_bytes:,} bytes")


def read_at_most(stream: IO[bytes], most_bytes: int) -> bytes | None:
    """All that a stream still gives; None where that is more than so many bytes.

    Memory is taken as the content comes: one call of ``read`` would take all that it may need at once.
    """
    pieces = io.BytesIO()
    while piece := stream.read(min(_PIECE_BYTES, most_bytes + 1 - pieces.tell())):
        pieces.write(piece)
        if pieces.tell() > most_bytes:
            return None
    return pieces.getvalue()


def _opened(descriptor: int, path: Path) -> str:
    """Where a file that is open lies, without links."""
    try:
        return os.readlink(f"{_OPEN_FILES}/{descriptor}")  # noqa: PTH115  # as above
    except OSError:  # systems without /proc
        return str(path.resolve())
