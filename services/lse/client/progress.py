"""How far long work has come, and what shows it: a bar in a terminal and in a notebook, lines in a log."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from latentspace.type.v1 import operation_pb2 as pb
from lse.client.resources.fields import Received
from lse.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["OperationProgress", "ProgressBar", "ProgressLines", "someone_watches"]


@dataclass(frozen=True)
class OperationProgress(Progress, Received, message=pb.Progress, done="done_count", total="total_count"):
    """How far an operation has come.

    Attributes
    ----------
    stage
        What is being done, for a person; empty before it begins.
    done, total
        Units finished and units to do; `total` is 0 while it is not known.
    unit
        What is counted, in the plural.
    metrics
        Figures of the moment, such as ``loss``.
    rate
        Units per second.
    waiting_for
        What is away, until the work continues by itself; empty while it continues.
    """

    rate: float = 0.0
    waiting_for: str = ""


def someone_watches() -> bool:
    """Whether a person can see a bar: in a terminal and in a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


class ProgressBar:
    """One line: stage, bar, count, rate and figures, time elapsed and left.

    In a terminal it is drawn on the standard error and goes when it is closed; in a notebook it stays below the cell.
    Use it as a context manager.

    Parameters
    ----------
    label
        Put before the stage.
    notebook
        Whether to draw in a notebook; found out when not given.
    """

    def __init__(self, label: str = "", *, notebook: bool | None = None) -> None:
        self._label = label
        self._notebook = "ipykernel" in sys.modules if notebook is None else notebook
        self._bar = _bar()
        self._stage: str | None = None
        self._task = self._bar.add_task(label or "waiting", total=None, figures="")
        self._handle: Any = None

    def __enter__(self) -> Self:
        if self._notebook:
            from IPython.display import display

            self._handle = display(self._bar, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no type here
        else:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Draw a moment."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._bar.reset(self._task)
        self._bar.update(
            self._task,
            description=": ".join(part for part in (self._label, progress.stage or "waiting for a runner") if part),
            completed=progress.done,
            total=progress.total or None,
            figures="  ".join(_figures(progress)),
        )
        if self._handle is not None:
            self._handle.update(self._bar)


class ProgressLines:
    """Progress for a log: a line a stage, and one every tenth of it, on the standard error.

    Use it as a context manager, as `ProgressBar`.

    Parameters
    ----------
    label
        Put before the stage.
    """

    def __init__(self, label: str = "") -> None:
        self._label = label
        self._said: tuple[str, int, str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, progress: Progress) -> None:
        """Write a line, if there is news."""
        tenth = 10 * progress.done // progress.total if progress.total else 0
        said = (progress.stage, tenth, _waiting_for(progress))
        if said == self._said or not progress.stage:
            return
        self._said = said
        what = ": ".join(part for part in (self._label, progress.stage) if part)
        sys.stderr.write("  ".join([what, *_figures(progress)]) + "\n")


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, highlight=False)
    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        TextColumn("left", style="dim"),
        TimeRemainingColumn(),
        console=console,
        transient=console.is_terminal,
    )


def _figures(progress: Progress) -> list[str]:
    parts = []
    if progress.total:
        parts.append(f"{progress.done:,}/{progress.total:,} {progress.unit}")
    elif progress.done:
        parts.append(f"{progress.done:,} {progress.unit}")
    if isinstance(progress, OperationProgress) and progress.rate:
        parts.append(f"{progress.rate:,.3g}/s")
    parts += [f"{key} {value:.4g}" for key, value in progress.metrics.items()]
    waiting = _waiting_for(progress)
    return [f"waits: {waiting}", *parts] if waiting else parts


def _waiting_for(progress: Progress) -> str:
    return progress.waiting_for if isinstance(progress, OperationProgress) else ""
