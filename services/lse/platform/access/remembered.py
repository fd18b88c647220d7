"""Answers of the catalogue that are asked for with every call, remembered for a moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Remembered"]

_MOST = 4096

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class Remembered(Generic[KeyT, ValueT]):
    """A function whose answers are remembered for some seconds; safe to share between threads.

    Parameters
    ----------
    look
        Finds an answer.
    seconds
        How long it is good for.
    """

    def __init__(self, look: Callable[[KeyT], ValueT], *, seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._answers: OrderedDict[KeyT, tuple[float, ValueT]] = OrderedDict()
        self._lock = threading.Lock()
        self._changes = 0

    def of(self, key: KeyT) -> ValueT:
        """Answer for a key."""
        kept = self._answers.get(key)
        if kept is not None and time.monotonic() < kept[0]:
            return kept[1]
        before = self._changes
        found = self._look(key)
        with self._lock:
            # What was found while somebody changed it may be old already.
            if before == self._changes:
                self._answers[key] = (time.monotonic() + self._seconds, found)
                self._answers.move_to_end(key)
                while len(self._answers) > _MOST:
                    self._answers.popitem(last=False)
        return found

    def forget(self, key: KeyT) -> None:
        """Look again the next time."""
        with self._lock:
            self._changes += 1
            self._answers.pop(key, None)
