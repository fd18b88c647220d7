"""A second map of the same images, also by another experiment: with the colours, filters and selection of the first."""

from __future__ import annotations

import numpy as np
import param

from lse.client.resources import Projection
from lse.errors import LseError
from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import moved
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest
from lse_dashboard.state.navigation import Navigation, Place
from lse_dashboard.state.scatter import Scatter

__all__ = ["SecondMap"]

_FOLLOWED = ["colouring", "shown", "point_size", "images", "names", "contours"]


class SecondMap(param.Parameterized):
    """Another projection of the same images, which shows what the first map shows.

    Parameters
    ----------
    library
        Where its points come from.
    background
        Runs what waits for the services.
    first
        The map that it follows.
    navigation
        Where the visitor is.
    """

    projection: param.Parameter[Projection | None] = param.Parameter(None, doc="What it shows, None for no map.")
    elsewhere: param.Parameter[tuple[Projection, ...]] = param.Parameter(
        (), doc="Maps of other experiments of the dataset, once they were looked for."
    )
    problem = param.String("", doc="Why it cannot be shown.")

    def __init__(self, library: Library, background: Background, first: Scatter, navigation: Navigation) -> None:
        super().__init__()
        self._library = library
        self._newest = Newest(background)
        self._newest_list = Newest(background)
        self._first = first
        self._navigation = navigation
        self.scatter = Scatter(first.selection)
        first.param.watch(lambda *_: self._follow(), _FOLLOWED)
        navigation.param.watch(lambda event: self._on_place(event.old, event.new), "place")

    @property
    def shown_as(self) -> str:
        """What a link calls it: its id, after that of its experiment where it is of another; empty for no map."""
        return "" if self.projection is None else self.name_of(self.projection)

    def name_of(self, projection: Projection) -> str:
        """What a link calls a map."""
        experiment, place = projection.name.split("/")[3], self._navigation.place
        return projection.id if place is None or experiment == place.experiment.id else f"{experiment}/{projection.id}"

    def look_elsewhere(self, wanted: str = "") -> None:
        """Find the maps of other experiments, and show the one of a name, where one is wanted."""
        place = self._navigation.place
        if place is None:
            return

        def show(found: tuple[Projection, ...]) -> None:
            self.elsewhere = found
            for each in found:
                if wanted and self.name_of(each) == wanted:
                    self.choose(each)

        self._newest_list.ask(lambda: self._library.maps_elsewhere(place.project, place.experiment), show, self._failed)

    def choose(self, projection: Projection | None) -> None:
        """Show a projection of the same images, or no second map."""
        place = self._navigation.place
        self._newest.drop()
        if projection is None or place is None:
            self.param.update(projection=None, problem="")
            self.scatter.enter(None, None)
            return

        def show(cloud: Cloud) -> None:
            self.param.update(projection=projection, problem="")
            self.scatter.enter(cloud, None)
            self._follow()

        self._newest.ask(lambda: self._library.cloud(place.project, place.experiment, projection), show, self._failed)

    def _follow(self) -> None:
        cloud, first = self.scatter.cloud, self._first
        if cloud is None or first.cloud is None or first.shown is None:
            return
        at = first.cloud.indices(cloud.rows)
        self.scatter.param.update(
            colouring=moved(first.colouring, at),
            # What the first map has no place for, nothing hides.
            shown=PointSet.of((at < 0) | first.shown.has(np.maximum(at, 0))),
            point_size=first.point_size,
            images=first.images,
            names=first.names,
            contours=first.contours,
        )

    def _on_place(self, before: Place | None, now: Place | None) -> None:
        if (before and before.experiment.uid) != (now and now.experiment.uid):
            self.elsewhere = ()
            self.choose(None)

    def _failed(self, error: LseError) -> None:
        self.problem = error.message
