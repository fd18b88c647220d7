"""k-means, by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.clustering.clusterers.automatic import choose_clusters, relative_closeness
from lse.clustering.clusterers.clusterings import ClusteringParameters, ClusteringTask, Grouping, Run
from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "KMeansParameters"]

# Above, mini-batches: on 100,000 x 128 several times quicker at a lower inertia than the same time of full steps gives.
_BATCHED_ROWS = 50_000


class KMeansParameters(ClusteringParameters):
    """Parameters of k-means."""

    clusters: int | None = Field(
        None, ge=2, le=1000, description="Number of clusters; auto tries 2 to 20 and takes the best silhouette."
    )
    starts: int = Field(8, ge=1, le=100, description="Random starts, of which the best is kept.")


def _run(task: ClusteringTask, parameters: KMeansParameters) -> Grouping:
    distinct = len(np.unique(task.points, axis=0))

    def group(sample: NDArray[np.intp], clusters: int) -> NDArray[Any]:
        points = task.points[sample]
        # No more groups than there are different points, of which a sample may have few.
        clusters = min(clusters, len(np.unique(points, axis=0)))
        fitted = _model(len(sample), clusters, starts=3, seed=task.seed).fit(points)
        return np.asarray(fitted.labels_)

    if parameters.clusters is None:
        clusters = 2 if distinct < 4 else min(choose_clusters(task, group), distinct)
    else:
        clusters = parameters.clusters
    if clusters > distinct:
        raise InvalidArgumentError(
            f"There are only {distinct} different points for {clusters} clusters: set clusters to at most {distinct}.",
            reason="BAD_PARAMETER",
            parameter="clusters",
            maximum=distinct,
        )
    task.monitor.report("grouping", 0, 1)
    model = _model(len(task.points), clusters, starts=parameters.starts, seed=task.seed).fit(task.points)
    task.notes["parameters"] = parameters.model_dump() | {"clusters": clusters}
    task.notes["inertia"] = float(model.inertia_)
    task.notes["library"] = f"scikit-learn {type(model).__name__}"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one"
    labels = np.unique(model.labels_, return_inverse=True)[1]
    return Grouping(labels, relative_closeness(task.points, labels))


def _model(rows: int, clusters: int, *, starts: int, seed: int) -> Any:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if rows > _BATCHED_ROWS:
        return MiniBatchKMeans(n_clusters=clusters, n_init=starts, random_state=seed, batch_size=4096)
    return KMeans(n_clusters=clusters, n_init=starts, random_state=seed)


METHOD: Method[Run] = Method(
    name="kmeans",
    title="k-means",
    help="Compact groups of similar extent; every image belongs to one. Quick, and a good first cut.",
    parameters=KMeansParameters,
    run=_run,
)
