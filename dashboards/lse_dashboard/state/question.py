"""One question to the services at a time, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import param

from lse.errors import LseError
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background, Newest

__all__ = ["Question"]


class Question(param.Parameterized):
    """Something that a visitor asks in a window of its own.

    Parameters
    ----------
    library
        Where the answer comes from.
    background
        Runs what waits for the services.
    """

    title = param.String("", doc="What is asked, empty for nothing.")
    answer: param.Parameter[Any] = param.Parameter(None, doc="None until it is there.")
    problem = param.String("", doc="Why there is no answer.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._newest = Newest(background)

    def close(self) -> None:
        """Ask nothing any more."""
        self._newest.drop()
        self.param.update(title="", answer=None, problem="")

    def _ask(self, title: str, work: Callable[[], Any]) -> None:
        def answered(answer: Any) -> None:
            self.answer = answer

        def failed(error: LseError) -> None:
            self.problem = error.message

        self.param.update(title=title, answer=None, problem="")
        self._newest.ask(work, answered, failed)
