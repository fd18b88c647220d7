"""The levels of a hierarchy of clusters as one visitor looks through them."""

from __future__ import annotations

from typing import Any

import param

from lse.client.resources import Clustering
from lse.errors import LseError
from lse_dashboard.data.clusters import level_groups, level_title
from lse_dashboard.data.computations import free_name
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.background import Newest
from lse_dashboard.state.session import Session

__all__ = ["Level", "Levels"]

Level = dict[str, Any]


class Levels(param.Parameterized):
    """A level colours the map as long as it is looked at, and becomes a clustering when it is kept.

    Parameters
    ----------
    session
        Whose map.
    """

    levels: param.Parameter[tuple[Level, ...]] = param.Parameter(
        (), doc="`level`, `clusters` and `noise` of each, coarse first; empty while no hierarchy is looked at."
    )
    place = param.Integer(0, doc="Which of them is looked at.")
    suggested = param.String("", doc="Name for a clustering of it.")
    problem = param.String("", doc="Why a level was not shown or not kept.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._looking = Newest(session.background)
        self._of: Clustering | None = None
        self._kept = ""
        session.param.watch(lambda *_: self._leave(), ["project", "clustering", "projection", "colour_by"])
        session.operations.param.watch(self._on_finished, "finished")

    @property
    def clustering(self) -> Clustering | None:
        """Clustering with a hierarchy that can be looked at now."""
        chosen = self._session.clustering
        return chosen if chosen is not None and chosen.level_kind and self._session.scatter.cloud is not None else None

    @property
    def kind(self) -> str:
        """What a level is, see `lse.client.resources.Clustering`."""
        return "" if self._of is None else self._of.level_kind

    @property
    def level(self) -> Level | None:
        """What is looked at."""
        return self.levels[self.place] if self.levels else None

    def toggle(self) -> None:
        """Look at the levels of the clustering in view, at first one with as many clusters; or no longer."""
        session, chosen = self._session, self.clustering
        if self.levels or chosen is None or session.experiment is None:
            self.close()
            return
        client, experiment = session.library.client(session.project), session.experiment.id

        def show(levels: tuple[Level, ...]) -> None:
            self._of = chosen
            nearest = min(range(len(levels)), key=lambda at: abs(levels[at]["clusters"] - len(chosen.clusters)))
            self.param.update(levels=levels, place=nearest, problem="")
            self.look(nearest)

        self._looking.ask(
            lambda: tuple(client.clusterings.levels(experiment, chosen.id).to_pylist()), show, self._failed
        )

    def look(self, place: int) -> None:
        """Colour the map by a level."""
        session, cloud, of = self._session, self._session.scatter.cloud, self._of
        if of is None or cloud is None or session.experiment is None or not 0 <= place < len(self.levels):
            return
        taken = {one.id for one in session.contents.clusterings}
        clusters, level = self.levels[place]["clusters"], self.levels[place]["level"]
        self.param.update(place=place, suggested=free_name(f"{of.id}-{clusters}", taken), problem="")
        client, experiment = session.library.client(session.project), session.experiment.id
        self._looking.ask(
            lambda: level_groups(client, experiment, of, level, cloud), session.scatter.colour, self._failed
        )

    def keep(self, name: str) -> None:
        """Make a clustering of the level, which is shown when it is ready."""
        session, of, level = self._session, self._of, self.level
        if of is None or level is None or session.experiment is None:
            return
        client, experiment, at = session.library.client(session.project), session.experiment.id, level["level"]

        def accepted(row: OperationRow) -> None:
            self._kept = row.name
            self.close()

        session.operations.ask(
            lambda: client.clusterings.cut(name, experiment=experiment, source=of.id, level=at),
            accepted,
            self._failed,
        )

    def close(self) -> None:
        """Look at no level any more."""
        if self.levels:
            self._leave()
            self._session.choose_colour(self._session.colour_by)

    def _leave(self) -> None:
        self._looking.drop()
        if self._of is not None:
            self._session.scatter.forget(level_title(self._of))
        self._of = None
        self.param.update(levels=(), problem="")

    def _on_finished(self, event: param.parameterized.Event) -> None:
        row: OperationRow | None = event.new
        if row is not None and row.name == self._kept and row.state == "succeeded":
            self._session.show_result(row.target)

    def _failed(self, error: LseError) -> None:
        self.problem = error.message
