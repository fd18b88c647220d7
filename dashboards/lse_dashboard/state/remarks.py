"""What one visitor says of images beside their classes."""

from __future__ import annotations

from typing import Any

import param

from lse.client.resources import Dataset
from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.library import Library
from lse_dashboard.data.remarks import Remark, remarks_of
from lse_dashboard.state.background import Background, Newest

__all__ = ["Remarks"]


class Remarks(param.Parameterized):
    """Interest, tags and notes of the images of a dataset.

    Parameters
    ----------
    library
        Where they are read and written.
    background
        Runs what waits for the services.
    """

    of: param.Parameter[dict[int, Remark]] = param.Parameter({}, doc="Remark of each row that has one.")
    said = param.String("", doc="What was done last, or why not.")
    failed = param.Boolean(False, doc="Whether it was refused.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._reading = Newest(background)
        self._project = ""
        self._dataset: Dataset | None = None

    def enter(self, project: str, dataset: Dataset) -> None:
        """Go to a dataset, and read its remarks anew: other people make them too."""
        if self._dataset is None or self._dataset.uid != dataset.uid:
            self.param.update(of={}, said="", failed=False)
        self._project, self._dataset = project, dataset
        client = self._library.client(project)
        self._reading.ask(lambda: remarks_of(client, dataset.id), self._show, self._refused)

    def say(self, rows: Rows, **values: Any) -> None:
        """Say something of images, by the keywords of ``client.remarks.set``."""
        dataset = self._dataset
        if dataset is None or len(rows) == 0:
            return
        client = self._library.client(self._project)

        def write() -> tuple[int, dict[int, Remark]]:
            return client.remarks.set(dataset.id, rows=rows, **values), remarks_of(client, dataset.id)

        def written(result: tuple[int, dict[int, Remark]]) -> None:
            count, of = result
            self.param.update(of=of, said=wording.Remarks.CHANGED.format(count=count), failed=False)

        self._background(write, written, self._refused)

    def _show(self, of: dict[int, Remark]) -> None:
        if of != self.of:
            self.of = of

    def _refused(self, error: LseError) -> None:
        self.param.update(said=error.message, failed=True)
