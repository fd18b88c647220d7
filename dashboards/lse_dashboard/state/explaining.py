"""What one visitor asks of the image looked at: what could change, why it is similar, what lies on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import param

from lse.client import Client
from lse.platform.errors import LseError
from lse_dashboard.data import explanations
from lse_dashboard.data.explanations import Explained
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background
from lse_dashboard.state.walk import Place, Walk

__all__ = ["Explaining", "Picking"]

Picking = Literal["", "likeness", "path"]


class Explaining(param.Parameterized):
    """One question at a time.

    Parameters
    ----------
    library
        Where explanations are asked for.
    background
        Runs what waits for the services.
    walk
        Image that the questions are about.
    """

    question = param.String("", doc="What was asked, empty for nothing.")
    answer: param.Parameter[Explained | None] = param.Parameter(None, doc="None until it is there.")
    problem = param.String("", doc="Why there is no answer.")
    picking: param.Parameter[Picking] = param.Parameter("", doc="Question that waits for a second image.")

    def __init__(self, library: Library, background: Background, walk: Walk) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._walk = walk
        self._ticket = 0
        walk.param.watch(lambda *_: self.pick(""), "place")

    def changes(self) -> None:
        """Ask what could change in the image."""
        self._ask(
            "What could change", lambda client, place, image: explanations.changes(client, place.experiment.id, image)
        )

    def likeness(self, other: int) -> None:
        """Ask why the image and another one are similar."""
        self._ask(
            "Why these two are similar",
            lambda client, place, image: explanations.likeness(
                client, place.experiment.id, image, self._name(place, other)
            ),
        )

    def path(self, other: int) -> None:
        """Ask what lies between the image and another one."""
        self._ask(
            "Path between two images",
            lambda client, place, image: explanations.path(
                client, place.experiment.id, image, self._name(place, other)
            ),
        )

    def typical(self, cluster: int | None) -> None:
        """Ask for the images that stand best for each cluster, above all for one."""

        def typical(client: Client, place: Place, _: str) -> Explained:
            assert place.clustering is not None
            return explanations.typical(client, place.experiment.id, place.clustering.id, cluster)

        if self._walk.place is not None and self._walk.place.clustering is not None:
            self._ask("Typical images of each cluster", typical)

    def pick(self, picking: Picking) -> None:
        """Wait for the second image of a question, or for none."""
        self.picking = picking

    def choose(self, row: int) -> bool:
        """Take an image as the second one; whether one was waited for."""
        picking, self.picking = self.picking, ""
        if picking == "likeness":
            self.likeness(row)
        elif picking == "path":
            self.path(row)
        return picking != ""

    def close(self) -> None:
        """Ask nothing any more."""
        self._ticket += 1
        self.param.update(question="", answer=None, problem="")

    def _name(self, place: Place, row: int) -> str:
        return self._library.images(place.project, place.dataset).name(row) or ""

    def _ask(self, question: str, explain: Callable[[Client, Place, str], Explained]) -> None:
        place, row = self._walk.place, self._walk.row
        if place is None or row is None:
            return
        self._ticket += 1
        ticket = self._ticket
        self.param.update(question=question, answer=None, problem="", picking="")

        def ask() -> Explained:
            return explain(self._library.client(place.project), place, self._name(place, row))

        def answered(answer: Explained) -> None:
            if ticket == self._ticket:
                self.answer = answer

        def failed(error: LseError) -> None:
            if ticket == self._ticket:
                self.problem = error.message

        self._background(ask, answered, failed)
