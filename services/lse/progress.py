"""How far long work has come: the one shape in which pure code, tasks and operations report it, and are stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lse.errors import CancelledError

__all__ = ["Monitor", "Progress", "ProgressCallback", "ShouldStop"]


@dataclass(frozen=True)
class Progress:
    """A moment of long work.

    Attributes
    ----------
    stage
        What is being done, as a short lower-case noun phrase for a person.
    done, total
        Units finished and units to do in this stage; `total` 0 means not known.
    unit
        What is counted, in the plural.
    metrics
        Named figures of the moment, such as ``loss``.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = "steps"
    metrics: Mapping[str, float] = field(default_factory=dict)


ProgressCallback = Callable[[Progress], None]
ShouldStop = Callable[[], bool]


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
            raise CancelledError(f"Cancelled during {stage}.", stage=stage)
        if self.on_progress is not None:
            self.on_progress(Progress(stage=stage, done=done, total=total, unit=unit, metrics=metrics or {}))
