"""What goes into a clusterer and what comes out of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, Field

from lse.analysis.centres import find_centres, point_blocks
from lse.analysis.clusterers.hierarchy import Hierarchy
from lse.analysis.clusterers.stability import Stability
from lse.analysis.neighbours import Metric
from lse.errors import InvalidArgumentError, ResourceExhaustedError
from lse.parameters import Parameters, Seed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.progress import Monitor

__all__ = [
    "ClusterCount",
    "Clustering",
    "ClusteringFacts",
    "ClusteringParameters",
    "ClusteringTask",
    "Grouping",
    "Reduction",
    "Run",
    "by_size",
    "distinct_points",
    "refuse_beyond_distinct",
    "smallest_cluster",
]

Reduction = Literal["none", "pca", "umap"]


ClusterCount = Annotated[
    int | None,
    Field(
        ge=2,
        le=1000,
        validation_alias=AliasChoices("n_clusters", "clusters"),
        description="Number of clusters (default: 2 to 20, by the highest mean silhouette).",
    ),
]


class ClusteringParameters(Parameters):
    """Parameters that every clusterer has; a method adds its own."""

    seed: Seed = 0
    metric: Metric | None = Field(
        None,
        description="Distance between points (default: cosine for latent vectors, euclidean for 2 or 3 columns).",
    )
    reduce: Reduction | None = Field(
        None,
        description="Dimensionality reduction before clustering (default: chosen by method: umap for density methods, "
        "pca for a Gaussian mixture, none for the others).",
    )
    dimensions: int | None = Field(
        None, ge=2, le=256, description="Dimensions after the reduction (default: 5 for umap, 16 for pca)."
    )
    stability_runs: int = Field(
        0,
        ge=0,
        le=100,
        description="Repetitions on four fifths of the points, with other seeds and the same parameters, by which the "
        "stability of clusters and of images is measured (0: it is not measured; 20 are usual).",
    )


@dataclass(frozen=True)
class ClusteringFacts:
    """What `cluster` must know about a method.

    Attributes
    ----------
    minimum_rows, maximum_rows
        Fewest points that can be grouped, and most; no limit when None.
    reduction
        Reduction before it for points of many dimensions, where none is asked for.
    if_noisy
        What to change where most points are noise; empty for a method that knows no noise.
    """

    minimum_rows: int = 3
    maximum_rows: int | None = None
    reduction: Reduction = "none"
    if_noisy: str = ""


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
    stability
        How stable it is, where that was asked for.
    hierarchy
        Groups of other levels, where the method finds groups within groups.
    """

    labels: NDArray[np.int32]
    memberships: NDArray[np.float32]
    n_clusters: int
    report: Mapping[str, Any]
    stability: Stability | None = None
    hierarchy: Hierarchy | None = None


@dataclass(frozen=True)
class ClusteringTask:
    """What a method is given.

    Attributes
    ----------
    points
        Shape (n, D), float32, around their mean, prepared so that Euclidean distance ranks as the metric does.
    seed
        Seed of everything random.
    monitor
        Progress and cancellation.
    memory_limit
        Bytes that a method may take for tables of pairs.
    metric
        Distance that was asked for: Euclidean, or half the squared Euclidean distance between the points, their cosine
        distance.
    chosen
        Parameters that the method chose from the data, which it fills.
    notes
        The method's own lines of the report, which it fills.
    """

    points: NDArray[np.float32]
    seed: int
    monitor: Monitor
    memory_limit: int
    metric: Metric = "euclidean"
    chosen: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def refuse_beyond_memory(self, needed: float, method: str, advice: str) -> None:
        """Stop before a method takes more than the limit.

        Raises
        ------
        ResourceExhaustedError
            ``ANALYSIS_TOO_LARGE``, with the bytes and what to do instead.
        """
        if needed > self.memory_limit:
            raise ResourceExhaustedError(
                f"{method} of {len(self.points)} points needs about {needed / 2**30:.1f} GiB and "
                f"{self.memory_limit / 2**30:.1f} GiB are allowed: {advice}.",
                reason="ANALYSIS_TOO_LARGE",
                needed_bytes=int(needed),
                limit_bytes=self.memory_limit,
            )


@dataclass(frozen=True)
class Grouping:
    """What a method gives back: labels in any order, noise negative, memberships, and the hierarchy if there is one."""

    labels: NDArray[Any]
    memberships: NDArray[Any]
    hierarchy: Hierarchy | None = None


Run = Callable[[ClusteringTask, Any], Grouping]


def distinct_points(points: NDArray[np.float32], enough: int) -> int:
    """Number of different points of shape (n, D); where `enough` are among the first rows, of these."""
    first = len(np.unique(points[: 1000 + 10 * enough], axis=0))
    return first if first >= enough else len(np.unique(points, axis=0))


def smallest_cluster(rows: int) -> int:
    """Smallest size of a cluster by density: half the square root of the rows, or a tenth of few, and at least 3."""
    return max(round(math.sqrt(rows) / 2), min(10, max(3, rows // 10)))


def refuse_beyond_distinct(clusters: int, distinct: int) -> None:
    """Stop where more clusters are asked for than there are different points.

    Raises
    ------
    InvalidArgumentError
        ``PARAMETER_INVALID``, with the largest number.
    """
    if clusters > distinct:
        raise InvalidArgumentError(
            f"There are only {distinct} different points for {clusters} clusters: set n_clusters to at most "
            f"{distinct}.",
            reason="PARAMETER_INVALID",
            parameter="n_clusters",
            maximum=distinct,
        )


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
    centres = find_centres(partial(point_blocks, points), inverse, len(found))
    means = (centres.means - centres.means.mean(axis=0)).round(6)
    order = sorted(np.flatnonzero(found >= 0), key=lambda place: (-sizes[place], *means[place]))
    numbers = np.full(len(found), -1, np.int32)
    numbers[order] = np.arange(len(order), dtype=np.int32)
    return numbers[inverse]
