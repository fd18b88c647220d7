"""Finding source files and giving each a name that never changes between runs."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lse.platform.errors import InvalidArgumentError, NotFoundError

__all__ = ["IMAGE_SUFFIXES", "SIDECAR_SUFFIXES", "Source", "find_sources", "stem"]

IMAGE_SUFFIXES = frozenset(
    suffix + compression
    for suffix in (".fits", ".fit", ".fts", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
    for compression in ("", ".gz", ".bz2", ".xz", ".fz")
)
SIDECAR_SUFFIXES = frozenset(
    {".csv", ".tsv", ".md", ".rst", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".parquet", ".py", ".log"}
)
_MAX_NAME = 200


@dataclass(frozen=True)
class Source:
    """A file that a dataset is made of.

    Attributes
    ----------
    name
        Resource id of its image, unique in the dataset: lower-case letters, digits, ``-``, ``_`` and ``.``.
    path
        Absolute path.
    relative
        Path below the folder it was found in, with ``/``; the file name when the file itself was given.  Below the
        folder's own name where several folders were given.
    """

    name: str
    path: Path
    relative: str


def find_sources(paths: Sequence[str | Path], *, exclude: Sequence[str | Path] = ()) -> list[Source]:
    """List the files of some files and folders, folders with all below them, in a stable order.

    Every file of a folder is a source, whatever its suffix, so that nothing is left out silently and what is no image
    ends as a row with its reason.  Left out are only hidden files and folders (a leading dot), those in `exclude`, and
    sidecars by their suffix (`SIDECAR_SUFFIXES`: tables, notes and settings such as ``.csv`` or ``.md``).  A file given
    by its own path is always a source.  Links to folders are not followed.

    Raises
    ------
    NotFoundError
        ``SOURCE_NOT_FOUND`` for a path that does not exist.
    InvalidArgumentError
        ``NO_SOURCES`` when there is no file, ``UNREADABLE_FOLDER`` when a folder may not be listed.
    """
    roots = [Path(path).expanduser().absolute() for path in paths]
    if not roots:
        raise InvalidArgumentError("No source is given: name a file or a folder of images.", reason="NO_SOURCES")
    left_out = {Path(path).expanduser().resolve() for path in exclude}
    several = sum(root.is_dir() for root in roots) > 1
    found: dict[Path, str] = {}
    for root in roots:
        if root.is_dir():
            prefix = f"{root.name}/" if several else ""
            for path in _files(root):
                if path.suffix.lower() not in SIDECAR_SUFFIXES and path.resolve() not in left_out:
                    found.setdefault(path, prefix + path.relative_to(root).as_posix())
        elif root.exists():
            found.setdefault(root, root.name)
        else:
            message = f"The source {root} does not exist: check the path on the machine where the services run."
            raise NotFoundError(message, reason="SOURCE_NOT_FOUND", path=root)
    if not found:
        listed = ", ".join(str(root) for root in roots)
        message = f"There is no image file in {listed}: name a folder that holds images."
        raise InvalidArgumentError(message, reason="NO_SOURCES", paths=listed)
    taken: set[str] = set()
    return [Source(name=_name(relative, taken), path=path, relative=relative) for path, relative in found.items()]


def stem(file_name: str) -> str:
    """File name without the suffix of an image and of a compression."""
    lower = file_name.lower()
    matches = [suffix for suffix in IMAGE_SUFFIXES if lower.endswith(suffix) and len(lower) > len(suffix)]
    return file_name[: -len(max(matches, key=len))] if matches else file_name


def _files(root: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        message = f"The folder {error.filename} cannot be listed ({error.strerror}): check its permissions."
        raise InvalidArgumentError(message, reason="UNREADABLE_FOLDER", path=error.filename) from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _name(relative: str, taken: set[str]) -> str:
    """Name made of a relative path; a digest of the path tells apart those that would be alike or too long."""
    path = PurePosixPath(relative)
    plain = (path.parent / stem(path.name)).as_posix()
    ascii_text = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode("ascii").lower()
    slug = re.sub(r"-{2,}", "-", re.sub(r"[^a-z0-9._]+", "-", ascii_text)).strip("-._") or "image"
    name, count = slug, 0
    while name in taken or len(name) > _MAX_NAME:
        digest = hashlib.sha256(f"{relative}#{count}".encode("utf-8", "surrogateescape")).hexdigest()[:10]
        name = f"{slug[: _MAX_NAME - 11].rstrip('-._')}-{digest}"
        count += 1
    taken.add(name)
    return name
