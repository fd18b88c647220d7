"""How the training of an encoder goes or went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lse.client import Client
from lse.client.resources import Encoder, TrainingRun
from lse.platform.errors import FailedPreconditionError, NotFoundError

__all__ = ["LOSSES", "EncoderCourse", "best_epoch_loss", "encoder_course", "loss_curves"]

# Figures of an epoch that are drawn as curves, by their titles.
LOSSES = {"loss": "training", "validation_loss": "validation"}


@dataclass(frozen=True)
class EncoderCourse:
    """An encoder and the course of its training.

    Attributes
    ----------
    encoder
        As it is now.
    run
        None where it was not trained here, or where its training has not begun.
    why
        Sentence on why there is no run.
    """

    encoder: Encoder
    run: TrainingRun | None
    why: str = ""

    @property
    def going_on(self) -> bool:
        """Whether there is more to come."""
        return self.encoder.state == "creating" or (self.run is not None and not self.run.ending)


def encoder_course(client: Client, encoder: str) -> EncoderCourse:
    """Ask for an encoder and the course of its newest training."""
    found = client.encoders.get(encoder)
    try:
        return EncoderCourse(found, client.encoders.training_run(encoder))
    except (FailedPreconditionError, NotFoundError) as error:
        return EncoderCourse(found, None, error.message)


def loss_curves(epochs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Columns ``epoch``, from 1, and one for each of `LOSSES`, NaN where an epoch has no such figure; all float64."""
    columns = {key: np.array([epoch.get(key, np.nan) for epoch in epochs], dtype=np.float64) for key in LOSSES}
    return {"epoch": np.arange(1, len(epochs) + 1, dtype=np.float64), **columns}


def best_epoch_loss(run: TrainingRun) -> dict[str, Any]:
    """Columns ``epoch`` and ``loss`` of the epoch with the best weights so far; empty where none is known."""
    if not 1 <= run.best_epoch <= len(run.epochs):
        return {"epoch": [], "loss": []}
    figures = run.epochs[run.best_epoch - 1]
    loss = figures.get("validation_loss", figures.get("loss"))
    return {"epoch": [], "loss": []} if loss is None else {"epoch": [run.best_epoch], "loss": [loss]}
