"""Finding source files and giving each a name that never changes between runs."""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from lse.addresses import address_of, address_path, is_address
from lse.errors import InvalidArgumentError, NotFoundError
from lse.images.formats import READERS
from lse.images.sources.hats import without_hats_extras
from lse.images.sources.ranges import RangeReader

__all__ = [
    "SIDECAR_SUFFIXES",
    "Source",
    "distinct_names",
    "find_sources",
    "folder_classes",
    "names_of",
    "printable_path",
]

SIDECAR_SUFFIXES = frozenset(
    {".csv", ".tsv", ".md", ".rst", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".parquet", ".py", ".log"}
)
# What Parquet and HATS datasets have beside their tables.
_SIDECAR_NAMES = frozenset({"_metadata", "_common_metadata", "_success", "properties", "hats.properties"})
_MOST_BANDS = 16
# What files are numbered by; names such as ch1 and band_2 are of bands.
_NUMBERED = re.compile(r"(?<!ch)(?<!chan)(?<!channel)(?<!band)(?<!filter)(?<![wWfF])[-_ ]?\d+$", re.IGNORECASE)
File = TypeVar("File", bound=Hashable)
_STORE_FILES = ("zarr.json", ".zgroup", ".zarray")


@dataclass(frozen=True, slots=True)
class Source:
    r"""A file that a dataset is made of.

    Attributes
    ----------
    name
        Name of its image, unique in the dataset, see `names_of`.
    path
        Absolute path, or the one that stands for an address (`lse.addresses`).
    relative
        Path below the folder it was found in, with ``/``; the file name when the file itself was given.  Below the
        folder's own name where several folders were given.  Bytes that are not UTF-8 are written ``\x..``.
    root
        The folder or file that was named, without links: what a link must not lead out of.
    bands
        Files of its bands where each has its own, None for one that is missing; `path` is the first of them.
    member
        What it is called in its file, of one that holds many images.
    position
        Right ascension and declination (ICRS, degrees) of one that is cut out of a mosaic.
    called
        What people know its file by, where that is not its path.
    remote
        What reads parts of a file at an address; None of one that is read whole, and of one of this machine.
    """

    name: str
    path: Path
    relative: str
    root: Path | None = None
    bands: tuple[Path | None, ...] = ()
    member: str = ""
    position: tuple[float, float] | None = None
    called: str = ""
    remote: RangeReader | None = field(default=None, compare=False, repr=False)

    @property
    def location(self) -> str:
        """Path or address, with the end of `relative` that is within the file; of one image only."""
        if self.called:
            return "/".join(part for part in (self.called, self.member) if part)
        inside = self.relative[-len(self.member) - 1 :] if self.member else ""
        return (address_of(self.path) or printable_path(self.path)) + inside

    @property
    def stem(self) -> str:
        """File name without the suffix of an image and of a compression."""
        own = self.relative.rpartition("/")[2]
        return own if self.bands else _stem(own if self.member else printable_path(self.path.name))


def find_sources(
    paths: Sequence[str | Path],
    *,
    exclude: Sequence[str | Path] = (),
    also: Collection[str] = (),
    list_address: Callable[[str], Sequence[str]] | None = None,
) -> list[Source]:
    """List the files of some files and folders, folders with all below them, in a stable order.

    Every file of a folder is a source, whatever its suffix, so that nothing is left out silently and what is not an
    image ends as a row with its reason. A Zarr store is one source. Left out are only hidden files and folders (a
    leading dot), those in `exclude`, and sidecars by their suffix (`SIDECAR_SUFFIXES`: tables, notes and settings
    such as ``.csv`` or ``.md``). A file given by its own path is always a source. Links to folders are not
    followed; they, devices and pipes are sources that cannot be read, and so end as a row with the reason as well.

    Parameters
    ----------
    paths
        Files and folders of this machine, and addresses.
    exclude
        What is no source.
    also
        Suffixes of sidecars that are sources here.
    list_address
        Addresses of the files at an address and below it; without it an address is a path that does not exist.

    Raises
    ------
    NotFoundError
        ``SOURCE_NOT_FOUND`` for a path that does not exist.
    InvalidArgumentError
        ``SOURCES_MISSING`` when there is no file, ``FOLDER_UNREADABLE`` when a folder may not be listed.
    """
    if not paths:
        raise InvalidArgumentError("No source is given: name a file or a folder of images.", reason="SOURCES_MISSING")
    elsewhere = [str(path) for path in paths if list_address is not None and is_address(path)]
    roots = [Path(path).expanduser().absolute() for path in paths if path not in elsewhere]
    left_out = {Path(path).expanduser().resolve() for path in exclude if not is_address(path)}
    left_out_names = {path.name for path in left_out}  # to follow the links of few files only
    sidecars = SIDECAR_SUFFIXES - {*also}
    several = sum(root.is_dir() for root in roots) + len(elsewhere) > 1
    found: dict[Path, str] = {}
    real: dict[Path, Path] = {}
    for root in roots:
        own = root.resolve()
        prefix = f"{root.name}/" if several else ""
        for path, relative in _files_below(root, prefix):
            may_be_left_out = path.name in left_out_names or (left_out and path.is_symlink())
            is_sidecar = path != root and _is_sidecar(path, sidecars)
            if not is_sidecar and not (path != root and may_be_left_out and path.resolve() in left_out):
                found.setdefault(path, relative)
                real.setdefault(path, own)
    for address in elsewhere:
        assert list_address is not None
        prefix = f"{address.rstrip('/').rpartition('/')[2]}/" if several else ""
        for file, relative in _files_at(address, sorted(list_address(address)), prefix):
            path = address_path(file)
            if file == address or not (_is_sidecar(path, sidecars) or file in exclude):
                found.setdefault(path, relative)
                real.setdefault(path, path)
    found = without_hats_extras(found)
    if not found:
        listed = ", ".join(str(path) for path in paths)
        message = f"There is no image file in {listed}: name a folder that holds images."
        raise InvalidArgumentError(message, reason="SOURCES_MISSING", paths=listed)
    named = zip(names_of(found), found.items(), strict=True)
    return [Source(name=name, path=path, relative=relative, root=real[path]) for name, (path, relative) in named]


def names_of(files: Mapping[File, str], taken: Collection[str] = ()) -> list[str]:
    """Names of images, which keep what tells their files apart: case, signs, dots and letters of any script.

    A name is the relative path without the suffix of an image; with it where several files would have the same one
    (``a.png`` and ``a.fits``), and the absolute path where even that is shared.

    Parameters
    ----------
    files
        Absolute path, or another place that no other has, and relative path of each.
    taken
        Names that the dataset has already.

    Examples
    --------
    >>> names_of({Path("/x/a/J0013+0951.fits"): "a/J0013+0951.fits", Path("/x/b.png"): "b.png"})
    ['a/J0013+0951', 'b']
    """
    if not taken and (plain := distinct_names(files.values())):
        return plain
    used, names = set(taken), dict[File, str]()
    stems = {file: _without_suffix(relative) for file, relative in files.items()}
    for name_of in (stems.__getitem__, files.__getitem__, lambda path: printable_path(str(path))):
        left = {path: name_of(path) for path in files if path not in names}
        shared = Counter(left.values())
        own = {path: name for path, name in left.items() if shared[name] == 1 and name not in used}
        names |= own
        used |= set(own.values())
    for path in files:
        if path not in names:  # bytes that are not UTF-8, beside a file whose name spells them out
            number = next(n for n in itertools.count(2) if f"{stems[path]} ({n})" not in used)
            names[path] = f"{stems[path]} ({number})"
            used.add(names[path])
    return [names[path] for path in files]


def distinct_names(relative: Iterable[str]) -> list[str] | None:
    """Relative paths without the suffix of an image; None where several are the same: `names_of` tells them apart."""
    plain = [_without_suffix(path) for path in relative]
    return plain if len(set(plain)) == len(plain) else None


def folder_classes(sources: Sequence[Source]) -> list[str] | None:
    """Class of each source where there is a folder a class; None of any other layout.

    Every source then lies in a folder, there are at least two, and twice as many sources.  Folders that all hold the
    same few files are not classes but objects with a file a band, unless the files are numbered.

    Examples
    --------
    >>> folder_classes([Source("", Path("/x", p), p) for p in ("disc/1.png", "disc/2.png", "ring/3.png", "ring/4.png")])
    ['disc', 'disc', 'ring', 'ring']
    """
    folders: list[str] = []
    files: dict[str, list[str]] = {}  # names of files in each folder, no more than bands may have: there may be many
    for source in sources:
        path, _, name = source.relative.rpartition("/")
        folder = sys.intern(path.rpartition("/")[2])
        if not folder:
            return None
        folders.append(folder)
        names = files.setdefault(folder, [])
        if len(names) <= _MOST_BANDS:
            names.append(name)
    if len(files) < 2 or len(sources) < 2 * len(files):
        return None
    alike = len({frozenset(names) for names in files.values()}) == 1
    few = max(map(len, files.values())) <= _MOST_BANDS
    numbered = len({_NUMBERED.sub("", _stem(name)) for name in next(iter(files.values()))}) == 1
    return None if alike and few and not numbered else folders


def printable_path(path: str | Path) -> str:
    r"""Path as text: bytes that are not UTF-8, which Python keeps as lone surrogates, are written ``\x..``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _without_suffix(relative: str) -> str:
    folder, slash, file_name = relative.rpartition("/")
    stem = _stem(file_name)
    return relative if stem is file_name else folder + slash + stem


def _stem(file_name: str) -> str:
    lower = file_name.lower()
    if not lower.endswith(_image_suffixes()):
        return file_name
    matches = [suffix for suffix in _image_suffixes() if lower.endswith(suffix) and len(lower) > len(suffix)]
    return file_name[: -len(max(matches, key=len))] if matches else file_name


def _files(root: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        message = f"The folder {error.filename} cannot be listed ({error.strerror}): check its permissions."
        raise InvalidArgumentError(message, reason="FOLDER_UNREADABLE", path=error.filename) from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        shown = sorted(name for name in folders if not name.startswith("."))
        # Links are not followed, and a store is one source, as a file is.
        whole = {name for name in shown if Path(folder, name).is_symlink() or _is_store(Path(folder, name))}
        folders[:] = [name for name in shown if name not in whole]
        for name in sorted({*files, *whole}):
            if not name.startswith("."):
                yield Path(folder, name)


def _files_below(root: Path, prefix: str) -> Iterator[tuple[Path, str]]:
    """Files of a folder with their paths below it, after a prefix; a file that is named itself."""
    if root.is_dir() and not _is_store(root):
        begin = len(os.path.join(root, ""))  # noqa: PTH118  # as text: relative_to takes longer than the walk
        for path in _files(root):
            yield path, printable_path(prefix + str(path)[begin:])
    elif root.exists():
        yield root, printable_path(root.name)
    else:
        message = f"The source {root} does not exist: check the path on the machine where the services run."
        raise NotFoundError(message, reason="SOURCE_NOT_FOUND", path=root)


def _files_at(address: str, files: Sequence[str], prefix: str) -> Iterator[tuple[str, str]]:
    """Files at an address with their paths below it, after a prefix; a file that it names itself."""
    begin = address.rstrip("/") + "/"
    for file in files:
        # On the web, names are written percent-encoded.
        named = unquote if file.startswith("http") else str
        if file == address:
            yield file, named(file.rpartition("/")[2].partition("?")[0])
            continue
        relative = named(file.removeprefix(begin))
        if not any(part.startswith(".") for part in relative.split("/")):  # hidden, as on this machine
            yield file, prefix + relative


def _is_sidecar(path: Path, sidecars: Collection[str]) -> bool:
    return path.suffix.lower() in sidecars or path.name.lower() in _SIDECAR_NAMES


def _is_store(folder: Path) -> bool:
    """Whether a folder is a Zarr store, whose files are parts of arrays."""
    return folder.suffix.lower() == ".zarr" and any((folder / name).is_file() for name in _STORE_FILES)


@cache
def _image_suffixes() -> tuple[str, ...]:
    """What the names of images end in, compressed or not."""
    return tuple(
        suffix + compression
        for reader in READERS
        for suffix in reader.facts.suffixes
        for compression in ("", ".gz", ".bz2", ".xz", ".fz")
    )
