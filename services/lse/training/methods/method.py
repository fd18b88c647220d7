"""What every method of representation learning is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Optional, TypeVar

from pydantic import Field

from lse.platform.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor, nn

    from lse.training.encoders.encoder import Encoder, Head, Neck

__all__ = ["CHOSEN", "Auto", "Method", "MethodParameters", "Step"]

_T = TypeVar("_T")
if TYPE_CHECKING:
    # Parameters that are in force are never None, and all code sees those, save that which chooses them.
    Auto = Annotated[_T, "chosen from the data where None"]
else:
    Auto = Optional[_T]  # noqa: UP045 - `X | None` takes no type argument
# Default of a parameter that `lse.training.defaults` chooses where it is not set.
CHOSEN: Any = None


class MethodParameters(Parameters):
    """Parameters that all methods share; a method adds its own.

    Those of type `Auto` are chosen from the data set where they are not given, see `lse.training.defaults`.
    """

    backbone: Literal["small-conv", "vit-tiny", "resnet18", "resnet50", "convnext-tiny"] = Field(
        default="small-conv", description="Network that images go through."
    )
    width: int | None = Field(
        default=None,
        ge=4,
        le=512,
        description="Feature maps of the backbone's first stage: more is slower and finer; the backbone's own when not "
        "given.",
    )
    latent_dim: Auto[int] = Field(default=CHOSEN, ge=2, le=4096, description="Length of the vector of an image.")
    epochs: Auto[int] = Field(default=CHOSEN, ge=1, le=100_000, description="Times that every image is seen.")
    batch_size: Auto[int] = Field(default=CHOSEN, ge=2, le=65_536, description="Images in a step.")
    learning_rate: Auto[float] = Field(
        default=CHOSEN,
        gt=0,
        le=10,
        description="Largest step of the optimiser; it rises in the warm-up and then falls.",
    )
    weight_decay: float = Field(default=1e-4, ge=0, le=10, description="Pull of the weights towards zero.")
    warmup_epochs: float = Field(
        default=2, ge=0, le=10_000, description="Epochs over which the learning rate rises from zero."
    )
    precision: Literal["auto", "32", "bf16", "16"] = Field(
        default="auto",
        description="Bits of a number in the training: 32, or mixed with bf16 or 16, which is quicker on a GPU; auto "
        "is bf16 on a GPU that has it and 32 elsewhere.",
    )
    validation: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="Share of the images that is held out to measure the validation loss; 0 trains on all.",
    )
    patience: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Epochs without a lower loss after which the training ends early and the best weights are taken; "
        "0 never does.",
    )


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


class Method(ABC):
    """A way to learn an encoder without labels.

    Parameters
    ----------
    parameters
        Of the class's own `parameters_class`.

    Attributes
    ----------
    name, title, summary
        How it is asked for, what it is called on a screen, and one sentence for a person who chooses.
    parameters_class
        Class of its parameters.
    neck, head
        How feature maps become a vector, and whether its axes have unit variance or a scale of their own.
    prior
        Distribution of the vectors from which the decoder draws new images: ``normal`` is the standard normal
        distribution of independent axes; None says that there is no decoder, or that its space has empty regions.
    loss_ranks
        Whether of two epochs the one of lower loss has the better weights.  In a game of two networks, and where a
        teacher changes too, it says nothing: the latest weights then count as the best.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    parameters_class: ClassVar[type[MethodParameters]]
    neck: ClassVar[Neck]
    head: ClassVar[Head] = "standardised"
    prior: ClassVar[Literal["normal"] | None] = None
    loss_ranks: ClassVar[bool] = True

    @abstractmethod
    def __init__(self, parameters: MethodParameters) -> None: ...

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
