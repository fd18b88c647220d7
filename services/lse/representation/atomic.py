"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lse.errors import ResourceExhaustedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole or not at all, even when the machine stops.

    Raises
    ------
    ResourceExhaustedError
        When it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.writing")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ResourceExhaustedError(
            f"The file {path.name} cannot be written ({error.strerror}); free some disk space.",
            reason="DISK_FULL",
            path=path,
        ) from error
