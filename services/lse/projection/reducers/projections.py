"""What goes into a reducer and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import Monitor
from lse.platform.neighbours import Metric, NeighbourGraph, as_vectors, build_neighbour_graph

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lse.projection.reducers.preparation import Preparation

__all__ = ["Fit", "Projection", "ProjectionModel", "ReductionTask", "Run"]


class Transform(Protocol):
    """A fitted method that places new, prepared vectors among the old ones."""

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates of new vectors."""


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
    fitted: Transform

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
                reason="BAD_SHAPE",
            )
        return self.fitted.transform(self.preparation.transform(matrix))


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
    components
        2 or 3.
    seed
        Seed of everything random.
    monitor
        Progress and cancellation.
    shared
        Neighbour graph of the vectors as prepared, where there is one.
    notes
        The method's own lines of the report, which it fills.
    """

    vectors: NDArray[np.float32]
    components: int
    seed: int
    monitor: Monitor
    shared: NeighbourGraph | None = None
    notes: dict[str, Any] = field(default_factory=dict)

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
        self.notes["neighbour_graph"] = {
            "source": source,
            "k": graph.k,
            "metric": metric,
            "exact": graph.exact,
            "recall": graph.recall,
            "recall_rows": graph.recall_rows,
        }
        if source == "built" and self.shared is not None:
            self.notes["neighbour_graph"]["shared_not_used"] = (
                f"the graph given has {self.shared.k} neighbours by {self.shared.metric}, {k} by {metric} were needed"
            )
        if not graph.distances.any():
            raise InvalidArgumentError(
                f"Every vector lies at {metric} distance 0 from its {graph.k} nearest: there is nothing to arrange; "
                "check the encoder or choose another metric.",
                reason="CONSTANT_VECTORS",
            )
        return graph


@dataclass(frozen=True)
class Fit:
    """What a method gives back."""

    coordinates: NDArray[np.float32]
    fitted: Transform
    explained_variance: tuple[float, ...] | None = None


Run = Callable[[ReductionTask, Any], Fit]
