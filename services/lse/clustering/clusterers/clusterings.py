"""What goes into a clusterer and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from lse.platform.errors import ResourceExhaustedError
from lse.platform.neighbours import Metric
from lse.platform.parameters import Parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.platform.monitor import Monitor

__all__ = ["Clustering", "ClusteringParameters", "ClusteringTask", "Grouping", "Reduction", "Run", "by_size"]

Reduction = Literal["none", "pca", "umap"]


class ClusteringParameters(Parameters):
    """Parameters that every method has."""

    metric: Metric | None = Field(
        None,
        description="Distance between points; auto is cosine for latent vectors and euclidean for 2 or 3 columns.",
    )
    reduce: Reduction | None = Field(
        None,
        description="Reduce the points first; auto depends on the method: density methods need few dimensions (umap), "
        "a Gaussian mixture needs some (pca), the others none.",
    )
    dimensions: int | None = Field(
        None, ge=2, le=256, description="Dimensions after reducing; auto is 5 for umap and 16 for pca."
    )


@dataclass(frozen=True)
class Clustering:
    """Points in groups.

    Attributes
    ----------
    labels
        Group of each point, shape (n,), int32: 0 is the largest group, -1 is noise, in no group.
    memberships
        How well each point belongs, shape (n,), float32, from 0 to 1; what it means is in the report.
    n_clusters
        Number of groups, 0 when all is noise.
    report
        How it was made: plain values that JSON can hold.
    """

    labels: NDArray[np.int32]
    memberships: NDArray[np.float32]
    n_clusters: int
    report: Mapping[str, Any]


@dataclass(frozen=True)
class ClusteringTask:
    """What a method is given.

    Attributes
    ----------
    points
        Shape (n, D), float32, prepared so that Euclidean distance is the distance to use.
    seed
        Seed of everything random.
    monitor
        Progress and cancellation.
    memory_limit
        Bytes that a method may take for tables of pairs.
    notes
        The method's own lines of the report, which it fills.
    """

    points: NDArray[np.float32]
    seed: int
    monitor: Monitor
    memory_limit: int
    notes: dict[str, Any] = field(default_factory=dict)

    def refuse_beyond_memory(self, needed: float, method: str, advice: str) -> None:
        """Stop before a method takes more than the limit.

        Raises
        ------
        ResourceExhaustedError
            ``MEMORY_LIMIT``, with the bytes and what to do instead.
        """
        if needed > self.memory_limit:
            raise ResourceExhaustedError(
                f"{method} of {len(self.points)} points needs about {needed / 2**30:.1f} GiB and "
                f"{self.memory_limit / 2**30:.1f} GiB are allowed: {advice}.",
                reason="MEMORY_LIMIT",
                needed_bytes=int(needed),
                limit_bytes=self.memory_limit,
            )


@dataclass(frozen=True)
class Grouping:
    """What a method gives back: labels in any order, noise negative, and memberships."""

    labels: NDArray[Any]
    memberships: NDArray[Any]


Run = Callable[[ClusteringTask, Any], Grouping]


def by_size(labels: NDArray[Any], points: NDArray[np.float32]) -> NDArray[np.int32]:
    """Renumber groups, largest first; among equals the one of the smaller mean comes first, whatever the order of rows.

    Parameters
    ----------
    labels
        Shape (n,), negative for noise.
    points
        Shape (n, D).
    """
    found, inverse, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    keys = [
        (-size, *points[inverse == place].mean(axis=0, dtype=np.float64).round(6)) if label >= 0 else ()
        for place, (label, size) in enumerate(zip(found, sizes, strict=True))
    ]
    order = sorted((place for place, label in enumerate(found) if label >= 0), key=keys.__getitem__)
    numbers = np.full(len(found), -1, np.int32)
    numbers[order] = np.arange(len(order), dtype=np.int32)
    return numbers[inverse]
