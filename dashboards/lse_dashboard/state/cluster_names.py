"""What one visitor calls the clusters."""

from __future__ import annotations

from collections.abc import Mapping

import param

from lse.client.resources import Clustering
from lse.errors import LseError
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background
from lse_dashboard.state.navigation import Navigation

__all__ = ["ClusterNames"]


class ClusterNames(param.Parameterized):
    """The window in which clusters get titles; clusters with the same title become one group.

    Parameters
    ----------
    library
        Where titles are written.
    background
        Runs what waits for the services.
    navigation
        Where the visitor is.
    """

    clustering: param.Parameter[Clustering | None] = param.Parameter(None, doc="Clustering in the window, None: shut.")
    changed: param.Parameter[Clustering | None] = param.Parameter(None, doc="Clustering whose titles changed last.")
    problem = param.String("", doc="Why the titles were not taken.")

    def __init__(self, library: Library, background: Background, navigation: Navigation) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._navigation = navigation

    def open(self) -> None:
        """Name the clusters of the clustering in view, as it is in the services now."""
        place = self._navigation.place
        if place is not None and place.clustering is not None:
            client, experiment, name = self._library.client(place.project), place.experiment.id, place.clustering.id
            self.problem = ""
            self._background(lambda: client.clusterings.get(experiment, name), self._opened, self._failed)

    def close(self) -> None:
        """Shut the window."""
        self.clustering = None

    def save(self, titles: Mapping[int, str]) -> None:
        """Call clusters by other titles from now on; the window stays open where somebody else changed them."""
        place, clustering = self._navigation.place, self.clustering
        if place is None or clustering is None:
            return
        client = self._library.client(place.project)
        given = {number: text.strip() for number, text in titles.items() if text.strip()}
        self._background(
            lambda: client.clusterings.update(
                place.experiment.id, clustering.id, cluster_titles=given, etag=clustering.etag
            ),
            self._saved,
            self._failed,
        )

    def _opened(self, clustering: Clustering) -> None:
        self.clustering = clustering

    def _saved(self, clustering: Clustering) -> None:
        self.param.update(clustering=None, changed=clustering, problem="")

    def _failed(self, error: LseError) -> None:
        self.problem = error.message
