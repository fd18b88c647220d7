"""What one visitor asks of the image in view: what could change, why it is similar, what lies on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import param

from lse_dashboard import wording
from lse_dashboard.data import explanations
from lse_dashboard.data.explanations import Explanation
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background
from lse_dashboard.state.navigation import Navigation
from lse_dashboard.state.question import Question

__all__ = ["ExplanationQuestion", "Picking"]

Picking = Literal["", "likeness", "path"]


class ExplanationQuestion(Question):
    """One question about the image in view; the answer is an `Explanation`.

    Parameters
    ----------
    library
        Where explanations are asked for.
    background
        Runs what waits for the services.
    navigation
        Image that the questions are about.
    """

    picking: param.Parameter[Picking] = param.Parameter("", doc="Question that waits for a second image.")

    def __init__(self, library: Library, background: Background, navigation: Navigation) -> None:
        super().__init__(library, background)
        self._navigation = navigation
        navigation.param.watch(lambda *_: self.pick(""), "place")

    def changes(self) -> None:
        """Ask what could change in the image."""
        self._explain(wording.Explanation.CHANGES, explanations.changes)

    def likeness(self, other: int) -> None:
        """Ask why the image and another one are similar."""
        self._explain(wording.Explanation.LIKENESS, explanations.likeness, other)

    def path(self, other: int) -> None:
        """Ask what lies between the image and another one."""
        self._explain(wording.Explanation.PATH, explanations.path, other)

    def typical(self, cluster: int | None) -> None:
        """Ask for the images most typical of each cluster, above all of one."""
        place = self._navigation.place
        if place is not None and place.clustering is not None:
            experiment, clustering = place.experiment.id, place.clustering.id
            self._ask(
                wording.Explanation.TYPICAL,
                lambda: explanations.typical(self._library.client(place.project), experiment, clustering, cluster),
            )

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

    def _explain(self, title: str, explain: Callable[..., Explanation], *others: int) -> None:
        """Ask about the image in view and perhaps another one."""
        place, row = self._navigation.place, self._navigation.row
        if place is None or row is None:
            return

        def work() -> Explanation:
            images = self._library.images(place.project, place.dataset)
            names = [images.name(one) or "" for one in (row, *others)]
            return explain(self._library.client(place.project), place.experiment.id, *names)

        self.picking = ""
        self._ask(title, work)
