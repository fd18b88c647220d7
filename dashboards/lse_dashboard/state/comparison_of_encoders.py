"""A bake-off that one visitor started: several encoders on the same images."""

from __future__ import annotations

from collections.abc import Sequence

import param

from lse.client.bake_off import BakeOff, BakeOffRun, look
from lse.errors import LseError
from lse_dashboard.data.library import Library
from lse_dashboard.state.background import Background

__all__ = ["EncoderBakeOff"]


class EncoderBakeOff(param.Parameterized):
    """A bake-off, which goes on from one look to the next.

    Parameters
    ----------
    library
        Where encoders are made and judged.
    background
        Runs what waits for the services.
    """

    found: param.Parameter[BakeOff | None] = param.Parameter(None, doc="What came out so far; None before a start.")
    problem = param.String("", doc="Why it was refused.")

    def __init__(self, library: Library, background: Background) -> None:
        super().__init__()
        self._library = library
        self._background = background
        self._run: BakeOffRun | None = None
        self._asking = False

    def start(self, project: str, dataset: str, *, encoders: Sequence[str], methods: Sequence[str]) -> None:
        """Compare encoders that are there, and those that methods make; all that are there where none are named."""
        client = self._library.client(project)
        self._run = None
        self.param.update(found=None, problem="")

        def started(run: BakeOffRun) -> None:
            self._run = run
            self.poll()

        self._background(
            lambda: BakeOffRun(client, dataset, encoders=encoders, methods=methods, watch=look), started, self._failed
        )

    def poll(self) -> None:
        """Go on; to be called every second."""
        run = self._run
        if run is None or run.ended or self._asking:
            return
        self._asking = True

        def step() -> BakeOff:
            run.step()
            return run.found()

        def stepped(found: BakeOff) -> None:
            self._asking = False
            if run is self._run:
                self.found = found

        def failed(error: LseError) -> None:
            self._asking = False
            if run is self._run:
                self._run = None
                self._failed(error)

        self._background(step, stepped, failed)

    def _failed(self, error: LseError) -> None:
        self.problem = error.message
