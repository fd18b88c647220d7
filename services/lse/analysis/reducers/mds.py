"""Multidimensional scaling: classical by eigenvectors, or metric by SMACOF, by scikit-learn."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from lse.analysis.exact_neighbours import MetricSpace
from lse.analysis.neighbours import Metric
from lse.analysis.reducers.alignment import AlignmentParameters
from lse.analysis.reducers.placements import NeighbourPlacement
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run
from lse.methods import Method

__all__ = ["METHOD", "MdsParameters"]

# A table of all pairs in float64, 200 MB, and SMACOF makes a few of them in every iteration.
_MOST_ROWS = 5_000
_PLACING_NEIGHBOURS = 5


class MdsParameters(AlignmentParameters):
    """Parameters of multidimensional scaling, named as in scikit-learn."""

    metric: Metric = Field("cosine", description="Distance between vectors.")
    solver: Literal["smacof", "classical"] = Field(
        "smacof",
        description="Least squares of the distances, from the classical solution on (smacof), or the classical "
        "solution alone, which is quick and exact for points of few dimensions.",
    )
    max_iter: int = Field(300, ge=1, le=10_000, description="Maximum number of SMACOF iterations.")


def _run(task: ReductionTask, parameters: MdsParameters) -> Fit:
    from scipy.spatial.distance import pdist, squareform
    from sklearn.manifold import MDS

    task.monitor.report("arranging", 0, 1)
    points = np.concatenate(list(MetricSpace(task.vectors, parameters.metric).blocks()))
    apart = pdist(points, "sqeuclidean")
    # By cosine, half the square between unit vectors; in a unit that makes the map no smaller than the numbers allow.
    apart = apart / 2 if parameters.metric == "cosine" else np.sqrt(apart)
    table = squareform(apart / apart.max())
    if parameters.solver == "classical":
        coordinates = _classical(table, parameters.n_components)
    else:
        scaling = MDS(
            parameters.n_components,
            metric="precomputed",
            init="classical_mds",
            n_init=1,
            max_iter=parameters.max_iter,
            random_state=parameters.seed,
            normalized_stress=True,
        )
        coordinates = scaling.fit_transform(table)
        task.notes["normalised_stress"] = float(scaling.stress_)
        task.notes["iterations"] = int(scaling.n_iter_)
    task.monitor.report("arranging", 1, 1)
    placed = np.asarray(coordinates, np.float32)
    k = min(_PLACING_NEIGHBOURS, len(placed))
    return Fit(placed, NeighbourPlacement(task.vectors, placed, parameters.metric, k))


def _classical(table: np.ndarray, components: int) -> np.ndarray:
    """Torgerson's solution (1952): leading eigenvectors of the doubly centred squares."""
    from scipy.linalg import eigh

    squares = np.square(table)
    inner = -(squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()) / 2
    rows = len(table)
    values, vectors = eigh(inner, subset_by_index=[rows - components, rows - 1])
    axes = vectors[:, ::-1] * np.sqrt(values[::-1].clip(min=0))
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(components)])
    return np.asarray(axes * np.where(signs == 0, 1, signs))


METHOD: Method[Run, ReducerFacts] = Method(
    id="mds",
    title="MDS",
    summary="Keeps all distances as well as two or three dimensions allow, large ones above all; up to 5,000 images. "
    "After Torgerson (1952), Kruskal (1964) and de Leeuw (1977), by scikit-learn.",
    parameters=MdsParameters,
    run=_run,
    facts=ReducerFacts(minimum_rows=4, maximum_rows=_MOST_ROWS, restore=NeighbourPlacement.restored),
    order=50,
)
