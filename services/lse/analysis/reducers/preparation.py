"""What is done to vectors before they are arranged: standardised, reduced by principal components, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import AliasChoices, Field

from lse.errors import InvalidArgumentError
from lse.parameters import Parameters, Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.principal import Affine

__all__ = ["Preparation", "ReducerParameters", "prepare"]


class ReducerParameters(Parameters):
    """Parameters that every projection method has; a method adds its own."""

    n_components: int = Field(
        default=2,
        ge=2,
        le=3,
        validation_alias=AliasChoices("n_components", "components"),
        description="Dimensions of the projection.",
    )
    seed: Seed = 0
    standardise: bool = Field(
        default=False,
        description="Scale every column to zero mean and unit variance first; the precomputed k-NN graph cannot be "
        "reused then.",
    )
    principal_components: int | None = Field(
        default=None,
        ge=2,
        description="Reduce to this many principal components first (default: no reduction).",
    )


@dataclass(frozen=True)
class Preparation:
    """Fitted steps, in order; none leaves vectors as they are.

    Attributes
    ----------
    steps
        Linear maps.
    description
        What was done, for the report.
    variance_kept
        Share of the variance that is left of what the vectors, or the standardised ones, had.
    """

    steps: tuple[Affine, ...] = ()
    description: str = "none"
    variance_kept: float = 1.0

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply the steps to vectors of shape (m, D); each row for itself, bit by bit."""
        for step in self.steps:
            vectors = np.ascontiguousarray(step.transform(vectors), dtype=np.float32)
        return vectors


def prepare(vectors: NDArray[np.float32], parameters: ReducerParameters) -> Preparation:
    """Fit the steps that the parameters ask for.

    Raises
    ------
    InvalidArgumentError
        ``PARAMETER_INVALID``: more principal components than the vectors have.
    """
    if not parameters.standardise and parameters.principal_components is None:
        return Preparation()
    from lse.analysis.principal import Affine, principal_axes

    steps: list[Affine] = []
    told: list[str] = []
    kept = 1.0
    if parameters.standardise:
        spread = vectors.std(axis=0, dtype=np.float64)
        steps.append(Affine(vectors.mean(axis=0, dtype=np.float64), 1 / np.where(spread > 0, spread, 1.0)))
        vectors = np.asarray(steps[-1].transform(vectors), dtype=np.float32)
        told.append("columns standardised")
    wanted = parameters.principal_components
    if wanted is not None:
        most = min(vectors.shape)
        if wanted > most:
            raise InvalidArgumentError(
                f"principal_components is {wanted} but {vectors.shape[0]} vectors of {vectors.shape[1]} columns have "
                f"at most {most}: set it lower.",
                reason="PARAMETER_INVALID",
                parameter="principal_components",
            )
        axes = principal_axes(vectors, wanted, seed=parameters.seed)
        steps.append(Affine(axes.mean, axes.matrix))
        kept = float(axes.shares.sum())
        told.append(f"{wanted} principal components ({kept:.1%} of the variance)")
    return Preparation(tuple(steps), ", then ".join(told), kept)
