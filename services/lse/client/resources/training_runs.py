"""The course of a training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from google.protobuf.message import Message

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.fields import Received

__all__ = ["TrainingRun"]


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Received, message=pb.TrainingRun, reconstructions="reconstructions_png"):
    """The course of the training of an encoder, so far or to its end.

    Attributes
    ----------
    epochs
        Figures of each epoch done, in order, such as ``loss`` and ``validation_loss``.
    best_epoch
        Epoch of the best weights so far, from 1; 0 before the first.
    epoch_count
        Epochs asked for; 0 while the data have not yet decided.
    ending
        Sentence on how it ended; empty while it goes on.
    reconstructions
        PNG: images above, the same drawn again by the decoder below; empty without a decoder.
    """

    epochs: tuple[dict[str, float], ...]
    best_epoch: int
    epoch_count: int
    ending: str
    reconstructions: bytes

    @classmethod
    def from_pb(cls, message: Message) -> Self:
        """Course that a message describes."""
        found = super().from_pb(message)
        by_number: dict[int, dict[str, float]] = found.epochs  # type: ignore[assignment]  # pairs of number and figures
        return replace(found, epochs=tuple(by_number.values()))
