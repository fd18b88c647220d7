"""What is done to points before they are grouped: unit length for the cosine, and fewer dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lse.clustering.clusterers.clusterings import ClusteringParameters, Reduction
from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import Monitor, progress_bar_options
from lse.platform.neighbours import Metric, build_neighbour_graph, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FEW_DIMENSIONS", "default_metric", "prepare"]

# Density is estimated well in about this many dimensions without help.
FEW_DIMENSIONS = 10
_DIMENSIONS = {"pca": 16, "umap": 5}
# UMAP of fewer points shows its own accidents.
_UMAP_ROWS = 100
_UMAP_NEIGHBOURS = 30
_UMAP_EPOCHS = 200


def default_metric(width: int) -> Metric:
    """Cosine for latent vectors, Euclidean for a projection."""
    return "euclidean" if width <= 3 else "cosine"


def prepare(
    points: NDArray[np.float32],
    parameters: ClusteringParameters,
    *,
    preferred: Reduction,
    seed: int,
    monitor: Monitor,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Points among which Euclidean distance is right, and the lines of the report about it.

    Parameters
    ----------
    points
        Shape (n, D).
    parameters
        What was asked for.
    preferred
        Reduction of the method for points of many dimensions, when none was asked for.
    seed, monitor
        As for the method.

    Raises
    ------
    InvalidArgumentError
        The reduction asked for does not fit the points.
    """
    rows, width = points.shape
    metric = parameters.metric or default_metric(width)
    prepared = unit_vectors(points) if metric == "cosine" else points
    if not np.ptp(prepared, axis=0).any():
        raise InvalidArgumentError(
            f"All {rows} points are equal by {metric} distance, so there is nothing to group: "
            "check the encoder and its images.",
            reason="CONSTANT_VECTORS",
        )
    reduction: Reduction = parameters.reduce or _automatic(preferred, rows, width)
    notes: dict[str, Any] = {"metric": metric, "reduce": reduction, "columns": width}
    if reduction == "none":
        return prepared, notes
    dimensions = parameters.dimensions or min(_DIMENSIONS[reduction], rows, width)
    if dimensions > min(rows, width):
        raise InvalidArgumentError(
            f"{rows} points of {width} columns cannot be reduced to {dimensions} dimensions: "
            f"set dimensions to at most {min(rows, width)}.",
            reason="BAD_PARAMETER",
            parameter="dimensions",
        )
    notes["dimensions"] = dimensions
    monitor.report("reducing")
    if reduction == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(n_components=dimensions, random_state=seed)
        reduced = np.asarray(pca.fit_transform(prepared), dtype=np.float32)
        notes["variance_kept"] = float(pca.explained_variance_ratio_.sum())
        return reduced, notes
    if rows < _UMAP_ROWS:
        raise InvalidArgumentError(
            f"There are only {rows} points and UMAP needs at least {_UMAP_ROWS}: set reduce to none or pca.",
            reason="BAD_PARAMETER",
            parameter="reduce",
        )
    return _umap(prepared, dimensions, seed=seed, monitor=monitor), notes


def _automatic(preferred: Reduction, rows: int, width: int) -> Reduction:
    if width <= FEW_DIMENSIONS or (preferred == "pca" and min(rows, width) <= _DIMENSIONS["pca"]):
        return "none"
    return "pca" if preferred == "umap" and rows < _UMAP_ROWS else preferred


def _umap(points: NDArray[np.float32], dimensions: int, *, seed: int, monitor: Monitor) -> NDArray[np.float32]:
    """UMAP made for grouping: packed tightly, and with enough neighbours that accidents do not become groups."""
    import scipy.sparse
    from sklearn.utils import check_random_state
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

    rows = len(points)
    graph = build_neighbour_graph(
        points,
        k=min(_UMAP_NEIGHBOURS, rows) - 1,
        metric="euclidean",
        seed=seed,
        on_progress=monitor.on_progress,
        should_stop=monitor.should_stop,
    )
    monitor.report("reducing")
    random = check_random_state(seed)
    itself = np.arange(rows, dtype=np.int32)[:, None]
    sets: scipy.sparse.coo_matrix = fuzzy_simplicial_set(
        points,
        graph.k + 1,
        random,
        "euclidean",
        knn_indices=np.hstack([itself, graph.indices]),
        knn_dists=np.hstack([np.zeros((rows, 1), np.float32), graph.distances]),
    )[0]
    a, b = find_ab_params(1.0, 0.0)
    embedding, _ = simplicial_set_embedding(
        points,
        sets,
        n_components=dimensions,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=_UMAP_EPOCHS,
        init="spectral",
        random_state=random,
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        tqdm_kwds=progress_bar_options(monitor, "reducing", _UMAP_EPOCHS, unit="epochs"),
    )
    return np.asarray(embedding, dtype=np.float32)
