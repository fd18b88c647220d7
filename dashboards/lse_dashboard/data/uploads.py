"""Files that a visitor's browser sends: kept on this machine's disk until they are a dataset, or are given up."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from lse.errors import InvalidArgumentError, NotFoundError, ResourceExhaustedError
from lse_dashboard import wording

__all__ = ["Arriving", "Upload", "Uploads"]

_WORDS = wording.Ingest
_MOST_BYTES = 4 << 30
_MOST_FILES = 50_000
_LONGEST_PATH = 500
_TABLES = (".csv", ".tsv", ".ecsv", ".vot", ".votable", ".xml")
# The services know a file by the end of its name.
_LONGEST_SUFFIX = 12


@dataclass
class Arriving:
    """A file on its way.

    Attributes
    ----------
    name
        Its path in what was dropped.
    path
        Where it is written.
    file
        What it is written to.
    """

    name: str
    path: Path
    file: BinaryIO


@dataclass
class Upload:
    """What one page was given.

    Attributes
    ----------
    key
        Last part of its address.
    files
        Files that are here, by their paths in what was dropped.
    """

    key: str
    files: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lse-upload-"))
        # Also when the process ends.
        self._remove = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._lock = threading.Lock()
        self._reserved = 0
        self._count = 0

    @property
    def tables(self) -> dict[str, Path]:
        """Files that are catalogues rather than images."""
        return {name: path for name, path in self.files.items() if name.lower().endswith(_TABLES)}

    @property
    def images(self) -> dict[str, Path]:
        """All others, by their paths below the folder that was dropped, where it was one."""
        tables = self.tables
        found = {name: path for name, path in self.files.items() if name not in tables}
        tops = {name.partition("/")[0] if "/" in name else "" for name in found}
        begin = len(next(iter(tops))) + 1 if len(tops) == 1 and "" not in tops else 0
        return {name[begin:]: path for name, path in found.items()}

    @property
    def byte_count(self) -> int:
        """Bytes of all files that are here."""
        return sum(path.stat().st_size for path in self.files.values())

    def begin(self, name: str, byte_count: int) -> Arriving:
        """Make room for a file.

        Raises
        ------
        InvalidArgumentError, ResourceExhaustedError
            Its name cannot be used, or there is too much of it.
        """
        parts = PurePosixPath(name).parts
        if not parts or len(name) > _LONGEST_PATH or name.startswith("/") or ".." in parts or not name.isprintable():
            raise InvalidArgumentError(_WORDS.NAME_UNUSABLE.format(name=name[:80]), reason="NAME_INVALID")
        with self._lock:
            if self._reserved + byte_count > _MOST_BYTES or self._count >= _MOST_FILES:
                too_much = _WORDS.TOO_MUCH.format(size=_MOST_BYTES / 1e9, count=_MOST_FILES)
                raise ResourceExhaustedError(too_much, reason="UPLOAD_TOO_LARGE")
            self._reserved += byte_count
            self._count += 1
            suffix = "".join(PurePosixPath(name).suffixes[-2:]).lower()[-_LONGEST_SUFFIX:]
            path = self._folder / f"{self._count}{suffix}"
        return Arriving(name, path, path.open("wb"))

    def end(self, arriving: Arriving) -> None:
        """Take a file that is whole."""
        arriving.file.close()
        with self._lock:
            self.files[arriving.name] = arriving.path

    def give_up(self, arriving: Arriving) -> None:
        """Forget a file that was cut short."""
        arriving.file.close()
        arriving.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove all of it."""
        self.files.clear()
        self._remove()


class Uploads:
    """What open pages were given; whoever knows an address may send files there, and only the page learns it."""

    def __init__(self) -> None:
        self._open: dict[str, Upload] = {}
        self._lock = threading.Lock()

    def open(self) -> Upload:
        """Make room for the files of a page."""
        upload = Upload(secrets.token_urlsafe(24))
        with self._lock:
            self._open[upload.key] = upload
        return upload

    def find(self, key: str) -> Upload:
        """What is under an address.

        Raises
        ------
        NotFoundError
            Nothing is.
        """
        with self._lock:
            if key not in self._open:
                raise NotFoundError(_WORDS.GONE, reason="FILE_NOT_FOUND")
            return self._open[key]

    def close(self, upload: Upload) -> None:
        """Remove what a page was given."""
        with self._lock:
            self._open.pop(upload.key, None)
        upload.close()
