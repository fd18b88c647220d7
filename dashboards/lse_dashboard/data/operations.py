"""Long work as the explorer lists it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lse.client import Operation

__all__ = ["OperationRow", "operation_row"]

_TRAININGS = frozenset({"TrainEncoder", "RetrainEncoder"})
_ENCODER_MAKERS = _TRAININGS | {"ImportEncoder", "CreatePretrainedEncoder"}
_DATASET_MAKERS = frozenset({"IngestDataset", "ImportDataset", "AddImages", "SubsetDataset"})
_SHOWN_KINDS = (["projections"], ["clusterings"], ["predictions"])
_EXPERIMENT_MAKERS = frozenset({"EncodeExperiment", "ImportExperiment"})


@dataclass(frozen=True)
class OperationRow:
    """A moment of an operation.

    Attributes
    ----------
    name
        Resource name.
    kind
        What it does as the services name it, such as ``RunProjection``.
    title
        What it does, such as ``Run projection``.
    target
        Resource that it makes.
    state
        ``pending``, ``running``, ``cancelling``, ``succeeded``, ``failed`` or ``cancelled``.
    stage
        What is being done now.
    done, total, unit, rate
        How far, of how much (0 while not known), of what, and how many per second.
    metrics
        Figures of the moment.
    error
        Why it failed, one sentence.
    """

    name: str
    kind: str
    title: str
    target: str
    state: str
    stage: str = ""
    waiting_for: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    rate: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def active(self) -> bool:
        """Whether it has not ended yet."""
        return self.state in {"pending", "running", "cancelling"}

    @property
    def trains(self) -> bool:
        """Whether it is a training, which can be watched epoch by epoch."""
        return self.kind in _TRAININGS

    @property
    def remaining_seconds(self) -> float | None:
        """Time to the end of the stage at the present rate; None while that is not known."""
        return (self.total - self.done) / self.rate if self.total and self.rate > 0 else None

    @property
    def made_encoder(self) -> bool:
        """Whether it left an encoder that can encode; a cancelled training keeps its best weights."""
        makers = {"succeeded": _ENCODER_MAKERS, "cancelled": _TRAININGS}
        return self.kind in makers.get(self.state, ())

    @property
    def made_experiment(self) -> bool:
        """Whether it has made an experiment that can be opened."""
        return self.state == "succeeded" and self.kind in _EXPERIMENT_MAKERS

    @property
    def made_dataset(self) -> bool:
        """Whether it has made a dataset."""
        return self.state == "succeeded" and self.kind in _DATASET_MAKERS

    @property
    def made_result(self) -> bool:
        """Whether it has made a projection, a clustering or a prediction, which the map can show."""
        return self.state == "succeeded" and self.target.split("/")[-2:-1] in _SHOWN_KINDS

    @property
    def target_id(self) -> str:
        """Last part of the target's name."""
        return self.target.rsplit("/", 1)[-1]


def operation_row(operation: Operation[Any]) -> OperationRow:
    """Moment of an operation when it was last looked at."""
    progress = operation.last_progress
    return OperationRow(
        name=operation.name,
        kind=operation.kind,
        title=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", operation.kind).capitalize(),
        target=operation.target,
        state=operation.state,
        stage=progress.stage,
        waiting_for=progress.waiting_for,
        done=progress.done,
        total=progress.total,
        unit=progress.unit,
        rate=progress.rate,
        metrics=dict(progress.metrics),
        error=operation.error.message if operation.error is not None else "",
    )
