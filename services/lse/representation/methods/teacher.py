"""A teacher: a copy of a network that follows it slowly and is not trained itself."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from torch import nn

    from lse.representation.methods.method import Step

    _Network = TypeVar("_Network", bound=nn.Module)

__all__ = ["follow", "teacher_of"]


def teacher_of(network: _Network) -> _Network:
    """Copy of a network, as it is now, whose weights require no gradients."""
    return copy.deepcopy(network).requires_grad_(requires_grad=False)


def follow(network: nn.Module, teacher: nn.Module, *, momentum: float, step: Step) -> None:
    """Move the teacher's weights towards those of the network.

    The share of itself that the teacher keeps rises from `momentum` to 1 over the run by a cosine (Grill et al. 2020),
    so that it averages over ever more steps.
    """
    from lightly.models.utils import update_momentum

    update_momentum(network, teacher, 1 - (1 - momentum) * 0.5 * (1 + math.cos(math.pi * step.progress)))
