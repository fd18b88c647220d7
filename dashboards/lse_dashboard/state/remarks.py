"""What one visitor says of images beside their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from lse.client.resources import Dataset
from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.remarks import Remark, remarks_of
from lse_dashboard.state.statements import Statements

__all__ = ["Remarks"]


class Remarks(Statements):
    """Interest, tags and notes of the images of a dataset."""

    blind = param.Boolean(False, doc="Whether only the visitor's own are seen.")
    of: param.Parameter[dict[int, Remark]] = param.Parameter({}, doc="Remark of each row that has one.")

    def enter(self, project: str, dataset: Dataset) -> None:
        """Go to a dataset, and read its remarks anew: other people make them too."""
        if self._dataset is None or self._dataset.uid != dataset.uid:
            self.param.update(of={}, said="", failed=False)
        self._project, self._dataset = project, dataset
        self._read(dataset)

    def look_blind(self, *, blind: bool) -> None:
        """See only what one said oneself, or all again."""
        self.param.update(blind=blind, of={})
        if self._dataset is not None:
            self._read(self._dataset)

    def _read(self, dataset: Dataset) -> None:
        client, blind = self._library.client(self._project), self.blind
        self._reading.ask(lambda: remarks_of(client, dataset.id, own=blind), self._show, self._refused)

    def say(self, rows: Rows, *, then: Callable[[], None] | None = None, **values: Any) -> None:
        """Say something of images, by the keywords of ``client.remarks.set``; call something once that is kept."""
        dataset = self._dataset
        if dataset is None or len(rows) == 0:
            return
        client = self._library.client(self._project)

        def write() -> tuple[int, dict[int, Remark]]:
            return client.remarks.set(dataset.id, rows=rows, **values), remarks_of(client, dataset.id, own=self.blind)

        def written(result: tuple[int, dict[int, Remark]]) -> None:
            count, of = result
            self.param.update(of=of, said=wording.Remarks.CHANGED.format(count=count), failed=False)
            if then is not None:
                then()

        self._background(write, written, self._refused)

    def _show(self, of: dict[int, Remark]) -> None:
        if of != self.of:
            self.of = of
