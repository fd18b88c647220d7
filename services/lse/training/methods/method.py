"""What every method of representation learning is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from lse.platform.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor, nn

    from lse.training.encoders.encoder import Encoder, Neck

__all__ = ["Method", "MethodParameters", "Step"]


class MethodParameters(Parameters):
    """Parameters that all methods share; a method adds its own."""

    backbone: Literal["small-conv"] = Field(default="small-conv", description="Network that images go through.")
    width: int = Field(
        default=32, ge=4, le=512, description="Feature maps of the backbone's first stage: more is slower and finer."
    )
    latent_dim: int = Field(default=64, ge=2, le=4096, description="Length of the vector of an image.")
    epochs: int = Field(default=40, ge=1, le=100_000, description="Times that every image is seen.")
    batch_size: int = Field(default=256, ge=2, le=65_536, description="Images in a step.")
    learning_rate: float = Field(
        default=2e-3, gt=0, le=10, description="Largest step of the optimiser; it rises in the warm-up and then falls."
    )
    weight_decay: float = Field(default=1e-4, ge=0, le=10, description="Pull of the weights towards zero.")
    warmup_epochs: float = Field(
        default=2, ge=0, le=10_000, description="Epochs over which the learning rate rises from zero."
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
    neck
        How feature maps become a vector.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    parameters_class: ClassVar[type[MethodParameters]]
    neck: ClassVar[Neck]

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
