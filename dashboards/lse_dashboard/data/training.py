"""Trainings of encoders: what one would take, and how one goes or went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lse.client import Client
from lse.client.resources import Encoder, TrainingEstimate, TrainingRun
from lse.errors import FailedPreconditionError, LseError, NotFoundError, UnavailableError

__all__ = [
    "LOSSES",
    "TrainingCheck",
    "TrainingHistory",
    "best_epoch_loss",
    "loss_curves",
    "training_check",
    "training_history",
]

# Figures of an epoch that are drawn as curves.
LOSSES = ("loss", "validation_loss")
_IMAGES = 4


@dataclass(frozen=True)
class TrainingCheck:
    """What is known of a training before it starts.

    Attributes
    ----------
    estimate
        Parameters in force, memory and time.
    views
        PNG: one row per image, with two of the random views that would be learnt from; empty where there are none.
    why
        Sentence on why there is no picture.
    """

    estimate: TrainingEstimate
    views: bytes = field(repr=False, default=b"")
    why: str = ""


def training_check(client: Client, *, dataset: str, method: str, parameters: Mapping[str, str]) -> TrainingCheck:
    """Ask for the estimate of a training and for a picture of its views.

    Raises
    ------
    LseError
        The parameters cannot be used with the dataset.
    """
    estimate = client.encoders.estimate(dataset=dataset, method=method, parameters=parameters)
    try:
        preview = client.encoders.preview_views(dataset, method=method, parameters=parameters, count=_IMAGES)
    except UnavailableError:
        raise
    except LseError as error:
        # The estimate is of use without a picture.
        return TrainingCheck(estimate, why=error.message)
    return TrainingCheck(estimate, preview.png)


@dataclass(frozen=True)
class TrainingHistory:
    """An encoder and its newest training.

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
    def epochs(self) -> Sequence[Mapping[str, float]]:
        """Figures of each epoch that is done."""
        return () if self.run is None else self.run.epochs

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self.encoder.state == "creating" or (self.run is not None and not self.run.ending)


def training_history(client: Client, encoder: str) -> TrainingHistory:
    """Ask for an encoder and its newest training."""
    found = client.encoders.get(encoder)
    try:
        return TrainingHistory(found, client.encoders.training_run(encoder))
    except (FailedPreconditionError, NotFoundError) as error:
        return TrainingHistory(found, None, error.message)


def loss_curves(epochs: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Columns ``epoch``, from 1, and one for each of `LOSSES`, NaN where an epoch has no such figure; all float64."""
    columns = {key: np.array([epoch.get(key, np.nan) for epoch in epochs], dtype=np.float64) for key in LOSSES}
    return {"epoch": np.arange(1, len(epochs) + 1, dtype=np.float64), **columns}


def best_epoch_loss(run: TrainingRun | None) -> dict[str, Any]:
    """Columns ``epoch`` and ``loss`` of the epoch with the best weights so far; empty where none is known."""
    if run is None or not 1 <= run.best_epoch <= len(run.epochs):
        return {"epoch": [], "loss": []}
    figures = run.epochs[run.best_epoch - 1]
    loss = figures.get("validation_loss", figures.get("loss"))
    return {"epoch": [], "loss": []} if loss is None else {"epoch": [run.best_epoch], "loss": [loss]}
