"""What every way to learn from labels is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field

from lse.parameters import Parameters, Seed
from lse.representation.prediction.labelled import Labelled, Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.training.images import ArrayLike

__all__ = ["Learn", "Material", "PredictorFacts", "PredictorParameters", "Run"]

Learn: TypeAlias = Callable[[Labelled], Predictor]


class PredictorParameters(Parameters):
    """Parameters that every way to learn from labels has; a method adds its own."""

    folds: int = Field(default=5, ge=2, le=20, description="Folds of the cross-validation that scores the prediction.")
    seed: Seed = 0


@dataclass(frozen=True)
class PredictorFacts:
    """What must be known about a method before it runs.

    Attributes
    ----------
    needs_encoder
        Whether it needs the weights of the encoder, and not its vectors alone.
    """

    needs_encoder: bool = False


@dataclass(frozen=True)
class Material:
    """What a prediction may learn from.

    Attributes
    ----------
    vectors
        Vectors of all images of the experiment, float32, shape (n, dimension).
    images
        Their prepared images, shape (n, channels, size, size).
    new_encoder
        Reads the encoder of the experiment, with the weights of its training each time.
    on_progress, should_stop
        Called now and then.
    """

    vectors: NDArray[np.float32]
    images: ArrayLike
    new_encoder: Callable[[], nn.Module]
    on_progress: ProgressCallback | None = None
    should_stop: ShouldStop | None = None


Run: TypeAlias = Callable[[Material, Any], Learn]
