"""Archives of image files: ZIP and tar, the latter also compressed; nothing is unpacked to the disk."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import IO

from lse.images.formats import Extensions, ReadError, ReadLimits, SourceImage, read_image
from lse.images.sources.files import SIDECAR_SUFFIXES
from lse.images.stacks.stack import Stack, StackFacts
from lse.methods import Method
from lse.parameters import Parameters
from lse.regular_files import read_at_most

__all__ = ["METHOD", "TarStack", "ZipStack", "open_archive"]


def open_archive(file: IO[bytes]) -> Stack:
    """Open a ZIP or tar archive."""
    begin = file.read(4)
    file.seek(0)
    return ZipStack(file) if begin == b"PK\x03\x04" else TarStack(file)


class ZipStack:
    """Files of a ZIP archive."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(file)

    def images(self) -> Sequence[str]:
        """See `Stack.images`."""
        return _shown([each.filename for each in self._archive.infolist() if not each.is_dir()])

    def read(self, image: str, name: str, limits: ReadLimits, extensions: Extensions) -> SourceImage:
        """See `Stack.read`."""
        found = self._archive.getinfo(image)
        if found.flag_bits & 1:
            message = f"{name} is encrypted: unpack the archive first."
            raise ReadError(message, reason="COMPRESSION_UNSUPPORTED", name=name)
        # The upper half of the attributes of archives made on Unix is the mode of the file.
        linked = found.create_system == 3 and (found.external_attr >> 16) & 0o170000 not in (0, 0o100000)
        _check(image, name, regular=not linked)
        return _decoded(lambda: self._archive.open(found), found.file_size, name, limits, extensions)


class TarStack:
    """Files of a tar archive."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = tarfile.open(fileobj=file)  # noqa: SIM115  # kept open
        self._members = {each.name: each for each in self._archive.getmembers() if not each.isdir()}

    def images(self) -> Sequence[str]:
        """See `Stack.images`."""
        return _shown(list(self._members))

    def read(self, image: str, name: str, limits: ReadLimits, extensions: Extensions) -> SourceImage:
        """See `Stack.read`."""
        found = self._members[image]
        _check(image, name, regular=found.isreg())

        def content() -> IO[bytes]:
            stream = self._archive.extractfile(found)
            assert stream is not None  # of a regular file
            return stream

        return _decoded(content, found.size, name, limits, extensions)


def _shown(names: Sequence[str]) -> list[str]:
    """Files that are inputs: as in a folder, hidden ones and sidecars are not."""
    return [
        name
        for name in names
        if PurePosixPath(name).suffix.lower() not in SIDECAR_SUFFIXES
        and not any(part.startswith((".", "__MACOSX")) and part != ".." for part in PurePosixPath(name).parts)
    ]


def _check(image: str, name: str, *, regular: bool) -> None:
    path = PurePosixPath(image)
    if not regular or path.is_absolute() or ".." in path.parts:
        message = f"{name} is a link, a device or a path out of its archive, and is not read: leave it out."
        raise ReadError(message, reason="FILE_UNSUPPORTED", name=name)


def _decoded(
    content: Callable[[], IO[bytes]], declared: int, name: str, limits: ReadLimits, extensions: Extensions
) -> SourceImage:
    found = None
    if declared <= limits.file_bytes:
        with content() as stream:
            found = read_at_most(stream, limits.file_bytes)
    if found is None:
        message = f"{name} has more than the {limits.file_bytes:,} bytes that are read: cut it into smaller images."
        raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name, limit=limits.file_bytes)
    return read_image(found, name=name, limits=limits, extensions=extensions)


METHOD: Method[Callable[[IO[bytes]], Stack], StackFacts] = Method(
    id="archive",
    title="Archive",
    summary="ZIP and tar archives of image files, the latter also in gzip, bzip2 or xz.",
    parameters=Parameters,
    run=open_archive,
    facts=StackFacts(
        signature=rb"PK\x03\x04|.{257}ustar|\x1f\x8b|BZh|\xfd7zXZ\x00",
        suffixes=(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
        separator="/",
    ),
    order=10,
)
