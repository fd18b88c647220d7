"""What is searched for, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lse.analysis.neighbours import unit_vectors
from lse.errors import FailedPreconditionError, InvalidArgumentError

__all__ = ["Query", "Scope", "contrast", "direction", "mean_vector", "rows_in_scope", "unit_rows"]

_NOISE = -1

Scope = Literal["all", "same-cluster", "other-clusters"]


@dataclass(frozen=True)
class Query:
    """What to be similar to.

    Attributes
    ----------
    target
        A row of the experiment, whose image itself is not found, or a vector, float32 (D,).
    left_out
        Rows that are not to be found either, int64.
    """

    target: int | NDArray[np.float32]
    left_out: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def mean_vector(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean direction of some vectors: that of their unit vectors, as cosine similarity wants it.

    Raises
    ------
    FailedPreconditionError
        If there are none.
    """
    if not len(vectors):
        raise FailedPreconditionError("None of the images has a vector in this experiment.", reason="VECTOR_MISSING")
    return np.asarray(unit_vectors(vectors).mean(axis=0, dtype=np.float64), np.float32)


def contrast(positive: NDArray[np.float32], negative: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vector that resembles some and not others: twice the mean of the first minus that of the others.

    This is what Qdrant calls recommending by the average vector.

    Parameters
    ----------
    positive, negative
        Vectors, shapes (n, D) with n at least 1 and (m, D).
    """
    wanted = mean_vector(positive).astype(np.float64)
    if len(negative):
        wanted = 2 * wanted - mean_vector(negative)
    return np.asarray(wanted, np.float32)


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


def unit_rows(content: bytes, dimension: int) -> NDArray[np.float32]:
    """Vectors one after the other, scaled to length 1, shape (m, dimension).

    Parameters
    ----------
    content
        32-bit floats, little-endian.
    dimension
        Length of a vector.

    Raises
    ------
    InvalidArgumentError
        ``VECTOR_INVALID``: they do not fill whole vectors, or one is not finite or has the length 0.
    """
    if not content or len(content) % (4 * dimension):
        raise InvalidArgumentError(
            f"The vectors have {len(content)} bytes, which are not whole vectors of {dimension} components of 4 bytes: "
            "give ones like those of the experiment.",
            reason="VECTOR_INVALID",
        )
    vectors = np.frombuffer(content, "<f4").reshape(-1, dimension).astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1))
    if len(wrong):
        raise InvalidArgumentError(
            f"Vector {wrong[0]} is not finite or has no direction, since all of its components are 0: leave it out.",
            reason="VECTOR_INVALID",
        )
    return unit_vectors(vectors)


def rows_in_scope(scope: Scope, labels: NDArray[np.int32], cluster: int) -> NDArray[np.int64]:
    """Rows of the images in the cluster of a query, or in all others; noise is not a cluster.

    Raises
    ------
    FailedPreconditionError
        If the query is noise and its own cluster is wanted.
    """
    if scope == "other-clusters":
        return np.flatnonzero((labels != cluster) & (labels != _NOISE))
    if cluster == _NOISE:
        raise FailedPreconditionError(
            "The image is noise, in no cluster of this clustering: search in other clusters or everywhere.",
            reason="QUERY_CLUSTER_MISSING",
        )
    return np.flatnonzero(labels == cluster)
