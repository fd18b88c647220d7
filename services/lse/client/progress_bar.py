"""Progress bars for a terminal and a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

if TYPE_CHECKING:
    from lse.client.operations import OperationProgress

__all__ = ["ProgressBar"]


class ProgressBar:
    """One bar a stage of an operation."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._stage = ""

    def show(self, progress: OperationProgress) -> None:
        """Draw a moment."""
        if not progress.stage:
            return
        if self._bar is None or progress.stage != self._stage:
            self.close()
            self._stage = progress.stage
            self._bar = tqdm(desc=progress.stage, unit=f" {progress.unit}", total=progress.total or None)
        bar = self._bar
        if progress.total:
            bar.total = progress.total
        if progress.metrics:
            bar.set_postfix({key: f"{value:.4g}" for key, value in progress.metrics.items()}, refresh=False)
        bar.update(progress.done - bar.n)
        bar.refresh()

    def close(self) -> None:
        """Leave the last bar as it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
