"""What reads parts of files at addresses, for those that are too large to be fetched whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Protocol

__all__ = ["RangeReader"]


class RangeReader(Protocol):
    """Reads parts of files at addresses; it can be pickled, and equal ones have one hash."""

    def __hash__(self) -> int: ...

    def open(self, address: str) -> IO[bytes]:
        """Open a file, of which what is read is fetched."""
        ...

    def read_ranges(self, address: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of a file from the first of each range to before the second, fetched together."""
        ...
