"""The one door to all reducers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import Monitor
from lse.platform.neighbours import Metric, NeighbourGraph, as_vectors
from lse.platform.parameters import Method, MethodDescription, Parameters, find_method, parse_parameters
from lse.projection.reducers import pca, tsne, umap
from lse.projection.reducers.faithfulness import measure_faithfulness
from lse.projection.reducers.preparation import PreparedParameters, prepare
from lse.projection.reducers.projections import Projection, ProjectionModel, ReductionTask, Run

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lse.platform.progress import ProgressCallback, ShouldStop

__all__ = ["list_methods", "read_parameters", "reduce"]

_METHODS: Mapping[str, Method[Run]] = {module.METHOD.name: module.METHOD for module in (pca, tsne, umap)}
_MINIMUM_ROWS = {"pca": 2, "tsne": 8, "umap": 5}


def list_methods() -> list[MethodDescription]:
    """All reducers with their parameters, for forms and help pages."""
    return [method.describe() for method in _METHODS.values()]


def read_parameters(method: str, parameters: Mapping[str, object]) -> Parameters:
    """Parameters of a method in force, of values or texts; what is not given takes its default.

    Raises
    ------
    InvalidArgumentError
        The method or a key is unknown, or a value is wrong.
    """
    return parse_parameters(find_method(_METHODS, method).parameters, parameters)


def reduce(
    vectors: ArrayLike,
    *,
    method: str,
    components: int = 2,
    parameters: Mapping[str, object] | Parameters | None = None,
    seed: int = 0,
    neighbours: NeighbourGraph | None = None,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Projection:
    """Arrange vectors in two or three dimensions.

    Parameters
    ----------
    vectors
        Shape (n, D), finite, not all equal.
    method
        ``pca``, ``tsne`` or ``umap``.
    components
        2 or 3.
    parameters
        The method's parameters, as values, texts, or its own model.
    seed
        Seed of everything random: the same inputs give the same coordinates, bit for bit on the same machine.
    neighbours
        Neighbour graph of the same vectors; used where its metric and its k serve, else one is built.
    on_progress, should_stop
        Progress in the stages ``neighbours``, ``arranging`` (in iterations or epochs) and ``measuring``, and
        cancellation between its moments.

    Returns
    -------
    projection
        Coordinates, a model for new vectors and a report.

    Raises
    ------
    InvalidArgumentError
        Method, parameters, components or vectors are wrong; the sentence says which and what to set.
    CancelledError
        `should_stop` said so.
    """
    chosen = find_method(_METHODS, method)
    asked = (
        parameters
        if isinstance(parameters, chosen.parameters)
        else parse_parameters(chosen.parameters, _as_mapping(parameters, method))
    )
    assert isinstance(asked, PreparedParameters)
    matrix = as_vectors(vectors, minimum=_MINIMUM_ROWS[method])
    _check(matrix, components, neighbours)
    monitor = Monitor(on_progress, should_stop)
    started = time.monotonic()
    preparation = prepare(matrix, asked, seed=seed)
    # A graph of the vectors says nothing of prepared ones.
    task = ReductionTask(
        vectors=preparation.transform(matrix),
        components=components,
        seed=seed,
        monitor=monitor,
        shared=None if preparation.steps else neighbours,
    )
    if task.vectors.shape[1] < components:
        raise InvalidArgumentError(
            f"principal_components is {task.vectors.shape[1]} and the projection needs {components}: set it higher.",
            reason="BAD_PARAMETER",
            parameter="principal_components",
        )
    fit = chosen.run(task, asked)
    if not np.isfinite(fit.coordinates).all():
        raise InvalidArgumentError(
            f"{chosen.title} left the finite numbers with these parameters: lower the learning rate, exaggeration or "
            "repulsion.",
            reason="DIVERGED",
        )
    fitted = time.monotonic()
    monitor.report("measuring", 0, 1)
    metric: Metric = getattr(asked, "metric", "euclidean")
    faithfulness = measure_faithfulness(matrix, fit.coordinates, metric=metric, seed=seed, graph=neighbours)
    monitor.report("measuring", 1, 1)
    report = {
        "method": method,
        "components": components,
        "rows": len(matrix),
        "columns": matrix.shape[1],
        "seed": seed,
        "preparation": preparation.description,
        **task.notes,
        "faithfulness": faithfulness.as_report() if faithfulness else None,
        "explained_variance": list(fit.explained_variance) if fit.explained_variance else None,
        "seconds": {"fit": round(fitted - started, 3), "measure": round(time.monotonic() - fitted, 3)},
    }
    model = ProjectionModel(method, matrix.shape[1], preparation, fit.fitted)
    return Projection(fit.coordinates, fit.explained_variance, model, report)


def _as_mapping(parameters: Mapping[str, object] | Parameters | None, method: str) -> Mapping[str, object]:
    if isinstance(parameters, Parameters):
        raise InvalidArgumentError(
            f"{type(parameters).__name__} are not the parameters of {method}.", reason="BAD_PARAMETER"
        )
    return parameters or {}


def _check(matrix: np.ndarray, components: int, neighbours: NeighbourGraph | None) -> None:
    if components not in (2, 3):
        raise InvalidArgumentError(
            f"components is {components}: a projection has 2 or 3.", reason="BAD_COMPONENTS", components=components
        )
    if min(matrix.shape) < components:
        raise InvalidArgumentError(
            f"{len(matrix)} vectors of {matrix.shape[1]} columns cannot fill {components} dimensions: "
            "choose fewer components or add images.",
            reason="BAD_COMPONENTS",
            components=components,
        )
    if not np.ptp(matrix, axis=0).any():
        raise InvalidArgumentError(
            f"All {len(matrix)} vectors are equal, so there is nothing to arrange: check the encoder and its images.",
            reason="CONSTANT_VECTORS",
        )
    if neighbours is not None and (neighbours.rows != len(matrix) or neighbours.indices.max() >= len(matrix)):
        raise InvalidArgumentError(
            f"The neighbour graph has {neighbours.rows} rows and there are {len(matrix)} vectors: build it again.",
            reason="BAD_SHAPE",
        )
