"""Spectral clustering of the neighbour graph, by SciPy and scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.analysis.centres import relative_closeness
from lse.analysis.clusterers.automatic import choose_clusters
from lse.analysis.clusterers.clusterings import ClusteringFacts, ClusteringParameters, ClusteringTask, Grouping, Run
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.methods import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "SpectralParameters"]

# The eigenvectors of larger graphs take minutes.
_MOST_ROWS = 30_000
_MOST_NEIGHBOURS = 15
# Up to here all eigenvectors are found, also of graphs in many parts.
_DENSE_ROWS = 1_500


class SpectralParameters(ClusteringParameters):
    """Parameters of spectral clustering, named as in scikit-learn."""

    n_clusters: int | None = Field(
        None, ge=2, le=200, description="Number of clusters (default: 2 to 20, by the highest mean silhouette)."
    )
    n_neighbors: int | None = Field(
        None, ge=1, le=1000, description="Neighbours per point in the graph (default: 15, or a third of few points)."
    )


def _run(task: ClusteringTask, parameters: SpectralParameters) -> Grouping:
    rows = len(task.points)
    neighbours = parameters.n_neighbors or max(1, min(_MOST_NEIGHBOURS, rows // 3))
    most = {"n_neighbors": rows - 1, "n_clusters": rows - 2}
    for name, value in (("n_neighbors", neighbours), ("n_clusters", parameters.n_clusters)):
        if value is not None and value > most[name]:
            raise InvalidArgumentError(
                f"There are only {rows} points for {name} {value}: set it to at most {most[name]}.",
                reason="PARAMETER_INVALID",
                parameter=name,
                maximum=most[name],
            )
    maps: dict[int, NDArray[np.float64]] = {}

    def group(sample: NDArray[np.intp], clusters: int) -> NDArray[Any]:
        if len(sample) not in maps:
            maps[len(sample)] = _eigenvectors(task.points[sample], neighbours, max(clusters, 20), seed=task.seed)
        return _cut(maps[len(sample)], clusters, seed=task.seed)

    everyone = np.arange(rows)
    clusters = parameters.n_clusters or choose_clusters(task, group)
    task.monitor.report("grouping", 0, 1)
    if parameters.n_clusters is not None:
        maps[rows] = _eigenvectors(task.points, neighbours, clusters, seed=task.seed)
    labels = np.unique(group(everyone, clusters), return_inverse=True)[1]
    task.chosen.update(n_clusters=clusters, n_neighbors=neighbours)
    task.notes["library"] = "SciPy eigenvectors and scikit-learn KMeans"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one, of the eigenvectors"
    return Grouping(labels, relative_closeness(maps[rows][:, :clusters].astype(np.float32), labels))


def _eigenvectors(points: NDArray[np.float32], neighbours: int, clusters: int, *, seed: int) -> NDArray[np.float64]:
    """Leading eigenvectors of a random walk on the neighbour graph, shape (n, clusters) or all of few points."""
    from scipy.linalg import eigh
    from scipy.sparse import diags
    from scipy.sparse.linalg import ArpackError, eigsh
    from sklearn.neighbors import kneighbors_graph

    rows = len(points)
    graph = kneighbors_graph(points.astype(np.float64), min(neighbours, rows - 1), include_self=True)
    joined = (graph + graph.T) / 2
    roots = np.sqrt(np.asarray(joined.sum(axis=1)).ravel())
    walk = diags(1 / roots) @ joined @ diags(1 / roots)
    wanted = min(clusters, rows)
    if rows <= _DENSE_ROWS:
        _, found = eigh(walk.toarray(), subset_by_index=[rows - wanted, rows - 1])
    else:
        start = np.random.default_rng(seed).normal(size=rows)
        try:
            _, found = eigsh(walk.tocsr(), k=wanted, which="LA", v0=start, ncv=min(rows, 3 * wanted + 20))
        except ArpackError:
            raise FailedPreconditionError(
                "The eigenvectors of the neighbour graph cannot be told apart: set n_neighbors higher, or use another "
                "method.",
                reason="CLUSTERING_FAILED",
            ) from None
    return np.asarray(found[:, ::-1] / roots[:, None])


def _cut(places: NDArray[np.float64], clusters: int, *, seed: int) -> NDArray[Any]:
    from sklearn.cluster import KMeans

    # Fewer groups where the graph is in so many parts of equal places.
    clusters = min(clusters, len(np.unique(places[:, :clusters], axis=0)))
    return np.asarray(KMeans(clusters, n_init=10, random_state=seed).fit(places[:, :clusters]).labels_)


METHOD: Method[Run, ClusteringFacts] = Method(
    id="spectral",
    title="Spectral",
    summary="Cuts the neighbour graph where the fewest links are: clusters of any shape and similar size; up to 30,000 "
    "images. After Ng, Jordan and Weiss (2002) and von Luxburg (2007).",
    parameters=SpectralParameters,
    run=_run,
    facts=ClusteringFacts(minimum_rows=6, maximum_rows=_MOST_ROWS),
    order=60,
)
