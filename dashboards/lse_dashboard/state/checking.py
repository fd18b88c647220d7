"""What one visitor wants to know before a training starts."""

from __future__ import annotations

from collections.abc import Mapping

import param

from lse.platform.errors import LseError
from lse_dashboard.data.checks import TrainingCheck, training_check
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background

__all__ = ["Checking"]


class Checking(param.Parameterized):
    """One training that is thought of.

    Parameters
    ----------
    library
        Where the check is asked for.
    background
        Runs what waits for the services.
    """

    method = param.String("", doc="Training method that is checked, empty for none.")
    dataset = param.String("", doc="Dataset that it would learn from.")
    given: param.Parameter[Mapping[str, str]] = param.Parameter({}, doc="Parameters that the visitor chose.")
    answer: param.Parameter[TrainingCheck | None] = param.Parameter(None, doc="None until it is there.")
    problem = param.String("", doc="Why there is no answer.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._ticket = 0

    def ask(self, project: str, dataset: str, *, method: str, settings: Mapping[str, str]) -> None:
        """Check a training."""
        self._ticket += 1
        ticket = self._ticket
        self.param.update(method=method, dataset=dataset, given=settings, answer=None, problem="")

        def answered(answer: TrainingCheck) -> None:
            if ticket == self._ticket:
                self.answer = answer

        def failed(error: LseError) -> None:
            if ticket == self._ticket:
                self.problem = error.message

        self._background(
            lambda: training_check(self._library.client(project), dataset=dataset, method=method, settings=settings),
            answered,
            failed,
        )

    def close(self) -> None:
        """Ask nothing any more."""
        self._ticket += 1
        self.param.update(method="", answer=None, problem="")
