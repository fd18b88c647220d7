"""How far long work has come, and what shows it: a bar in a terminal and in a notebook, lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from latentspace.type.v1 import operation_pb2 as pb
from lse.client.resources.fields import Received
from lse.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.progress import Progress as Bar
    from rich.progress import Task
    from rich.text import Text

__all__ = ["OperationProgress", "ProgressBar", "ProgressLines", "someone_watches"]

_WIDE = 100


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
        self._task = self._bar.add_task(label or "waiting", total=None, figures=_Fitting([]))
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
            figures=_Fitting(_figures(progress)),
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


class _Fitting:
    """Figures in what room there is: the last go first, before the bar and the time that is left."""

    def __init__(self, figures: Sequence[str]) -> None:
        self._figures = figures

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement(0, len("  ".join(self._figures)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from rich.text import Text

        shown = list(self._figures)
        while len(shown) > 1 and len("  ".join(shown)) > options.max_width:
            shown.pop()
        yield Text("  ".join(shown), no_wrap=True, overflow="ellipsis")


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        RenderableColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar
    from rich.table import Column

    class Figures(RenderableColumn):
        def render(self, task: Task) -> RenderableType:
            figures: RenderableType = task.fields["figures"]
            return figures

    console = Console(stderr=True, highlight=False)
    return Bar(
        SpinnerColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=30 if console.width > _WIDE else 12, table_column=Column(no_wrap=True)),
        Figures(),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        TextColumn("left", style="dim", table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
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
