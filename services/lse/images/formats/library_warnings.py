"""What image libraries warn about while a file is read becomes a note of that image, not a line on the screen."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["collected_notes"]

_MAX_LENGTH = 300
# The warning filters belong to the whole process: two threads that change and restore them must not overlap.
_LOCK = threading.Lock()


@contextmanager
def collected_notes() -> Iterator[list[str]]:
    """Collect the distinct warnings raised inside, filled in when the block ends; nothing is shown or raised."""
    notes: list[str] = []
    with _LOCK, warnings.catch_warnings(record=True) as caught:
        # Files of surveys often break the letter of a standard and are still readable: the user is told beside the
        # image instead.
        warnings.simplefilter("always")
        try:
            yield notes
        finally:
            texts = (" ".join(str(warning.message).split())[:_MAX_LENGTH] for warning in caught)
            notes.extend(dict.fromkeys(texts))
