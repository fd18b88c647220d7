"""What can be computed: projections, clusterings, predictions and encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lse.client import Client, Operation

__all__ = ["DIMENSIONS", "KINDS", "Computation", "Kind", "free_name", "started"]

Kind = Literal["projection", "clustering", "prediction", "encoder"]
KINDS: tuple[Kind, ...] = ("projection", "clustering", "prediction", "encoder")
# Parameter of every projection method.
DIMENSIONS = "n_components"


@dataclass(frozen=True)
class Computation:
    """One computation that a visitor asks for.

    Attributes
    ----------
    kind, name
        What is made, and what it will be called.
    source
        Experiment that it is made in; dataset that an encoder learns from.
    method, parameters
        How; parameters that are not given keep their defaults.
    on
        What a clustering is computed on: a projection, or ``latent`` for the vectors.
    labels
        What a prediction learns from: ``label:SCHEME`` or ``column:NAME``.
    """

    kind: Kind
    name: str
    source: str
    method: str
    parameters: Mapping[str, str]
    on: str = "latent"
    labels: str = ""


def started(client: Client, asked: Computation) -> Operation[Any]:
    """Ask the services for a computation.

    Raises
    ------
    LseError
        They refuse it.
    """
    how: dict[str, Any] = {"method": asked.method, "parameters": asked.parameters}
    if asked.kind == "projection":
        return client.projections.run(asked.name, experiment=asked.source, **how)
    if asked.kind == "clustering":
        return client.clusterings.run(asked.name, experiment=asked.source, on=asked.on, **how)
    if asked.kind == "encoder":
        return client.encoders.train(asked.name, dataset=asked.source, **how)
    kind, _, source = asked.labels.partition(":")
    how |= {"scheme": source} if kind == "label" else {"column": source}
    return client.predictions.run(asked.name, experiment=asked.source, **how)


def free_name(base: str, taken: set[str]) -> str:
    """The base, or the base with the first number that nobody has taken."""
    if base not in taken:
        return base
    return next(name for i in range(2, len(taken) + 3) if (name := f"{base}-{i}") not in taken)
