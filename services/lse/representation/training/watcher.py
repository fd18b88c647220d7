"""What a training tells of its course while it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lse.representation.training.history import Course
from lse.representation.training.reconstructions import Reconstructions

if TYPE_CHECKING:
    from collections.abc import Callable

    from lse.representation.training.callback import RunCallback
    from lse.representation.training.images import TrainingImages
    from lse.representation.training.learner import Learner
    from lse.representation.training.trained import TrainedEncoder

__all__ = ["Watcher"]

_SECONDS = 5.0
# Telling of the course may take this share of the time of a run.
_SHARE = 0.02


class Watcher:
    """Tells of the course of a run every few seconds at most, with what the decoder draws by then.

    Parameters
    ----------
    on_course
        Is told; nothing is when None.
    learner, source
        What learns, and from what.
    epochs
        Of the run.
    """

    def __init__(
        self, on_course: Callable[[Course], None] | None, learner: Learner, *, source: TrainingImages, epochs: int
    ) -> None:
        self._on_course = on_course
        self._learner = learner
        self._epochs = epochs
        self._source = source
        self._reconstructions: Reconstructions | None = None
        self._next = 0.0

    def epoch_done(self, callback: RunCallback) -> None:
        """Tell of it unless that was just done."""
        began = time.monotonic()
        if self._on_course is not None and began >= self._next:
            self._on_course(self._course(callback, ""))
            ended = time.monotonic()
            self._next = ended + max(_SECONDS, (ended - began) / _SHARE)

    def broke_off(self, callback: RunCallback) -> None:
        """Tell how far it came; without a picture, since there may be no memory left for it."""
        if self._on_course is not None:
            self._on_course(Course(tuple(callback.history), callback.best_epoch, self._epochs))

    def ended(self, callback: RunCallback, trained: TrainedEncoder) -> None:
        """Tell how it ended."""
        if self._on_course is not None:
            self._on_course(self._course(callback, trained.ending))

    def _course(self, callback: RunCallback, ending: str) -> Course:
        decoder = dict(self._learner.parts.items()).get("decoder")
        picture = b""
        if decoder is not None:
            if self._reconstructions is None:
                self._reconstructions = Reconstructions(self._source)
            epoch = len(callback.history)
            picture = self._reconstructions.draw(self._learner.encoder, decoder, subtitle=f"After epoch {epoch}.")
        return Course(tuple(callback.history), callback.best_epoch, self._epochs, ending, picture)
