"""Whether new images belong to those of a map: how far each lies from them, compared with how far they lie apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.neighbours import find_neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["NOVELTY", "Drift", "NoveltyScale", "drift_of"]

NOVELTY = (
    "Share of the images of the map that lie nearer to their neighbours than this one to its own, 0 to 1; above 0.99 "
    "an image hardly belongs to them."
)
_NEIGHBOURS = 5
_FOREIGN = 0.99


@dataclass(frozen=True)
class Drift:
    """How new images differ from those of a map.

    Attributes
    ----------
    novelty
        Mean novelty; about 0.5 where the new images are like those of the map.
    foreign
        Share of the new images of a novelty above 0.99, of which a hundredth is expected.
    p_value
        Chance of so many, or more, if the new images were drawn like those of the map.
    """

    novelty: float
    foreign: float
    p_value: float

    def sentence(self, count: int) -> str:
        """What a person should know."""
        text = (
            f"{self.foreign:.1%} of the {count} images lie farther from those of the map than 99 % of these lie from "
            "one another; 1 % would if they were alike"
        )
        if self.p_value < 0.01 and self.foreign > 0.02:
            return f"{text}: they differ from the images that the map was made of (p = {self.p_value:.1g})."
        return f"{text}: no drift is seen."


@dataclass(frozen=True)
class NoveltyScale:
    """Distances to the k-th neighbour among the images of a map, by which those of new ones are judged.

    Attributes
    ----------
    vectors
        The images' vectors, shape (n, D).
    distances
        Distance of each to its own k-th neighbour, in order, shape (n,).
    graph
        Where they are from.
    k
        Neighbours.
    """

    vectors: NDArray[np.float32]
    distances: NDArray[np.float32]
    graph: NeighbourGraph
    k: int

    @classmethod
    def of(cls, vectors: NDArray[np.float32], graph: NeighbourGraph) -> NoveltyScale:
        """Scale of the vectors that a map was made of, with their neighbour graph."""
        k = min(_NEIGHBOURS, graph.k)
        return cls(vectors, np.sort(graph.distances[:, k - 1]), graph, k)

    def novelty(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Novelty of new vectors of shape (m, D), shape (m,): one minus a conformal p-value (Laxhammar 2014).

        Of equal distances half are nearer.  The novelty of an image depends on its own vector only.
        """
        found = find_neighbours(vectors, self.vectors, k=self.k, metric=self.graph.metric)[1][:, -1]
        nearer = np.searchsorted(self.distances, found, side="left")
        as_near = np.searchsorted(self.distances, found, side="right") - nearer
        return ((nearer + as_near / 2) / len(self.distances)).astype(np.float32)


def drift_of(novelty: NDArray[np.float32]) -> Drift:
    """Drift of new images of these novelties, shape (m,)."""
    from scipy.stats import binom

    foreign = int((novelty > _FOREIGN).sum())
    chance = float(binom.sf(foreign - 1, len(novelty), 1 - _FOREIGN))
    return Drift(float(novelty.mean(dtype=np.float64)), foreign / len(novelty), chance)
