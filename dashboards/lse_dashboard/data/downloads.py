"""What is made when a visitor asks for it: each such thing has an address of its own, which nobody can guess."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

__all__ = ["Answer", "Make", "Offers"]

Make = Callable[[Path], Path]
"""Writes a file into a folder, and returns its path."""

Answer = Callable[[bytes], bytes | None]
"""Answers a question of the page; None where it makes no sense, or no longer."""

OfferT = TypeVar("OfferT")

_OFFERS = 4096


class Offers(Generic[OfferT]):
    """What open pages offer, until they are closed; of very many the longest unused offers go first.

    Whoever knows an address gets what is there, so addresses are as long as keys, and only the page that made the offer
    learns them.
    """

    def __init__(self) -> None:
        self._offers: OrderedDict[str, OfferT] = OrderedDict()
        self._lock = threading.Lock()

    def offer(self, thing: OfferT) -> str:
        """Offer a thing; the last part of its address."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._offers[key] = thing
            while len(self._offers) > _OFFERS:
                self._offers.popitem(last=False)
        return key

    def withdraw(self, keys: Iterable[str]) -> None:
        """Offer some things no more: what makes them holds the page that offered them."""
        with self._lock:
            for key in keys:
                self._offers.pop(key, None)

    def find(self, key: str) -> OfferT | None:
        """What is offered at an address, None where there is nothing."""
        with self._lock:
            if key not in self._offers:
                return None
            self._offers.move_to_end(key)
            return self._offers[key]
