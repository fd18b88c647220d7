"""Whether points have any structure: against clouds without any, of the same spectrum.

A clusterer divides whatever it is given.  Two figures of a sample are compared with those of clouds that have the same
variance along the same axes and nothing else, one kind normally and one uniformly distributed: the second eigenvalue of
the Laplacian of the neighbour graph, which is small where a group hardly hangs together with the rest (Chung 1997,
Spectral Graph Theory), and the share of the variance that is left within two groups, which is small where there are two
(Liu, Hayes, Nobel and Marron 2008, J. Am. Stat. Assoc. 103, 1281).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.exact_neighbours import MetricSpace
from lse.analysis.neighbours import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STRUCTURE_ROWS", "Structure", "find_structure"]

STRUCTURE_ROWS = 40
_SAMPLE = 300
_CLOUDS = 12
_NEIGHBOURS = 8
_LEVEL = 0.05


@dataclass(frozen=True)
class Structure:
    """Outcome of the test.

    Attributes
    ----------
    p_value
        How often clouds without structure look as structured as the points, 0 to 1.
    sample_rows
        Points that were compared.
    """

    p_value: float
    sample_rows: int

    @property
    def found(self) -> bool:
        """Whether the points have more structure than such clouds, at the level of 5 %."""
        return self.p_value <= _LEVEL

    def sentence(self) -> str:
        """What a person should know; empty where structure was found."""
        if self.found:
            return ""
        return (
            f"No structure found: {self.sample_rows} of the points look like a cloud of the same spectrum without any "
            f"(p = {self.p_value:.2g}), so that the clusters may be arbitrary parts of it."
        )


def find_structure(points: NDArray[np.float32], *, metric: Metric, seed: int) -> Structure | None:
    """Compare points with clouds without structure.

    Parameters
    ----------
    points
        Shape (n, D).
    metric
        Distance between points.
    seed
        Seed of the sample, of at most 300 points, and of the clouds.

    Returns
    -------
    structure
        None for fewer than 40 points, or points that are all equal, of which nothing can be said.
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(points), min(_SAMPLE, len(points)), replace=False))
    if len(rows) < STRUCTURE_ROWS:
        return None
    space = MetricSpace(points[rows], metric)
    sample = np.concatenate(list(space.blocks()))
    # A little noise parts equal points, whose neighbours would be arbitrary.
    extents = np.linalg.svd(sample - sample.mean(axis=0), compute_uv=False) / np.sqrt(len(rows) - 1)
    extents = extents[extents > 1e-9 * max(extents[0], 1e-300)]
    if not len(extents):
        return None
    own = _figures(sample + random.normal(scale=1e-6 * extents[0], size=sample.shape))
    chances = [
        _chances(own, np.array([_figures(draw((len(rows), len(extents))) * extents) for _ in range(_CLOUDS)]))
        for draw in (random.standard_normal, lambda shape: random.uniform(-np.sqrt(3), np.sqrt(3), shape))
    ]
    # Both kinds of clouds must look less structured; each of two figures may show it.
    return Structure(float(min(1.0, 2 * np.max(chances, axis=0).min())), len(rows))


def _figures(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of both figures; lower is more structured."""
    from sklearn.cluster import KMeans
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(points, _NEIGHBOURS)
    joined = ((graph + graph.T) > 0).astype(np.float64).toarray()
    degrees = np.sqrt(joined.sum(axis=1))
    second = 1 - np.linalg.eigvalsh(joined / degrees[:, None] / degrees)[-2]
    within = KMeans(2, n_init=3, random_state=0).fit(points).inertia_
    total = np.square(points - points.mean(axis=0)).sum()
    return np.log(np.maximum([second, within / total], 1e-6))


def _chances(own: NDArray[np.float64], clouds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance of each figure of a cloud to be as low, by Student's distribution."""
    from scipy.stats import t

    spread = clouds.std(axis=0, ddof=1) * np.sqrt(1 + 1 / len(clouds))
    return np.asarray(t.cdf((own - clouds.mean(axis=0)) / np.maximum(spread, 1e-12), len(clouds) - 1))
