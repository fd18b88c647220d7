"""Files of this machine on their way to the services, as one file: an archive of them, or the one that holds many."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, cast

from lse.client.streams import PIECE, pieces
from lse.errors import InvalidArgumentError, NotFoundError

__all__ = ["STACK_SUFFIXES", "SentFiles"]

# Of files that hold many images; they are sent as they are.
STACK_SUFFIXES = (
    *(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
    *(".npy", ".npz", ".h5", ".hdf5", ".hdf", ".parquet"),
)
_ARCHIVE = "upload.zip"


@dataclass(frozen=True)
class SentFiles:
    """What is sent.

    Attributes
    ----------
    file_name
        Name of the one file that the services get.
    path
        That file, where it is there already.
    files
        Files of the archive that is made on the way, by their path in it.
    """

    file_name: str
    path: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, files: str | Path | Mapping[str, Path]) -> SentFiles:
        """Take a folder, a file, or files by their paths.

        Raises
        ------
        InvalidArgumentError, NotFoundError
            If there is nothing to send, or a file of many images is among others.
        """
        if not isinstance(files, Mapping):
            root = Path(files).expanduser()
            if not root.exists():
                message = f"There is no file or folder '{root}' on this machine: correct the path."
                raise NotFoundError(message, reason="FILE_NOT_FOUND", path=root)
            files = _below(root) if root.is_dir() else {root.name: root}
        if not files:
            message = "No files were given: name a file or a folder of images."
            raise InvalidArgumentError(message, reason="SOURCES_MISSING")
        many = [name for name in files if name.lower().endswith(STACK_SUFFIXES)]
        if not many:
            return cls(_ARCHIVE, files=dict(sorted(files.items())))
        if len(files) > 1:
            message = f"'{many[0]}' may hold many images, and is among other files: send it by itself."
            raise InvalidArgumentError(message, reason="SOURCES_CONFLICT", name=many[0])
        return cls(many[0].rsplit("/", 1)[-1], path=files[many[0]])

    def some(self, count: int) -> SentFiles:
        """Some of the files, evenly spread over all; a file that holds many stays whole."""
        step = max(1.0, (len(self.files) - 1) / max(1, count - 1))
        chosen = {round(number * step) for number in range(count)}
        return replace(self, files={key: one for at, (key, one) in enumerate(self.files.items()) if at in chosen})

    def content(self) -> Iterator[bytes]:
        """The file in pieces; the archive is never whole anywhere on this machine.

        Raises
        ------
        NotFoundError, InvalidArgumentError
            If a file cannot be read.
        """
        return pieces(self.path) if self.path is not None else _archived(self.files)


def _below(folder: Path) -> dict[str, Path]:
    """Files of a folder by their paths below it, but hidden ones."""
    found = ((path.relative_to(folder), path) for path in folder.rglob("*") if path.is_file())
    return {own.as_posix(): path for own, path in found if not any(part.startswith(".") for part in own.parts)}


class _Outlet:
    """File to write to, from which what was written is taken away."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        data, self._written = bytes(self._written), bytearray()
        return data


def _archived(files: Mapping[str, Path]) -> Iterator[bytes]:
    """ZIP archive of some files, not compressed, the same bytes for the same content."""
    outlet = _Outlet()
    with zipfile.ZipFile(cast("IO[bytes]", outlet), "w") as archive:
        for name, path in files.items():
            # A fixed date, so that what is sent again is recognised as the same.
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                for piece in pieces(path):
                    member.write(piece)
                    if len(piece) == PIECE:
                        yield outlet.taken()
            yield outlet.taken()
    yield outlet.taken()
