"""The image that one visitor looks at, its neighbours, and the way that led here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import param

from lse.client import Client
from lse.client.resources import Clustering, Dataset, Experiment, Match
from lse.platform.errors import LseError
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background

__all__ = ["Neighbours", "Place", "Walk"]

_NEIGHBOURS = 8


@dataclass(frozen=True)
class Place:
    """In what the visitor walks."""

    project: str
    experiment: Experiment
    dataset: Dataset
    clustering: Clustering | None


@dataclass(frozen=True)
class Neighbours:
    """Images similar to one.

    Attributes
    ----------
    own, others
        In its own cluster and in other clusters; empty where nothing is clustered.
    everywhere
        In the whole experiment; empty where something is clustered.
    """

    own: tuple[Match, ...] = ()
    others: tuple[Match, ...] = ()
    everywhere: tuple[Match, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of all of them."""
        return tuple(match.row for match in (*self.own, *self.others, *self.everywhere))


class Walk(param.Parameterized):
    """Steps from image to image.

    Parameters
    ----------
    library
        Where images and searches come from.
    background
        Runs the searches.
    """

    place: param.Parameter[Place | None] = param.Parameter(None, doc="In what the visitor walks.")
    row: param.Parameter[int | None] = param.Parameter(None, doc="Row of the image looked at.")
    neighbours: param.Parameter[Neighbours | None] = param.Parameter(None, doc="None while they are searched.")
    problem = param.String("", doc="Why there are no neighbours.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._back: list[int] = []
        self._forward: list[int] = []
        self._ticket = 0

    @property
    def can_go_back(self) -> bool:
        """Whether there is an image before this one."""
        return bool(self._back)

    @property
    def can_go_forward(self) -> bool:
        """Whether there is an image after this one."""
        return bool(self._forward)

    def enter(self, place: Place | None) -> None:
        """Walk in another place; the way is kept while the images stay the same."""
        same = place is not None and self.place is not None and place.dataset.uid == self.place.dataset.uid
        if not same:
            self._back, self._forward = [], []
            self.param.update(place=place, row=None, neighbours=None, problem="")
            return
        self.place = place
        self._search()

    def go(self, row: int) -> None:
        """Look at an image."""
        if row == self.row:
            return
        if self.row is not None:
            self._back.append(self.row)
        self._forward.clear()
        self._look(row)

    def back(self) -> None:
        """Look at the image before."""
        if self._back and self.row is not None:
            self._forward.append(self.row)
            self._look(self._back.pop())

    def forward(self) -> None:
        """Look again at the image that was left by going back."""
        if self._forward and self.row is not None:
            self._back.append(self.row)
            self._look(self._forward.pop())

    def _look(self, row: int) -> None:
        self.param.update(row=row, neighbours=None, problem="")
        self._search()

    def _search(self) -> None:
        place, row = self.place, self.row
        if place is None or row is None:
            return
        self._ticket += 1
        ticket = self._ticket

        def search() -> Neighbours:
            client = self._library.client(place.project)
            images = self._library.images(place.project, place.dataset)
            found = _neighbours(client, place, images.name(row) or "")
            medoids = () if place.clustering is None else (c.medoid_row for c in place.clustering.clusters)
            self._library.prefetch(place.project, place.dataset, [row, *found.rows, *(m for m in medoids if m >= 0)])
            return found

        self._background(search, self._if_current(ticket, self._found), self._if_current(ticket, self._failed))

    def _found(self, neighbours: Neighbours) -> None:
        self.param.update(neighbours=neighbours, problem="")

    def _failed(self, error: LseError) -> None:
        self.param.update(neighbours=Neighbours(), problem=error.message)

    def _if_current(self, ticket: int, act: Callable[..., None]) -> Callable[..., None]:
        """Act only when the visitor has not gone on in the meantime."""
        return lambda result: act(result) if ticket == self._ticket else None


def _neighbours(client: Client, place: Place, image: str) -> Neighbours:
    def similar(scope: Literal["all", "same-cluster", "other-clusters"]) -> tuple[Match, ...]:
        clustering = None if place.clustering is None else place.clustering.id
        matches = client.search.similar(
            place.experiment.id, image=image, k=_NEIGHBOURS + 1, scope=scope, clustering=clustering
        )
        return tuple(match for match in matches if match.image_id != image)[:_NEIGHBOURS]

    if place.clustering is None:
        return Neighbours(everywhere=similar("all"))
    return Neighbours(own=similar("same-cluster"), others=similar("other-clusters"))
