"""Methods that compare the projections of two random views of every image."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from lse.representation.methods.method import Step, TrainingFacts, TrainingMethod
from lse.representation.methods.views import views

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from torch import Tensor, nn

    from lse.representation.encoders.encoder import Encoder

__all__ = ["TwoViews"]


class TwoViews(TrainingMethod):
    """A loss between the projections of two views, by a head on top of the encoder.

    Parameters
    ----------
    parameters
        Of the method, with `projection_hidden` and `projection_dim`.
    criterion
        Loss of two batches of projections.  Processes that share a run have batches that can differ by an image, which
        lightly cannot gather: each compares its own images.
    head
        Makes the head from its input, hidden and output units.
    """

    facts: ClassVar[TrainingFacts] = TrainingFacts(neck="pooled")

    def __init__(
        self, parameters: Any, *, criterion: Callable[[Tensor, Tensor], Tensor], head: Callable[..., nn.Module]
    ) -> None:
        self._hidden, self._dimension = parameters.projection_hidden, parameters.projection_dim
        self._augmentation = parameters.augmentation()
        self._criterion = criterion
        self._head = head

    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Projection head."""
        return {"projection": self._head(encoder.dimension, self._hidden, self._dimension)}

    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss between two views of every image."""
        pairs = views(images, self._augmentation, step.generator)
        first, second = parts["projection"](encoder.features(pairs)).chunk(2)
        return self._criterion(first, second), {}
