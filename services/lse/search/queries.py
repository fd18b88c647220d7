"""What is searched for, and where."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lse.platform.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.vectors import VectorFilter

__all__ = ["Query", "Scope", "mean_vector", "scope_filter"]

_NOISE = -1


Query = int | NDArray[np.float32]
"""What to be similar to: a row of the experiment, whose image itself is not found, or a vector, float32 (D,)."""

Scope = Literal["all", "same-cluster", "other-clusters"]


def mean_vector(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean direction of some vectors: that of their unit vectors, as cosine similarity wants it.

    Raises
    ------
    InvalidArgumentError
        If none of the rows has a vector.
    """
    chosen = vectors[rows[rows < len(vectors)]]
    if not len(chosen):
        raise InvalidArgumentError("None of the images has a vector in this experiment.", reason="NO_VECTOR")
    lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
    mean: NDArray[np.float32] = (chosen / np.maximum(lengths, 1e-12)).mean(axis=0).astype(np.float32)
    return mean


def scope_filter(scope: Scope, key: str, cluster: int) -> VectorFilter:
    """Filter of the images that may be found; noise is no cluster.

    Raises
    ------
    FailedPreconditionError
        If the query is noise and its own cluster is wanted.
    """
    if scope == "all":
        return VectorFilter()
    if scope == "other-clusters":
        return VectorFilter(not_equals={key: [cluster, _NOISE]})
    if cluster == _NOISE:
        raise FailedPreconditionError(
            "The image is noise, in no cluster of this clustering: search in other clusters or everywhere.",
            reason="QUERY_IS_NOISE",
        )
    return VectorFilter(equals={key: cluster})
