"""Files of this machine, on their way to the services and from them."""

from __future__ import annotations

import contextlib
import errno
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lse.errors import InvalidArgumentError, LseError, NotFoundError, ResourceExhaustedError

__all__ = ["PIECE", "ArrivingFile", "file_size", "new_file", "pieces", "write_file"]

PIECE = 2**20
_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """File to write, which appears under its name once it is complete; whoever may read new files here may read it.

    Raises
    ------
    InvalidArgumentError, ResourceExhaustedError
        If it cannot be written.
    """
    # Made by `open` and not by `tempfile`, whose files only their owner may read.
    part = path.parent / f".{path.name}.{uuid.uuid4().hex}.part"
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        message = f"The file '{path}' cannot be written ({error.strerror}): choose another place."
        if error.errno in _FULL:
            raise ResourceExhaustedError(message, reason="DISK_FULL", path=path) from error
        raise InvalidArgumentError(message, reason="FILE_UNWRITABLE", path=path) from error
    finally:
        with contextlib.suppress(OSError):  # such as a part whose folder is not there
            part.unlink()


def write_file(path: str | Path, content: bytes | str) -> Path:
    """Write a whole file and return its path; errors as for `new_file`."""
    file = Path(path).expanduser()
    with new_file(file) as out:
        out.write(content if isinstance(content, bytes) else content.encode())
    return file


def pieces(path: Path) -> Iterator[bytes]:
    """Content of a file in pieces of 1 MiB; whether it can be opened is found out at once.

    Raises
    ------
    NotFoundError, InvalidArgumentError
        If it is not a file that can be read.
    """
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no file '{path}': correct the path.", reason="FILE_NOT_FOUND", path=path
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    return _read(path)


def file_size(path: Path) -> int:
    """Bytes of a file; errors as for `pieces`."""
    pieces(path)
    return path.stat().st_size


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"The file '{path}' cannot be read ({error.strerror}).", reason="FILE_UNREADABLE", path=path
    )


class ArrivingFile(io.RawIOBase):
    """File made of pieces as they arrive; `error` is what ended them early."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = memoryview(b"")
        self.error: LseError | None = None

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with the next bytes; 0 at the end."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._source))
        except StopIteration:
            return 0
        except LseError as error:
            self.error = error
            raise OSError(error.message) from error
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
