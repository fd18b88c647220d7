"""What sets the selection of one visitor apart from all other images."""

from __future__ import annotations

import numpy as np
import param

from lse.errors import LseError
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import ColumnUse, Groups
from lse_dashboard.data.comparison import Comparison, compared
from lse_dashboard.data.library import Library
from lse_dashboard.data.sky_search import POSITION_COLUMNS
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.navigation import Navigation
from lse_dashboard.state.selection import Selection

__all__ = ["Summary"]

# Reading more columns than this would keep the services busy for longer than anyone looks.
_COLUMNS = 64


class Summary(param.Parameterized):
    """The selection against the rest; found when someone wants to see it.

    Parameters
    ----------
    library
        Where columns come from.
    background
        Runs what waits for the services.
    selection
        What is compared.
    navigation
        Where the visitor is.
    """

    wanted = param.Boolean(False, doc="Whether the visitor looks at it.")
    comparison: param.Parameter[Comparison | None] = param.Parameter(None, doc="None until it is there.")
    problem = param.String("", doc="Why there is none.")

    def __init__(self, library: Library, background: Background, selection: Selection, navigation: Navigation) -> None:
        super().__init__()
        self._library = library
        self._selection = selection
        self._navigation = navigation
        self._newest = Newest(background)
        self._uses: dict[str, ColumnUse] = {}
        self._clusters: tuple[Cloud, Groups] | None = None
        self.param.watch(lambda *_: self.ask(), "wanted")
        selection.param.watch(lambda *_: self.ask(), "step")

    def know(self, uses: dict[str, ColumnUse], clusters: tuple[Cloud, Groups] | None) -> None:
        """Take note of the columns there are, and of the clusters of the points of a cloud."""
        self._uses, self._clusters = uses, clusters
        self.ask()

    def ask(self) -> None:
        """Compare again, if anyone looks."""
        self._newest.drop()
        self.param.update(comparison=None, problem="")
        place, rows = self._navigation.place, self._selection.rows
        if not self.wanted or place is None or len(rows) == 0:
            return
        uses, clusters = dict(list(self._uses.items())[:_COLUMNS]), self._clusters
        # Positions are no columns that colour the map, but a region of the sky may be what a selection is.
        uses |= dict.fromkeys(POSITION_COLUMNS, "gradient")

        def work() -> Comparison:
            images = self._library.images(place.project, place.dataset)
            groupings = []
            if clusters is not None:
                cloud, groups = clusters
                groupings = [groups.at(cloud.indices(images.rows), none=groups.labels[-1])]
            columns = self._library.columns(place.project, place.dataset, list(uses))
            inside = np.isin(images.rows, rows)
            return compared(inside, columns, uses, groupings)

        self._newest.ask(work, self._answered, self._failed)

    def _answered(self, comparison: Comparison) -> None:
        self.comparison = comparison

    def _failed(self, error: LseError) -> None:
        self.problem = error.message
