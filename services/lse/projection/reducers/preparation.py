"""What is done to vectors before they are arranged: standardised, reduced by principal components, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import Parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Preparation", "PreparedParameters", "prepare"]


class PreparedParameters(Parameters):
    """Parameters of a method whose vectors may be prepared first."""

    standardise: bool = Field(
        default=False,
        description="Scale every column to mean 0 and deviation 1 first; the shared graph then cannot serve.",
    )
    principal_components: int | None = Field(
        default=None,
        ge=2,
        description="Reduce to this many principal components first; auto leaves the vectors as they are.",
    )


@dataclass(frozen=True)
class Preparation:
    """Fitted steps, in order; none leaves vectors as they are.

    Attributes
    ----------
    steps
        Fitted scikit-learn transformers.
    description
        What was done, for the report.
    """

    steps: tuple[Any, ...] = ()
    description: str = "none"

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply the steps to vectors of shape (m, D)."""
        for step in self.steps:
            vectors = np.ascontiguousarray(step.transform(vectors), dtype=np.float32)
        return vectors


def prepare(vectors: NDArray[np.float32], parameters: PreparedParameters, *, seed: int) -> Preparation:
    """Fit the steps that the parameters ask for.

    Raises
    ------
    InvalidArgumentError
        ``BAD_PARAMETER``: more principal components than the vectors have.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    steps: list[Any] = []
    told: list[str] = []
    if parameters.standardise:
        steps.append(StandardScaler().fit(vectors))
        vectors = steps[-1].transform(vectors)
        told.append("columns standardised")
    wanted = parameters.principal_components
    if wanted is not None:
        most = min(vectors.shape)
        if wanted > most:
            raise InvalidArgumentError(
                f"principal_components is {wanted} but {vectors.shape[0]} vectors of {vectors.shape[1]} columns have "
                f"at most {most}: set it lower.",
                reason="BAD_PARAMETER",
                parameter="principal_components",
            )
        steps.append(PCA(n_components=wanted, random_state=seed).fit(vectors))
        kept = float(steps[-1].explained_variance_ratio_.sum())
        told.append(f"{wanted} principal components ({kept:.1%} of the variance)")
    return Preparation(tuple(steps), ", then ".join(told) or "none")
