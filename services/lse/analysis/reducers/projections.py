"""What goes into a reducer and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.neighbours import Metric, NeighbourGraph, as_vectors, build_neighbour_graph, unit_vectors
from lse.analysis.reducers.placements import ModelState, Placement
from lse.errors import InvalidArgumentError
from lse.progress import Monitor
from lse.values import counted

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lse.analysis.reducers.preparation import Preparation

__all__ = ["Fit", "Projection", "ProjectionModel", "ReducerFacts", "ReductionTask", "Run", "chosen_neighbours"]


@dataclass(frozen=True)
class ReducerFacts:
    """What `reduce` must know about a method.

    Attributes
    ----------
    minimum_rows, maximum_rows
        Fewest vectors that can be arranged, and most; no limit when None.
    if_diverged
        What to change where coordinates are not finite.
    restore
        Makes the fitted method again of its stored state, the vectors as prepared and their coordinates; None for a
        method whose model is not stored.
    """

    minimum_rows: int = 2
    maximum_rows: int | None = None
    if_diverged: str = "choose less extreme parameters"
    restore: Callable[[ModelState, NDArray[np.float32], NDArray[np.float32]], Placement] | None = None


@dataclass(frozen=True)
class ProjectionModel:
    """A fitted projection that places new vectors among the old ones; it can be pickled.

    Attributes
    ----------
    method
        Name of the method.
    width
        Columns of a vector.
    preparation
        What is done to a vector first.
    fitted
        The method itself.
    """

    method: str
    width: int
    preparation: Preparation
    fitted: Placement

    def transform(self, vectors: ArrayLike) -> NDArray[np.float32]:
        """Place new vectors.

        Parameters
        ----------
        vectors
            Shape (m, D), from the encoder of the fitted ones.

        Returns
        -------
        coordinates
            Shape (m, components), float32.

        Raises
        ------
        InvalidArgumentError
            The vectors are not a finite matrix of the fitted width.
        """
        matrix = as_vectors(vectors, minimum=1)
        if matrix.shape[1] != self.width:
            raise InvalidArgumentError(
                f"The vectors have {matrix.shape[1]} columns and this projection was fitted on {self.width}: "
                "use the same encoder.",
                reason="SHAPE_INVALID",
            )
        return self.fitted.transform(self.preparation.transform(matrix))

    def state(self) -> ModelState:
        """What is stored of the model; `restore_model` makes it again."""
        fitted = self.fitted.state()
        values = {"method": self.method, "width": self.width, "steps": len(self.preparation.steps)}
        arrays = {f"fitted_{name}": array for name, array in fitted.arrays.items()}
        for number, step in enumerate(self.preparation.steps):
            arrays |= {f"mean_{number}": step.mean, f"matrix_{number}": step.matrix}
        return ModelState(values | {"fitted": dict(fitted.values)}, arrays)


@dataclass(frozen=True)
class Projection:
    """Vectors arranged in two or three dimensions.

    Attributes
    ----------
    coordinates
        Shape (n, components), float32, in the order of the vectors.
    explained_variance
        Share of the variance along each axis, for PCA; else None.
    model
        Places new vectors.
    report
        How it was made and how good it is: plain values that JSON can hold.
    """

    coordinates: NDArray[np.float32]
    explained_variance: tuple[float, ...] | None
    model: ProjectionModel
    report: Mapping[str, Any]


@dataclass(frozen=True)
class ReductionTask:
    """What a method is given.

    Attributes
    ----------
    vectors
        Prepared vectors, shape (n, D), float32.
    seed
        Seed of everything random.
    monitor
        Progress and cancellation.
    shared
        Neighbour graph of the vectors as prepared, where there is one.
    chosen
        Parameters that the method chose from the data, which it fills.
    notes
        The method's own lines of the report, which it fills.
    classes
        Class of each vector, -1 where it is unknown, where there are any.
    earlier
        Places of the first vectors on a map to start from, where there is one.
    """

    vectors: NDArray[np.float32]
    seed: int
    monitor: Monitor
    shared: NeighbourGraph | None = None
    chosen: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    classes: NDArray[np.int32] | None = None
    earlier: NDArray[np.float64] | None = None

    def known_classes(self, target: str | None) -> NDArray[np.int32] | None:
        """Classes, where a target was named or they were given; the report says how many.

        Raises
        ------
        InvalidArgumentError
            ``PARAMETER_INVALID``: a target was named and no classes were given, or there are fewer than two.
        """
        if self.classes is None:
            if target is not None:
                raise InvalidArgumentError(
                    f"target is '{target}', and the classes themselves were not given: give them as targets.",
                    reason="PARAMETER_INVALID",
                    parameter="target",
                )
            return None
        found = len(np.unique(self.classes[self.classes >= 0]))
        if found < 2:
            raise InvalidArgumentError(
                f"The target '{target or 'given'}' has {counted(found, 'class', 'classes')} among the "
                f"{len(self.classes)} images, and a supervised map needs two: name another one, or none.",
                reason="PARAMETER_INVALID",
                parameter="target",
            )
        self.notes["target"] = {"classes": found, "known_rows": int((self.classes >= 0).sum())}
        return self.classes

    def graph(self, k: int, metric: Metric) -> NeighbourGraph:
        """Graph of exactly k neighbours: the shared one where it serves, else a new one; the report tells which."""
        if self.shared is not None and self.shared.metric == metric and self.shared.k >= k:
            graph, source = self.shared.nearest(k), "shared"
        else:
            source = "built"
            graph = build_neighbour_graph(
                self.vectors,
                k=k,
                metric=metric,
                seed=self.seed,
                on_progress=self.monitor.on_progress,
                should_stop=self.monitor.should_stop,
            )
        self.notes["neighbour_graph"] = {"source": source, **graph.facts()}
        if source == "built" and self.shared is not None:
            self.notes["neighbour_graph"]["shared_not_used"] = (
                f"the graph given has {self.shared.k} neighbours by {self.shared.metric}, {k} by {metric} were needed"
            )
        # Groups of equal vectors are islands; one group alone is nothing.
        points = unit_vectors(self.vectors) if metric == "cosine" else self.vectors
        if not graph.distances.any() and not np.ptp(points, axis=0).any():
            raise InvalidArgumentError(
                f"All {len(self.vectors)} vectors are equal by {metric} distance: there is nothing to arrange; "
                "check the encoder or choose another metric.",
                reason="VECTORS_CONSTANT",
            )
        return graph


@dataclass(frozen=True)
class Fit:
    """What a method gives back."""

    coordinates: NDArray[np.float32]
    fitted: Placement
    explained_variance: tuple[float, ...] | None = None


Run = Callable[[ReductionTask, Any], Fit]


def chosen_neighbours(rows: int, wanted: int | None) -> int:
    """Number of neighbours of a point: what is wanted, or 15, or all of few.

    Raises
    ------
    InvalidArgumentError
        ``PARAMETER_INVALID``: more are wanted than there are others.
    """
    most = rows - 1
    if wanted is None:
        return min(15, most)
    if wanted > most:
        raise InvalidArgumentError(
            f"There are only {rows} images for {wanted} neighbours: set n_neighbors to at most {most}.",
            reason="PARAMETER_INVALID",
            parameter="n_neighbors",
            maximum=most,
        )
    return wanted
