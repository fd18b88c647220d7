"""Finds owners of operations that show no sign of life any more."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

__all__ = ["HeartbeatWatch"]


class HeartbeatWatch:
    """Looks at heartbeats again and again; one that stays the same for long enough is of a lost owner.

    Only how long this process has watched counts, by a clock that nobody sets: neither a wall clock that is moved nor
    two machines whose clocks differ make an owner look lost. A gap in the watch, as when this process was suspended
    (most likely together with the owner), begins it anew.

    Parameters
    ----------
    stale_seconds
        After so long without a new heartbeat an owner counts as lost.
    gap_seconds
        Longest time between two looks of one watch.
    clock
        Monotonic clock, in seconds.

    Examples
    --------
    >>> now = [0.0]
    >>> watch = HeartbeatWatch(stale_seconds=30, gap_seconds=20, clock=lambda: now[0])
    >>> watch.lost({"a": 1.0, "b": 1.0})
    {}
    >>> now[0] = 15.0
    >>> watch.lost({"a": 1.0, "b": 2.0})
    {}
    >>> now[0] = 30.0
    >>> watch.lost({"a": 1.0, "b": 2.0})
    {'a': 1.0}
    """

    def __init__(
        self, *, stale_seconds: float, gap_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stale = stale_seconds
        self._gap = gap_seconds
        self._clock = clock
        self._looked = clock()
        self._since: dict[str, tuple[float, float]] = {}

    def lost(self, heartbeats: Mapping[str, float]) -> dict[str, float]:
        """Those of the heartbeats, by operation, whose owners count as lost."""
        now = self._clock()
        if now - self._looked > self._gap:
            self._since = {}
        self._looked = now
        seen = {name: self._since.get(name, (beat, now)) for name, beat in heartbeats.items()}
        self._since = {name: seen[name] if seen[name][0] == beat else (beat, now) for name, beat in heartbeats.items()}
        return {name: beat for name, (beat, since) in self._since.items() if now - since >= self._stale}
