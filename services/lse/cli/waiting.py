"""Waiting for long work with a progress bar on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from lse.cli.failures import INTERRUPTED

if TYPE_CHECKING:
    from rich.progress import Progress

    from lse.client import Operation, OperationProgress

__all__ = ["wait_for"]

T = TypeVar("T")


def wait_for(operation: Operation[T], *, label: str = "", timeout: float | None = None) -> T:
    """Wait for the end of an operation and return what was made.

    In a terminal a bar shows stage, count, rate and figures.  Ctrl-C ends the waiting, not the work, and says so.

    Parameters
    ----------
    operation
        What to wait for.
    label
        Put before the stage.
    timeout
        Seconds to wait at most.

    Raises
    ------
    LseError
        What the work ended with.
    """
    try:
        if sys.stderr.isatty():
            with _bar() as bar:
                task = bar.add_task(label or "waiting", total=None, figures="")
                stage = None
                for progress in operation.watch(timeout):
                    if progress.stage != stage:
                        stage = progress.stage
                        bar.reset(task)
                    _show(bar, task, progress, label)
        else:
            for _ in operation.watch(timeout):
                pass
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\nThe work goes on: `lse operation wait {operation.name}` waits for it again, "
            f"`lse operation cancel {operation.name}` ends it.\n"
        )
        raise typer.Exit(INTERRUPTED) from None
    return operation.result()


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        TextColumn("left", style="dim"),
        TimeRemainingColumn(),
        console=Console(stderr=True, highlight=False),
        transient=True,
    )


def _show(bar: Progress, task: Any, progress: OperationProgress, label: str) -> None:
    parts = []
    if progress.total:
        parts.append(f"{progress.done:,}/{progress.total:,} {progress.unit}")
    elif progress.done:
        parts.append(f"{progress.done:,} {progress.unit}")
    if progress.rate:
        parts.append(f"{progress.rate:,.3g}/s")
    parts += [f"{key} {value:.4g}" for key, value in progress.metrics.items()]
    bar.update(
        task,
        description=": ".join(part for part in (label, progress.stage or "waiting for a runner") if part),
        completed=progress.done,
        total=progress.total or None,
        figures="  ".join(parts),
    )
