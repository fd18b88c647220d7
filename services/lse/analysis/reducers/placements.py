"""How a fitted projection places new vectors, in a form that can be stored: plain values and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lse.analysis.neighbours import Metric, find_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.principal import Affine

__all__ = ["LinearPlacement", "ModelState", "NeighbourPlacement", "Placement"]


@dataclass(frozen=True)
class ModelState:
    """What is stored of a fitted model, beside the vectors it was fitted on and their coordinates.

    Attributes
    ----------
    values
        Plain values that JSON can hold.
    arrays
        Arrays by name.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Placement(Protocol):
    """A fitted method that places new, prepared vectors among the old ones."""

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates of new vectors; those of a vector depend on it alone."""

    def state(self) -> ModelState:
        """What is to be stored."""


@dataclass(frozen=True)
class LinearPlacement:
    """Coordinates along fixed axes.

    Attributes
    ----------
    axes
        From a vector to its coordinates.
    """

    axes: Affine

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates of vectors of shape (m, D)."""
        return np.asarray(self.axes.transform(vectors), dtype=np.float32)

    def state(self) -> ModelState:
        """Mean and matrix."""
        return ModelState(arrays={"mean": self.axes.mean, "matrix": self.axes.matrix})

    @classmethod
    def restored(cls, state: ModelState, *_fitted: NDArray[np.float32]) -> LinearPlacement:
        """Placement of a stored state."""
        from lse.analysis.principal import Affine

        return cls(Affine(state.arrays["mean"], state.arrays["matrix"]))


@dataclass(frozen=True)
class NeighbourPlacement:
    """The median of the places of the nearest fitted vectors, axis by axis.

    Where neighbours lie in two groups, a mean would fall between these; the median falls into the larger.  It is the
    start that Poličar, Stražar and Zupan (2023, Machine Learning 112, 721) give new points on a map of t-SNE.

    Attributes
    ----------
    vectors, coordinates
        The fitted vectors, shape (n, D), and their places, shape (n, c).
    metric
        Distance between vectors.
    k
        Neighbours that are asked.
    """

    vectors: NDArray[np.float32]
    coordinates: NDArray[np.float32]
    metric: Metric
    k: int

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates of vectors of shape (m, D)."""
        indices, _ = find_neighbours(vectors, self.vectors, k=self.k, metric=self.metric)
        return np.asarray(np.median(self.coordinates[indices], axis=1), dtype=np.float32)

    def state(self) -> ModelState:
        """Metric and number of neighbours."""
        return ModelState({"metric": self.metric, "k": self.k})

    @classmethod
    def restored(
        cls, state: ModelState, vectors: NDArray[np.float32], coordinates: NDArray[np.float32]
    ) -> NeighbourPlacement:
        """Placement of a stored state, with the fitted vectors and their coordinates."""
        return cls(vectors, coordinates, **state.values)
