"""A bounded cache that many threads share and in which each value is made once."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

__all__ = ["BoundedCache"]

ValueT = TypeVar("ValueT")


class BoundedCache(Generic[ValueT]):
    """Least recently used values within a budget of bytes, and those that somebody still holds.

    Parameters
    ----------
    budget
        Bytes that all values together may take; the newest value stays even when it alone is larger.
    size
        Bytes that a value takes.
    """

    def __init__(self, budget: int, size: Callable[[ValueT], int]) -> None:
        self._budget = budget
        self._size = size
        self._values: OrderedDict[Hashable, tuple[ValueT, int]] = OrderedDict()
        self._used = 0
        # What fell out of the budget but is in use: nobody who asks for it gets a second copy.
        self._alive: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable) -> ValueT | None:
        """Value of a key, None when it is not here."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                alive: ValueT | None = self._alive.get(key)
                return alive
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: ValueT) -> None:
        """Keep a value and drop the longest unused ones beyond the budget."""
        taken = self._size(value)
        with self._lock:
            if key in self._values:
                self._used -= self._values.pop(key)[1]
            self._values[key] = (value, taken)
            with contextlib.suppress(TypeError):  # texts and dictionaries cannot be referred to weakly
                self._alive[key] = value
            self._used += taken
            while self._used > self._budget and len(self._values) > 1:
                _, (_, freed) = self._values.popitem(last=False)
                self._used -= freed

    def get_or_make(self, key: Hashable, make: Callable[[], ValueT]) -> ValueT:
        """Value of a key; threads that ask for a missing one together wait for one `make`.

        An error of `make` goes to the caller and nothing is kept, so that the next one tries again.
        """
        value = self.get(key)
        if value is not None:
            return value
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            value = self.get(key)
            if value is None:
                try:
                    value = make()
                    self.put(key, value)
                finally:
                    with self._lock:
                        self._making.pop(key, None)
        return value

    @property
    def used(self) -> int:
        """Bytes that the values take now."""
        return self._used

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return True  # an empty one is a cache, too
