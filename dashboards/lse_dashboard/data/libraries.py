"""The libraries of all callers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from lse.client import Client, TokenSource
from lse_dashboard.data.access import Caller, expiry_of
from lse_dashboard.data.cache import BoundedCache
from lse_dashboard.data.library import Library, nbytes

__all__ = ["Libraries"]

_CALLERS = 256


class Libraries:
    """The library of each caller, with what all share.

    Parameters
    ----------
    connect
        Opens a client for a bearer token, or for what gives the present one; None for a visitor without one.
    table_budget, picture_budget
        Bytes of tables and of thumbnails to keep, for all callers together.
    """

    def __init__(
        self, connect: Callable[[TokenSource], Client], *, table_budget: int = 1 << 30, picture_budget: int = 128 << 20
    ) -> None:
        self._connect = connect
        self._tables: BoundedCache[Any] = BoundedCache(table_budget, nbytes)
        self._pictures: BoundedCache[bytes] = BoundedCache(picture_budget, len)
        self._libraries: OrderedDict[str, Library] = OrderedDict()
        self._renewed: dict[str, str] = {}
        self._lock = threading.Lock()

    def of(self, caller: Caller) -> Library:
        """Library of a caller; it goes on with a token that was renewed for the same user."""
        key, token = caller.key, caller.token
        with self._lock:
            # A cookie may be older than what the page has got since.
            if caller.user and token and expiry_of(token) >= expiry_of(self._renewed.get(key, "")):
                self._renewed[key] = token
            if key not in self._libraries:
                source: TokenSource = (lambda: self._renewed[key]) if caller.user and token else token
                self._libraries[key] = Library(
                    lambda: self._connect(source), tables=self._tables, pictures=self._pictures, owner=key
                )
            self._libraries.move_to_end(key)
            # Pages that are open keep theirs; its channel closes with the last of them.
            while len(self._libraries) > _CALLERS:
                self._libraries.popitem(last=False)
            return self._libraries[key]

    def close(self) -> None:
        """End what waits for the services, for all callers."""
        with self._lock:
            for library in self._libraries.values():
                library.close()
