"""What classes and remarks share: they are said of the images of a dataset, and may be refused."""

from __future__ import annotations

import param

from lse.client.resources import Dataset
from lse.errors import LseError
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest

__all__ = ["Statements"]


class Statements(param.Parameterized):
    """What one visitor says of images.

    Parameters
    ----------
    library
        Where it is read and written.
    background
        Runs what waits for the services.
    """

    said = param.String("", doc="What was done last, or why not.")
    failed = param.Boolean(False, doc="Whether it was refused.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._reading = Newest(background)
        self._project = ""
        self._dataset: Dataset | None = None

    def _refused(self, error: LseError) -> None:
        self.param.update(said=error.message, failed=True)
