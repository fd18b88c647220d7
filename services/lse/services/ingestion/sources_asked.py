"""The files and folders that a request names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lse import names
from lse.addresses import is_address
from lse.errors import InvalidArgumentError, NotFoundError
from lse.platform.guarded.reading import Reading

__all__ = ["checked_sources"]


def checked_sources(reading: Reading, project: str, sources: Sequence[str], catalogue: str) -> Reading:
    """Check what a request names; how its files are read.

    Raises
    ------
    InvalidArgumentError, NotFoundError, PermissionDeniedError
        If nothing is named, something is not there, or requests of the project may not name it.
    """
    if not sources:
        message = "No sources are given: name files or folders of images."
        raise InvalidArgumentError(message, reason="SOURCES_MISSING")
    named = [*sources, *([catalogue] if catalogue else [])]
    if project:
        names.PROJECT.parse(project)
    reading = reading.of_project(project)
    reading.check(named)
    for path in named:
        if not is_address(path) and not Path(path).exists():
            raise NotFoundError(
                f"There is no file or folder '{path}' where the service runs: correct the path.",
                reason="SOURCE_NOT_FOUND",
                path=path,
            )
    return reading
