"""The course of a training: its figures epoch by epoch, as others may watch them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Course"]


@dataclass(frozen=True)
class Course:
    """How a training has gone so far.

    Attributes
    ----------
    history
        Figures of each epoch done, such as ``loss`` and ``validation_loss``.
    best_epoch
        Epoch of the best weights so far, from 1; 0 before the first.
    epochs
        Epochs asked for.
    ending
        Sentence on how it ended; empty while it goes on.
    reconstructions
        PNG: images above, the same drawn again by the decoder below; empty without a decoder.
    """

    history: tuple[Mapping[str, float], ...] = ()
    best_epoch: int = 0
    epochs: int = 0
    ending: str = ""
    reconstructions: bytes = b""

    def to_json(self) -> str:
        """All but the picture, as JSON."""
        figures = asdict(replace(self, reconstructions=b""))
        del figures["reconstructions"]
        return json.dumps(figures)

    @classmethod
    def from_json(cls, text: str | bytes, *, reconstructions: bytes = b"") -> Course:
        """Course of what `to_json` gave, and of its picture."""
        figures = json.loads(text)
        return cls(**{**figures, "history": tuple(figures["history"])}, reconstructions=reconstructions)
