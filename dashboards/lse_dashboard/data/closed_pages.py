"""What closed pages leave in the memory of this process."""

from __future__ import annotations

import gc
import threading

from lse.hardware import give_back_memory

__all__ = ["ClosedPages"]

_WAIT_SECONDS = 10.0


class ClosedPages:
    """Gives the memory of pages back some time after they were closed, once for all that close meanwhile.

    Parts of a page refer to each other, so that Python notices only now and then that nobody needs them, and the C
    library keeps what was freed between what is in use.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = False

    def note(self) -> None:
        """Note that a page was closed."""
        with self._lock:
            if self._waiting:
                return
            self._waiting = True
        timer = threading.Timer(_WAIT_SECONDS, self._give_back)
        timer.daemon = True
        timer.start()

    def _give_back(self) -> None:
        with self._lock:
            self._waiting = False
        gc.collect()
        give_back_memory()
