"""The encoder that one visitor looks into, and the training that makes it."""

from __future__ import annotations

import param

from lse.platform.errors import LseError
from lse_dashboard.data.courses import EncoderCourse, encoder_course
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background

__all__ = ["Training"]


class Training(param.Parameterized):
    """One encoder, watched while it is being trained.

    Parameters
    ----------
    library
        Where encoders are asked for.
    background
        Runs what waits for the services.
    """

    encoder = param.String("", doc="Encoder looked into, empty for none.")
    course: param.Parameter[EncoderCourse | None] = param.Parameter(None, doc="None until it is known.")
    latest: param.Parameter[tuple[tuple[float, float], ...]] = param.Parameter(
        (), doc="Epoch, with its fraction, and loss of steps seen while it goes on, since the last epoch of the course."
    )
    problem = param.String("", doc="Why it is not known.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._project = ""
        self._asking = False

    @property
    def project(self) -> str:
        """Project of the encoder."""
        return self._project

    def open(self, project: str, encoder: str) -> None:
        """Look into an encoder."""
        self._project = project
        self.param.update(encoder=encoder, course=None, latest=(), problem="")
        self._ask()

    def close(self) -> None:
        """Look away."""
        self.param.update(encoder="", course=None, latest=(), problem="")

    def step(self, epoch: float, loss: float) -> None:
        """Take note of a step; the course itself is told at longer intervals."""
        if not self.latest or epoch > self.latest[-1][0]:
            self.latest = (*self.latest, (epoch, loss))

    def poll(self) -> None:
        """See how it goes on; to be called every second."""
        if self.encoder and (self.course is None or self.course.going_on):
            self._ask()

    def _ask(self) -> None:
        if self._asking:
            return
        self._asking = True
        asked = project, encoder = self._project, self.encoder

        def answered(course: EncoderCourse) -> None:
            self._asking = False
            if asked == (self._project, self.encoder):
                told = 0 if course.run is None else len(course.run.epochs)
                latest = tuple(step for step in self.latest if step[0] > told) if course.going_on else ()
                self.param.update(course=course, latest=latest, problem="")

        def failed(error: LseError) -> None:
            self._asking = False
            if asked == (self._project, self.encoder):
                self.problem = error.message

        self._background(lambda: encoder_course(self._library.client(project), encoder), answered, failed)
