"""Files that a command reads and writes, of which ``-`` is the standard input or output."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lse.errors import InvalidArgumentError

__all__ = ["STANDARD", "read_file", "written_file"]

STANDARD = "-"


@contextlib.contextmanager
def read_file(path: Path) -> Iterator[Path]:
    """File to read: itself, or a copy of the standard input, which is gone afterwards."""
    if str(path) != STANDARD:
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="lse-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


@contextlib.contextmanager
def written_file(path: Path) -> Iterator[Path]:
    """File to write: itself, or one that goes to the standard output once it is complete."""
    if str(path) != STANDARD:
        yield path
        return
    if sys.stdout.isatty():
        raise InvalidArgumentError(
            "This is no text for a terminal: send it on with `|` or `>`, or name a file.", reason="FILE_UNWRITABLE"
        )
    with tempfile.TemporaryDirectory(prefix="lse-") as folder:
        written = Path(folder) / "out"
        yield written
        with written.open("rb") as content:
            shutil.copyfileobj(content, sys.stdout.buffer)
        sys.stdout.buffer.flush()
