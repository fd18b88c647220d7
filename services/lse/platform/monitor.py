"""What long pure work does between two steps: tell how far it is, and stop when it is asked to."""

from __future__ import annotations

from dataclasses import dataclass

from lse.platform.errors import CancelledError
from lse.platform.progress import Progress, ProgressCallback, ShouldStop

__all__ = ["Monitor"]


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
