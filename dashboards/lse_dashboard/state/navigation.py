"""The image that one visitor looks at, its neighbours, and the history of images looked at before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import param

from lse.client.resources import Clustering, Dataset, Experiment, Match
from lse.errors import LseError
from lse_dashboard.data.images import ImageDetails, image_details
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest

__all__ = ["Navigation", "Neighbours", "Place"]

_NEIGHBOURS = 8


@dataclass(frozen=True)
class Place:
    """Where the visitor is: an open experiment, seen with one of its clusterings or with none."""

    project: str
    experiment: Experiment
    dataset: Dataset
    clustering: Clustering | None


@dataclass(frozen=True)
class Neighbours:
    """Nearest neighbours of an image in latent space.

    Attributes
    ----------
    own, others
        In its own cluster and in other clusters.
    everywhere
        In the whole experiment: of an image in no cluster, in place of the others.
    """

    own: tuple[Match, ...] = ()
    others: tuple[Match, ...] = ()
    everywhere: tuple[Match, ...] = ()

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of all of them."""
        return tuple(match.row for match in (*self.own, *self.others, *self.everywhere))


class Navigation(param.Parameterized):
    """The image in view and the way back.

    Parameters
    ----------
    library
        Where images and searches come from.
    background
        Runs the searches.
    """

    place: param.Parameter[Place | None] = param.Parameter(None, doc="Open experiment.")
    row: param.Parameter[int | None] = param.Parameter(None, doc="Row of the image in view.")
    details: param.Parameter[ImageDetails | None] = param.Parameter(None, doc="What is known of it, None until read.")
    neighbours: param.Parameter[Neighbours | None] = param.Parameter(None, doc="None while they are searched for.")
    problem = param.String("", doc="Why there are no details or no neighbours.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._reading, self._searching = Newest(background), Newest(background)
        self._back: list[int] = []
        self._forward: list[int] = []

    @property
    def can_go_back(self) -> bool:
        """Whether there is an image before this one."""
        return bool(self._back)

    @property
    def can_go_forward(self) -> bool:
        """Whether there is an image after this one."""
        return bool(self._forward)

    def enter(self, place: Place | None) -> None:
        """Go to another place; the image and the history stay as long as the dataset does."""
        if place is not None and self.place is not None and place.dataset.uid == self.place.dataset.uid:
            self.param.update(place=place, problem="")
            self._search()
            return
        self._back, self._forward = [], []
        self._reading.drop()
        self._searching.drop()
        self.param.update(place=place, row=None, details=None, neighbours=None, problem="")

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
        self.param.update(row=row, details=None, neighbours=None, problem="")
        self._search()
        place = self.place
        if place is None:
            return

        def read() -> ImageDetails:
            name = self._library.images(place.project, place.dataset).name(row) or ""
            return image_details(self._library.client(place.project).datasets.image(place.dataset.id, name))

        self._reading.ask(read, self._read, self._failed)

    def _search(self) -> None:
        place, row = self.place, self.row
        if place is None or row is None:
            return

        def search() -> Neighbours:
            name = self._library.images(place.project, place.dataset).name(row) or ""
            found = _neighbours(self._library, place, row, name)
            medoids = () if place.clustering is None else (c.medoid_row for c in place.clustering.clusters)
            self._library.prefetch(place.project, place.dataset, [row, *found.rows, *(m for m in medoids if m >= 0)])
            return found

        self._searching.ask(search, self._found, self._failed)

    def _read(self, details: ImageDetails) -> None:
        self.details = details

    def _found(self, neighbours: Neighbours) -> None:
        self.neighbours = neighbours

    def _failed(self, error: LseError) -> None:
        self.param.update(neighbours=self.neighbours or Neighbours(), problem=error.message)


def _neighbours(library: Library, place: Place, row: int, image: str) -> Neighbours:
    client, clustering = library.client(place.project), place.clustering

    def similar(scope: Literal["all", "same-cluster", "other-clusters"]) -> tuple[Match, ...]:
        within = None if clustering is None else clustering.id
        matches = client.search.similar(
            place.experiment.id, image=image, k=_NEIGHBOURS + 1, scope=scope, clustering=within
        )
        return tuple(match for match in matches if match.image_id != image)[:_NEIGHBOURS]

    if clustering is None or library.is_noise(place.project, place.experiment, clustering, row):
        return Neighbours(everywhere=similar("all"))
    return Neighbours(own=similar("same-cluster"), others=similar("other-clusters"))
