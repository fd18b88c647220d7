"""k-means, by scikit-learn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import AliasChoices, Field

from lse.analysis.centres import relative_closeness
from lse.analysis.clusterers.automatic import choose_clusters, most_clusters
from lse.analysis.clusterers.clusterings import (
    ClusterCount,
    ClusteringFacts,
    ClusteringParameters,
    ClusteringTask,
    Grouping,
    Run,
    distinct_points,
    refuse_beyond_distinct,
)
from lse.analysis.clusterers.gap import choose_by_gap
from lse.methods import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "KMeansParameters"]

# Of more than twice as many, starts are compared on a sample, three for each that was asked for, and the best goes on
# with all points: seeding takes most of the time, and centres of a sample are near those of all.
_SAMPLE_ROWS, _SAMPLE_OF_CLUSTER, _SAMPLE_STARTS = 10_000, 100, 3
# So many points are grouped from several starts in a moment, and a single start in many dimensions is often a poor one.
_STARTED_ROWS, _STARTS = 10_000, 10
# Of one start alone, chance would be a part of the gap.
_GAP_STARTS = 3


class KMeansParameters(ClusteringParameters):
    """Parameters of k-means."""

    n_clusters: ClusterCount = None
    criterion: Literal["silhouette", "gap"] = Field(
        "silhouette",
        description="What chooses the number of clusters where it is not given: the mean silhouette, or the gap "
        "statistic, which also says where there is a single group.",
    )
    n_init: int | None = Field(
        None,
        ge=1,
        le=100,
        validation_alias=AliasChoices("n_init", "starts"),
        description="Number of initialisations by k-means++, of which the best is kept (default: 10, and 1 of more "
        "than 10,000 points).",
    )


def _run(task: ClusteringTask, parameters: KMeansParameters) -> Grouping:
    distinct = distinct_points(task.points, parameters.n_clusters or most_clusters(len(task.points)))

    def group(points: NDArray[np.float32], clusters: int, starts: int | None = None) -> NDArray[Any]:
        # No more groups than there are different points, of which a sample may have few.
        clusters = min(clusters, len(np.unique(points, axis=0)))
        return np.asarray(_fit(points, clusters, starts=starts or 1, seed=task.seed)[0].labels_)

    if parameters.n_clusters is None:
        by_silhouette = partial(choose_clusters, task, lambda sample, number: group(task.points[sample], number))
        choose = (
            by_silhouette
            if parameters.criterion == "silhouette"
            else partial(choose_by_gap, task, partial(group, starts=_GAP_STARTS))
        )
        clusters = 2 if distinct < 4 else min(choose(), distinct)
    else:
        clusters = parameters.n_clusters
    refuse_beyond_distinct(clusters, distinct)
    task.monitor.report("grouping", 0, 1)
    starts = parameters.n_init or (_STARTS if len(task.points) <= _STARTED_ROWS else 1)
    model, seen = _fit(task.points, clusters, starts=starts, seed=task.seed)
    task.chosen.update(n_clusters=clusters, n_init=starts)
    task.notes["inertia"] = float(model.inertia_)
    task.notes["library"] = "scikit-learn KMeans"
    if seen < len(task.points):
        task.notes["starts"] = f"compared on {seen} of the points; the best then went on with all of them"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one"
    labels = np.unique(model.labels_, return_inverse=True)[1]
    return Grouping(labels, relative_closeness(task.points, labels))


def _fit(points: NDArray[np.float32], clusters: int, *, starts: int, seed: int) -> tuple[Any, int]:
    """The model, and the number of points on which starts were compared."""
    from sklearn.cluster import KMeans

    model = KMeans(clusters, n_init=starts, random_state=seed)
    size = max(_SAMPLE_ROWS, _SAMPLE_OF_CLUSTER * clusters)
    if len(points) <= 2 * size:
        return model.fit(points), len(points)
    sample = points[np.sort(np.random.default_rng(seed).choice(len(points), size, replace=False))]
    if distinct_points(sample, clusters) < clusters:
        return model.fit(points), len(points)
    best = KMeans(clusters, n_init=_SAMPLE_STARTS * starts, random_state=seed).fit(sample)
    return KMeans(clusters, init=best.cluster_centers_, n_init=1).fit(points), size


METHOD: Method[Run, ClusteringFacts] = Method(
    id="kmeans",
    title="k-means",
    summary="Compact clusters of similar extent; every image belongs to one. Fast, and a good first look.",
    parameters=KMeansParameters,
    run=_run,
    facts=ClusteringFacts(),
    order=10,
)
