"""What every method of representation learning is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Optional, TypeVar

from pydantic import AliasChoices, Field

from lse.parameters import Parameters, Seed
from lse.representation.encoders.backbones import BACKBONES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor, nn

    from lse.representation.encoders.encoder import Encoder, Head, Neck

__all__ = ["CHOSEN", "Auto", "Step", "TrainingFacts", "TrainingMethod", "TrainingParameters"]

_T = TypeVar("_T")
if TYPE_CHECKING:
    # Parameters that are in force are never None, and all code sees those, save that which chooses them.
    Auto = Annotated[_T, "chosen from the data where None"]
else:
    Auto = Optional[_T]  # noqa: UP045 - `X | None` takes no type argument
# Default of a parameter that `lse.representation.training.defaults` chooses where it is not set.
CHOSEN: Any = None


class TrainingParameters(Parameters):
    """Parameters that all training methods share; a method adds its own.

    Those of type `Auto` are chosen from the dataset where they are not given, see
    `lse.representation.training.defaults`.
    """

    shared_first: ClassVar[bool] = True

    backbone: Annotated[str, BACKBONES] = Field(
        default="small-conv", description="Network that turns images into feature maps."
    )
    width: int | None = Field(
        default=None,
        ge=4,
        le=512,
        description="Feature maps of the backbone's first stage; more gives finer detail and takes longer (default: "
        "the backbone's own).",
    )
    latent_dim: Auto[int] = Field(
        default=CHOSEN, ge=2, le=4096, description="Dimension of the latent space: the length of an image's vector."
    )
    epochs: Auto[int] = Field(
        default=CHOSEN,
        ge=1,
        le=100_000,
        validation_alias=AliasChoices("epochs", "max_epochs"),
        description="Number of training epochs.",
    )
    batch_size: Auto[int] = Field(default=CHOSEN, ge=2, le=65_536, description="Images per optimiser step.")
    learning_rate: Auto[float] = Field(
        default=CHOSEN,
        gt=0,
        le=10,
        description="Peak learning rate, reached after the warm-up; it then decays by a cosine schedule.",
    )
    weight_decay: float = Field(default=1e-4, ge=0, le=10, description="Weight decay (L2).")
    warmup_epochs: float = Field(
        default=2, ge=0, le=10_000, description="Epochs over which the learning rate rises from zero."
    )
    precision: Literal["auto", "32", "bf16", "16"] = Field(
        default="auto",
        description="Numerical precision of the training: 32 bits, or mixed precision with bf16 or 16, which is faster "
        "on a GPU; auto is bf16 on a GPU that supports it and 32 elsewhere.",
    )
    validation: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="Fraction of the images held out for the validation loss; 0 trains on all (default: by the number "
        "of images).",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Early stopping: epochs without a lower loss after which the training ends with the best weights; "
        "0 turns it off.",
    )
    seed: Seed = 0


@dataclass(frozen=True)
class TrainingFacts:
    """What a training must know about a method before it runs.

    Attributes
    ----------
    neck
        How feature maps become a vector: ``pooled`` over position, or ``flat``, which keeps position.
    head
        Whether the axes of the vectors have unit variance (``standardised``) or a scale of their own (``scaled``).
    prior
        Distribution of the vectors from which the decoder draws new images: ``normal`` is the standard normal
        distribution of independent axes; None says that there is no decoder, or that its space has empty regions.
    loss_ranks
        Whether of two epochs the one of lower loss has the better weights.  In a game of two networks, and where a
        teacher changes too, it says nothing: the latest weights then count as the best.
    """

    neck: Neck = "pooled"
    head: Head = "standardised"
    prior: Literal["normal"] | None = None
    loss_ranks: bool = True


@dataclass(frozen=True)
class Step:
    """Where a run stands when a method is asked for its loss.

    Attributes
    ----------
    generator
        Source of all randomness of this step, on the device of the images.
    progress
        Share of the run that is done, from 0 to 1.
    """

    generator: Generator
    progress: float


class TrainingMethod(ABC):
    """A way to learn an encoder without labels.

    Parameters
    ----------
    parameters
        Of the method's own model, a `TrainingParameters`.

    Attributes
    ----------
    facts
        What a training must know about it.
    """

    facts: ClassVar[TrainingFacts] = TrainingFacts()

    @abstractmethod
    def __init__(self, parameters: TrainingParameters) -> None: ...

    @abstractmethod
    def parts(self, encoder: Encoder) -> dict[str, nn.Module]:
        """Build the networks that go beside the encoder, by name; one called ``decoder`` is kept.

        Those whose weights do not require gradients, such as a teacher, are left to `after_step`.
        """

    @abstractmethod
    def loss(
        self, encoder: Encoder, parts: Mapping[str, nn.Module], images: Tensor, step: Step
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss on a batch.

        Parameters
        ----------
        encoder
            In training mode.
        parts
            What `parts` built.
        images
            Normalised images (n, channels, size, size).
        step
            Where the run stands.

        Returns
        -------
        tuple of Tensor and dict
            The loss to lower, and further figures by name.
        """

    def after_step(self, encoder: Encoder, parts: Mapping[str, nn.Module], step: Step) -> None:  # noqa: B027 - most methods have nothing to do
        """Change what the optimiser does not, such as a teacher that follows the encoder; called after every step."""
