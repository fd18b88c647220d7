"""What is searched for, and where."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lse.analysis.neighbours import unit_vectors
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.vectors import VectorFilter

__all__ = ["Query", "Scope", "direction", "mean_vector", "scope_filter"]

_NOISE = -1


Query = int | NDArray[np.float32]
"""What to be similar to: a row of the experiment, whose image itself is not found, or a vector, float32 (D,)."""

Scope = Literal["all", "same-cluster", "other-clusters"]


def mean_vector(vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean direction of some vectors: that of their unit vectors, as cosine similarity wants it.

    Raises
    ------
    FailedPreconditionError
        If none of the rows has a vector.
    """
    chosen = vectors[rows[rows < len(vectors)]]
    if not len(chosen):
        raise FailedPreconditionError("None of the images has a vector in this experiment.", reason="VECTOR_MISSING")
    return np.asarray(unit_vectors(chosen).mean(axis=0, dtype=np.float64), np.float32)


def direction(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """A vector scaled to length 1, so that the engine need not square tiny or huge components.

    Raises
    ------
    InvalidArgumentError
        ``VECTOR_INVALID``: its length is 0.
    """
    if not vector.any():
        raise InvalidArgumentError(
            "The vector that is searched for has no direction, since all of its components are 0: search for another.",
            reason="VECTOR_INVALID",
        )
    return np.asarray(unit_vectors(vector[None])[0])


def scope_filter(scope: Scope, key: str, cluster: int) -> VectorFilter:
    """Filter of the images that may be found; noise is not a cluster.

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
            reason="QUERY_CLUSTER_MISSING",
        )
    return VectorFilter(equals={key: cluster})
