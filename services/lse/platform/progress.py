"""How far long work has come: the one shape in which pure code, tasks and operations report it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Progress", "ProgressCallback", "ShouldStop"]


@dataclass(frozen=True)
class Progress:
    """A moment of long work.

    Attributes
    ----------
    stage
        What is being done, as a short lower-case noun phrase for a person.
    done, total
        Units finished and units to do in this stage; `total` 0 means not known.
    unit
        What is counted, in the plural.
    metrics
        Named figures of the moment, such as ``loss``.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = "steps"
    metrics: Mapping[str, float] = field(default_factory=dict)


ProgressCallback = Callable[[Progress], None]
ShouldStop = Callable[[], bool]
