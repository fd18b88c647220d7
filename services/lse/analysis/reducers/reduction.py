"""The one door to all reducers."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.neighbours import Metric, NeighbourGraph, as_vectors, refuse_too_many
from lse.analysis.reducers.alignment import AlignmentParameters, as_earlier, turned_to
from lse.analysis.reducers.faithfulness import measure_faithfulness
from lse.analysis.reducers.placements import ModelState
from lse.analysis.reducers.preparation import Preparation, ReducerParameters, prepare
from lse.analysis.reducers.projections import Projection, ProjectionModel, ReducerFacts, ReductionTask, Run
from lse.analysis.reducers.targets import class_codes
from lse.errors import InvalidArgumentError
from lse.methods import Registry
from lse.progress import Monitor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from lse.progress import ProgressCallback, ShouldStop

__all__ = ["REDUCERS", "reduce", "restore_model"]

REDUCERS: Registry[Run, ReducerFacts] = Registry(
    kind="projection method",
    package="lse.analysis.reducers",
    group="lse.reducers",
    parameters=ReducerParameters,
    facts=ReducerFacts,
)


def reduce(
    vectors: ArrayLike,
    *,
    method: str,
    parameters: Mapping[str, object] | ReducerParameters | None = None,
    neighbours: NeighbourGraph | None = None,
    targets: Sequence[Any] | NDArray[Any] | None = None,
    earlier: ArrayLike | None = None,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Projection:
    """Arrange vectors in two or three dimensions.

    Parameters
    ----------
    vectors
        Shape (n, D), finite, not all equal.
    method
        One of `REDUCERS`, such as ``pca``, ``tsne`` or ``umap``, or the import path of one's own.
    parameters
        The method's parameters, as values, texts, or its own model; all have ``n_components`` (2 or 3) and ``seed``:
        the same inputs give the same coordinates, bit for bit on the same machine.
    neighbours
        Neighbour graph of the same vectors; used where its metric and its k serve, else one is built.
    targets
        Class of each vector, None, an empty text or NaN where it is unknown, for a method that can use it.
    earlier
        Places of the first vectors on an earlier map, shape (m, n_components), which the new one is turned to.
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
        Method, parameters or vectors are wrong; the sentence says which and what to set.
    ResourceExhaustedError
        ``ANALYSIS_TOO_LARGE``: the method is not for so many vectors.
    CancelledError
        `should_stop` said so.
    """
    chosen = REDUCERS[method]
    asked: ReducerParameters = REDUCERS.parse(method, parameters)
    matrix = as_vectors(vectors, minimum=chosen.facts.minimum_rows)
    refuse_too_many(len(matrix), chosen.facts.maximum_rows, chosen.title, "umap")
    _check(matrix, asked.n_components, neighbours)
    monitor = Monitor(on_progress, should_stop)
    started = time.monotonic()
    preparation = prepare(matrix, asked)
    # A graph of the vectors says nothing of prepared ones.
    task = ReductionTask(
        vectors=preparation.transform(matrix),
        seed=asked.seed,
        monitor=monitor,
        shared=None if preparation.steps else neighbours,
        classes=class_codes(targets, method=chosen, rows=len(matrix)),
        earlier=_earlier(earlier, asked, rows=len(matrix)),
    )
    if task.vectors.shape[1] < asked.n_components:
        raise InvalidArgumentError(
            f"principal_components is {task.vectors.shape[1]} and the projection needs {asked.n_components}: set it "
            "higher.",
            reason="PARAMETER_INVALID",
            parameter="principal_components",
        )
    fit = chosen.run(task, asked)
    if not np.isfinite(fit.coordinates).all():
        raise InvalidArgumentError(
            f"{chosen.title} diverged with these parameters: {chosen.facts.if_diverged}.",
            reason="COORDINATES_NOT_FINITE",
        )
    if task.earlier is not None:
        turned, alignment = turned_to(fit.coordinates, task.earlier)
        # What places new images by the map has its coordinates.
        placement: Any = fit.fitted
        fit = replace(fit, coordinates=turned, fitted=replace(placement, coordinates=turned))
        task.notes["alignment"] = asdict(alignment)
    fitted = time.monotonic()
    # Of the variance that there was before principal components were taken.
    shares = tuple(share * preparation.variance_kept for share in fit.explained_variance or ()) or None
    monitor.report("measuring", 0, 1)
    metric: Metric = getattr(asked, "metric", "euclidean")
    faithfulness = measure_faithfulness(matrix, fit.coordinates, metric=metric, seed=asked.seed, graph=neighbours)
    monitor.report("measuring", 1, 1)
    report = {
        "method": chosen.id,
        "parameters": asked.model_dump() | task.chosen,
        "rows": len(matrix),
        "columns": matrix.shape[1],
        "preparation": preparation.description,
        **task.notes,
        "faithfulness": faithfulness.as_report() if faithfulness else None,
        "explained_variance": list(shares) if shares else None,
        "seconds": {"fit": round(fitted - started, 3), "measure": round(time.monotonic() - fitted, 3)},
    }
    model = ProjectionModel(chosen.id, matrix.shape[1], preparation, fit.fitted)
    return Projection(fit.coordinates, shares, model, report)


def restore_model(state: ModelState, vectors: NDArray[np.float32], coordinates: NDArray[np.float32]) -> ProjectionModel:
    """Make a model again of its stored state.

    Parameters
    ----------
    state
        As `ProjectionModel.state` gave it.
    vectors, coordinates
        The vectors that it was fitted on, as they were given, shape (n, D), and their coordinates, shape (n, c).
    """
    from lse.analysis.principal import Affine

    values = state.values
    steps = tuple(
        Affine(state.arrays[f"mean_{number}"], state.arrays[f"matrix_{number}"]) for number in range(values["steps"])
    )
    preparation = Preparation(steps)
    restore = REDUCERS[values["method"]].facts.restore
    assert restore is not None
    own = {name.removeprefix("fitted_"): array for name, array in state.arrays.items() if name.startswith("fitted_")}
    fitted = restore(ModelState(values["fitted"], own), preparation.transform(vectors), coordinates)
    return ProjectionModel(values["method"], values["width"], preparation, fitted)


def _earlier(earlier: ArrayLike | None, asked: ReducerParameters, *, rows: int) -> NDArray[np.float64] | None:
    name = getattr(asked, "align_to", None)
    if earlier is None:
        if name is not None:
            raise InvalidArgumentError(
                f"align_to is '{name}', and the places on that map were not given: give them as earlier.",
                reason="PARAMETER_INVALID",
                parameter="align_to",
            )
        return None
    if not isinstance(asked, AlignmentParameters):
        raise InvalidArgumentError(
            "A linear map has axes of its own and is not turned to another: leave the earlier map out.",
            reason="ALIGNMENT_INVALID",
        )
    return as_earlier(earlier, rows=rows, components=asked.n_components)


def _check(matrix: np.ndarray, components: int, neighbours: NeighbourGraph | None) -> None:
    if min(matrix.shape) < components:
        raise InvalidArgumentError(
            f"{len(matrix)} vectors of {matrix.shape[1]} columns cannot fill {components} dimensions: "
            "lower n_components or add images.",
            reason="PARAMETER_INVALID",
            parameter="n_components",
            maximum=min(matrix.shape),
        )
    if not np.ptp(matrix, axis=0).any():
        raise InvalidArgumentError(
            f"All {len(matrix)} vectors are equal, so there is nothing to arrange: check the encoder and its images.",
            reason="VECTORS_CONSTANT",
        )
    if neighbours is not None and (neighbours.rows != len(matrix) or neighbours.indices.max() >= len(matrix)):
        raise InvalidArgumentError(
            f"The neighbour graph has {neighbours.rows} rows and there are {len(matrix)} vectors: build it again.",
            reason="SHAPE_INVALID",
        )
