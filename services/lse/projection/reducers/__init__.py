"""Reducers: vectors arranged in two or three dimensions by PCA, t-SNE or UMAP.

    projection = reduce(vectors, method="umap", components=2, parameters={"neighbours": 30}, seed=1)
    projection.coordinates, projection.report, projection.model.transform(more_vectors)

Every method is one module with its parameters and its function; `reduce` is the one door to all of them.  The libraries
behind a method are imported when it runs.
"""

from __future__ import annotations

from lse.projection.reducers.projections import Projection, ProjectionModel
from lse.projection.reducers.reduce import list_methods, read_parameters, reduce

__all__ = ["Projection", "ProjectionModel", "list_methods", "read_parameters", "reduce"]
