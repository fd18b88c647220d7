"""What a training would take and what it would learn from, before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lse.client import Client
from lse.client.resources import TrainingEstimate
from lse.platform.errors import LseError, UnavailableError

__all__ = ["TrainingCheck", "training_check"]

_IMAGES = 4


@dataclass(frozen=True)
class TrainingCheck:
    """Answer to the question whether to start a training.

    Attributes
    ----------
    estimate
        Parameters in force, memory and time.
    views
        PNG: a row an image, with two of the random views that would be learnt from; empty where there are none.
    why
        Sentence on why there is no picture.
    """

    estimate: TrainingEstimate
    views: bytes = field(repr=False, default=b"")
    why: str = ""


def training_check(client: Client, *, dataset: str, method: str, settings: Mapping[str, str]) -> TrainingCheck:
    """Ask for the estimate of a training and for a picture of its views.

    Raises
    ------
    LseError
        The parameters cannot be used with the dataset.
    """
    estimate = client.encoders.estimate(dataset=dataset, method=method, settings=settings)
    try:
        preview = client.encoders.preview_views(dataset, method=method, settings=settings, count=_IMAGES)
    except UnavailableError:
        raise
    except LseError as error:
        # The estimate stands on its own.
        return TrainingCheck(estimate, why=error.message)
    return TrainingCheck(estimate, preview.png)
