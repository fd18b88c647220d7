"""The encoder that one visitor looks into, and the training that makes it."""

from __future__ import annotations

import param

from lse.errors import LseError
from lse_dashboard.data.library import Library
from lse_dashboard.data.training import TrainingHistory, training_history
from lse_dashboard.state.background import Background

__all__ = ["TrainingMonitor"]


class TrainingMonitor(param.Parameterized):
    """One encoder, watched while it is being trained.

    Parameters
    ----------
    library
        Where encoders are asked for.
    background
        Runs what waits for the services.
    """

    encoder = param.String("", doc="Encoder looked into, empty for none.")
    history: param.Parameter[TrainingHistory | None] = param.Parameter(None, doc="None until it is known.")
    latest: param.Parameter[tuple[tuple[float, float], ...]] = param.Parameter(
        (), doc="Epoch, with its fraction, and loss of the steps since the last epoch of the history."
    )
    problem = param.String("", doc="Why it is not known.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._asking = False
        self.project = ""

    def open(self, project: str, encoder: str) -> None:
        """Look into an encoder of a project."""
        self.project = project
        self.param.update(encoder=encoder, history=None, latest=(), problem="")
        self._ask()

    def close(self) -> None:
        """Look away."""
        self.param.update(encoder="", history=None, latest=(), problem="")

    def step(self, epoch: float, loss: float) -> None:
        """Take note of a step; the history itself is read at longer intervals."""
        if not self.latest or epoch > self.latest[-1][0]:
            self.latest = (*self.latest, (epoch, loss))

    def poll(self) -> None:
        """See how it goes on; to be called every second."""
        if self.encoder and (self.history is None or self.history.running):
            self._ask()

    def _ask(self) -> None:
        if self._asking:
            return
        self._asking = True
        asked = project, encoder = self.project, self.encoder

        def answered(history: TrainingHistory) -> None:
            self._asking = False
            if asked == (self.project, self.encoder):
                latest = tuple(step for step in self.latest if step[0] > len(history.epochs)) if history.running else ()
                self.param.update(history=history, latest=latest, problem="")

        def failed(error: LseError) -> None:
            self._asking = False
            if asked == (self.project, self.encoder):
                self.problem = error.message

        self._background(lambda: training_history(self._library.client(project), encoder), answered, failed)
