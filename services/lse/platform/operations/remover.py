"""Removes bulk data that nothing names any more, once their stores answer."""

from __future__ import annotations

import threading

import structlog

from lse.errors import LseError
from lse.platform.deletion import remove_discards
from lse.platform.outages import Patience
from lse.platform.stores import Stores

__all__ = ["Remover"]

_log = structlog.get_logger(__name__)
# What this process could not remove it knows of; what others left, as by ``kill -9``, is looked for.
_LOOK_SECONDS = 120.0


class Remover:
    """Looks for what a deletion or the end of an operation could not remove, and removes it in a thread.

    Parameters
    ----------
    stores
        Where it is; what is to be removed is in their catalogue.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._stopping = threading.Event()
        self._waits = False
        self._thread = threading.Thread(target=self._loop, name="remover", daemon=True)

    def start(self) -> None:
        """Begin with what was left by earlier processes."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop looking; what is there still is removed after the next start."""
        self._stopping.set()
        self._stores.discards.left.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _loop(self) -> None:
        left, patience = self._stores.discards.left, Patience(float("inf"))
        while not self._stopping.is_set():
            left.clear()
            count, failure = self._remove()
            self._tell(failure)
            if failure is None:
                left.wait(_LOOK_SECONDS)
            else:
                self._stopping.wait(patience.pause(count))

    def _remove(self) -> tuple[int, LseError | None]:
        """How much there was to remove, and why some of it still is."""
        try:
            pending = self._stores.discards.pending()
        except LseError as error:
            return 0, error
        return len(pending), remove_discards(self._stores, pending)

    def _tell(self, failure: LseError | None) -> None:
        if failure is not None and not self._waits:
            _log.warning("removal_waits", reason=failure.reason, message=failure.message)
        elif failure is None and self._waits:
            _log.info("removal_goes_on")
        self._waits = failure is not None
