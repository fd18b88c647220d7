"""Files that are made when a visitor fetches them: each has an address of its own, which nobody can guess."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["Downloads", "Make"]

Make = Callable[[Path], Path]
"""Writes a file into a folder, and returns its path."""

_OFFERS = 4096


class Downloads:
    """What open pages offer, until they are closed; of very many the longest unused offers go first.

    Whoever knows an address gets the file, so addresses are as long as keys, and only the page that made the offer
    learns them.
    """

    def __init__(self) -> None:
        self._offers: OrderedDict[str, Make] = OrderedDict()
        self._lock = threading.Lock()

    def offer(self, make: Make) -> str:
        """Offer a file; the last part of its address."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._offers[key] = make
            while len(self._offers) > _OFFERS:
                self._offers.popitem(last=False)
        return key

    def withdraw(self, keys: Iterable[str]) -> None:
        """Offer some files no more: what makes them holds the page that offered them."""
        with self._lock:
            for key in keys:
                self._offers.pop(key, None)

    def find(self, key: str) -> Make | None:
        """What makes the file of an address, None where nothing is offered there."""
        with self._lock:
            if key not in self._offers:
                return None
            self._offers.move_to_end(key)
            return self._offers[key]
