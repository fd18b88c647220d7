"""What one visitor wants to know before a training starts."""

from __future__ import annotations

from collections.abc import Mapping

from lse.client.resources import Method
from lse_dashboard import wording
from lse_dashboard.data.library import Library
from lse_dashboard.data.training import training_check
from lse_dashboard.state.background import Background
from lse_dashboard.state.question import Question

__all__ = ["TrainingCheckQuestion"]


class TrainingCheckQuestion(Question):
    """Time, memory, parameters and views of a training; the answer is a `TrainingCheck`."""

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__(library, background)
        self.method: Method | None = None
        self.given: Mapping[str, str] = {}

    def ask(self, project: str, dataset: str, *, method: Method, parameters: Mapping[str, str]) -> None:
        """Check the training of an encoder by a method with some parameters."""
        self.method, self.given = method, parameters
        self._ask(
            wording.TrainingCheck.TITLE.format(method=method.title, dataset=dataset),
            lambda: training_check(
                self._library.client(project), dataset=dataset, method=method.id, parameters=parameters
            ),
        )
