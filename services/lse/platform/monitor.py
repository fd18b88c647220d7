"""What long pure work does between two steps: tell how far it is, and stop when it is asked to."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from lse.platform.errors import CancelledError
from lse.platform.progress import Progress, ProgressCallback, ShouldStop

__all__ = ["Monitor", "progress_bar_options"]


@dataclass(frozen=True)
class Monitor:
    """Progress and cancellation of one piece of work.

    Attributes
    ----------
    on_progress
        Called with every moment; None when nobody listens.
    should_stop
        Asked at every moment; None when nobody can cancel.
    """

    on_progress: ProgressCallback | None = None
    should_stop: ShouldStop | None = None

    def report(
        self,
        stage: str,
        done: int = 0,
        total: int = 0,
        *,
        unit: str = "steps",
        metrics: dict[str, float] | None = None,
    ) -> None:
        """Report a moment.

        Raises
        ------
        CancelledError
            The work shall stop.
        """
        if self.should_stop is not None and self.should_stop():
            raise CancelledError(f"Cancelled during {stage}.", reason="CANCELLED", stage=stage)
        if self.on_progress is not None:
            self.on_progress(Progress(stage=stage, done=done, total=total, unit=unit, metrics=metrics or {}))


def progress_bar_options(monitor: Monitor, stage: str, total: int, *, unit: str) -> dict[str, Any]:
    """Options of tqdm that turn a library's progress bar into moments of a monitor.

    For a library whose only report is a tqdm bar with options of the caller's.  The bar is told to write nothing but
    the number done, to a file that hands it to the monitor; a `CancelledError` goes through the bar and ends the work.

    Parameters
    ----------
    monitor
        Told of the steps done, at most five times a second.
    stage, total, unit
        As in `Monitor.report`.
    """
    return {
        "file": _BarFile(monitor, stage, total, unit),
        "disable": False,
        "bar_format": "{n}",
        "mininterval": 0.2,
        "miniters": 1,
    }


class _BarFile(io.TextIOBase):
    def __init__(self, monitor: Monitor, stage: str, total: int, unit: str) -> None:
        self.monitor, self.stage, self.total, self.unit = monitor, stage, total, unit
        self.done = -1

    def write(self, text: str) -> int:
        shown = text.strip()
        if shown.isdecimal() and int(shown) > self.done:
            self.done = int(shown)
            self.monitor.report(self.stage, self.done, self.total, unit=self.unit)
        return len(text)
