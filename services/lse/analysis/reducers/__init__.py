"""Reducers: vectors arranged in two or three dimensions by PCA, t-SNE or UMAP.

    projection = reduce(vectors, method="umap", parameters={"n_neighbors": 30, "seed": 1})
    projection.coordinates, projection.report, projection.model.transform(more_vectors)

Every method is one module with its parameters and its function; `reduce` is the one door to all of them, and `REDUCERS`
lists them.  The libraries behind a method are imported when it runs.
"""

from __future__ import annotations

from lse.analysis.reducers.placements import ModelState
from lse.analysis.reducers.preparation import ReducerParameters
from lse.analysis.reducers.projections import Fit, Projection, ProjectionModel, ReducerFacts, ReductionTask
from lse.analysis.reducers.reduction import REDUCERS, reduce, restore_model

__all__ = [
    "REDUCERS",
    "Fit",
    "ModelState",
    "Projection",
    "ProjectionModel",
    "ReducerFacts",
    "ReducerParameters",
    "ReductionTask",
    "reduce",
    "restore_model",
]
