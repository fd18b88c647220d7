"""What is known of a training before it starts: networks to choose from, memory and minutes."""

from __future__ import annotations

from dataclasses import dataclass

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.fields import Received

__all__ = ["Backbone", "TrainingEstimate"]


@dataclass(frozen=True, kw_only=True)
class Backbone(Received, message=pb.Backbone, id="backbone", help="summary"):
    """A network that images can go through.

    Attributes
    ----------
    id
        Identifier given in parameters, such as ``resnet18``.
    help
        One sentence for a person who chooses.
    minimum_size, maximum_size
        Smallest and largest side of an image, in pixels.
    trainable, pretrained
        Whether it can be trained here, and whether it can be had with pretrained weights.
    """

    id: str
    help: str
    minimum_size: int
    maximum_size: int
    trainable: bool
    pretrained: bool


@dataclass(frozen=True, kw_only=True)
class TrainingEstimate(Received, message=pb.TrainingEstimate):
    """What a training would take.

    Attributes
    ----------
    parameters
        All parameters that would be in force, as text.
    parameter_count
        Weights of the networks.
    memory_bytes, available_memory_bytes
        Memory of the training, and memory at hand, in bytes.
    minutes
        Time on the machine that answered; 0 where the training does not fit.
    notes
        Sentences on what was measured, what may go wrong, and what the parameters were chosen by.
    """

    parameters: dict[str, object]
    parameter_count: int
    memory_bytes: int
    available_memory_bytes: int
    minutes: float
    notes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether the memory at hand is enough: a training that does not fit is refused."""
        return self.memory_bytes <= self.available_memory_bytes
