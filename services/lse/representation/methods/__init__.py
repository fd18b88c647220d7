"""Methods of representation learning, one module each, and their registry.

A method is a frozen set of parameters and two functions: the networks it needs beside the encoder, and its loss on a
batch.  Nothing here loads torch before a method is used, so that asking which methods there are is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lse.errors import InvalidArgumentError
from lse.methods import Registry
from lse.representation.methods.method import Step, TrainingFacts, TrainingMethod, TrainingParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "TRAINING_METHODS",
    "Step",
    "TrainingFacts",
    "TrainingMethod",
    "TrainingParameters",
    "training_parameters",
]

TRAINING_METHODS: Registry[type[TrainingMethod], TrainingFacts] = Registry(
    kind="training method",
    package="lse.representation.methods",
    group="lse.training_methods",
    parameters=TrainingParameters,
    facts=TrainingFacts,
)


def training_parameters(method: str, values: Mapping[str, object], *, import_paths: bool = True) -> TrainingParameters:
    """Parameters of a method from values given by name, as text or already typed; defaults fill the rest.

    Raises
    ------
    InvalidArgumentError
        When the method or a name is unknown, a value is of the wrong type or out of range, or the method cannot end
        early as `patience` asks.
    PermissionDeniedError
        When the method or the backbone is an import path and `import_paths` is not set.
    """
    parameters: TrainingParameters = TRAINING_METHODS.parse(method, values, import_paths=import_paths)
    chosen = TRAINING_METHODS[method]
    if parameters.patience and not chosen.facts.loss_ranks:
        raise InvalidArgumentError(
            f"The loss of {chosen.id} does not rank weights, so it cannot stop the training early: leave patience at 0 "
            "and choose the number of epochs.",
            reason="PATIENCE_UNSUPPORTED",
            method=chosen.id,
        )
    return parameters
