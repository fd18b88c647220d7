"""Sources at addresses, fetched for as long as they are read."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from lse.addresses import address_of, is_address
from lse.errors import LseError, PermissionDeniedError
from lse.images.sources import Source
from lse.images.stacks import is_stack_name
from lse.platform.guarded.reading import Reading
from lse.platform.outages import is_outage

__all__ = ["fetched", "fetched_file", "is_remote"]

_AT_ONCE = 8  # requests to one server
# Archives and mosaics are read by many tasks; each machine keeps some of them.
_MOST_LARGE_BYTES = 64 * 2**30
_MOST_KEPT_BYTES = 128 * 2**30


def is_remote(source: Source) -> bool:
    """Whether any file of a source has to be fetched."""
    return any(path is not None and address_of(path) for path in (source.path, *source.bands))


@contextmanager
def fetched(reading: Reading, sources: Sequence[Source], *, large: bool = False) -> Iterator[list[Source | LseError]]:
    """The same sources with files of this machine, or why one of them could not be fetched.

    Parameters
    ----------
    reading
        How files are fetched, and how large one may be.
    sources
        Sources.
    large
        Whether each file holds many images, so that it may be larger than an image: of a FITS file only what is needed
        is read where its server gives parts; others are kept for other tasks.

    Raises
    ------
    UnavailableError
        If a server is away.
    """
    if not any(map(is_remote, sources)):
        yield list(sources)
        return
    with tempfile.TemporaryDirectory(prefix="lse-fetched-") as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        folders = [Path(folder, str(number)) for number in range(len(sources))]
        yield list(pool.map(partial(_local, reading, large=large), sources, folders))


@contextmanager
def fetched_file(reading: Reading, path: str) -> Iterator[Path]:
    """One file of this machine or at an address, as a path of this machine."""
    if not is_address(path):
        yield Path(path).expanduser()
        return
    with tempfile.TemporaryDirectory(prefix="lse-fetched-") as folder:
        file = Path(folder, PurePosixPath(path.partition("?")[0]).name)
        reading.remote.fetch(path, file, most_bytes=_MOST_LARGE_BYTES)
        yield file


def _local(reading: Reading, source: Source, folder: Path, *, large: bool) -> Source | LseError:
    """A source with files of this machine in place of those at addresses."""
    if not is_remote(source):
        return source
    address = address_of(source.path)
    if large and address and not source.bands and _may_be_read_in_parts(address):
        try:
            if reading.remote.gives_ranges(address):
                return replace(source, remote=reading.remote)
        except LseError as error:
            if is_outage(error):
                raise
            return error
    many = large or is_stack_name(Path(source.relative.partition("#")[0])) or bool(source.member)
    fetch = partial(_kept, reading) if many else partial(_fetched_to, reading, folder)
    try:
        files = {path: fetch(path) for path in {source.path, *source.bands} if path is not None}
    except LseError as error:
        if is_outage(error):
            raise
        return error
    path = files[source.path]
    bands = tuple(band and files[band] for band in source.bands)
    return replace(source, path=path, root=path.parent.resolve(), bands=bands)


def _may_be_read_in_parts(address: str) -> bool:
    """Whether a name is that of a FITS file that is not compressed as a whole."""
    return address.partition("?")[0].lower().endswith((".fits", ".fit", ".fts", ".fz"))


def _fetched_to(reading: Reading, folder: Path, path: Path) -> Path:
    """A file in a folder of its own, under its own name, which says what it is."""
    address = address_of(path)
    if address is None:
        return path
    file = folder / hashlib.sha256(address.encode()).hexdigest()[:16] / path.name.partition("?")[0]
    file.parent.mkdir(parents=True, exist_ok=True)
    reading.remote.fetch(address, file, most_bytes=reading.file_bytes)
    return file


def _kept(reading: Reading, path: Path) -> Path:
    """A file that this machine keeps as long as it does not change at its address."""
    address = address_of(path)
    if address is None:
        return path
    key = hashlib.sha256(f"{address}\n{reading.remote.version(address)}".encode()).hexdigest()[:32]
    folder = _folder_of_kept()
    file = folder / key / path.name.partition("?")[0]
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as unfinished:
            whole = Path(unfinished, "file")
            reading.remote.fetch(address, whole, most_bytes=_MOST_LARGE_BYTES)
            whole.rename(file)
        _make_room(folder, beside=file)
    os.utime(file)
    return file


def _folder_of_kept() -> Path:
    """Folder of the files that are kept, which no other user of the machine can have laid out."""
    folder = Path(tempfile.gettempdir(), f"lse-kept-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionDeniedError(
            f"The folder {folder} is not this user's alone, so that what lies in it cannot be trusted: remove it.",
            reason="FOLDER_NOT_ALLOWED",
            path=folder,
        )
    return folder


def _make_room(folder: Path, *, beside: Path) -> None:
    """Remove the files that were not used for longest, as far as there are too many; not what is being fetched."""
    known = {path: path.stat() for path in folder.glob("[!.]*/*") if path != beside}
    total = beside.stat().st_size + sum(each.st_size for each in known.values())
    for path in sorted(known, key=lambda path: known[path].st_mtime):
        if total <= _MOST_KEPT_BYTES:
            return
        total -= known[path].st_size
        path.unlink(missing_ok=True)  # another task may make room, too
