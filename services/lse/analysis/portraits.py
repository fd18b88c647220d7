"""Clusters at a glance: their size, their middle, and what distinguishes them by their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.centres import Centres, find_centres
from lse.analysis.exact_neighbours import MetricSpace
from lse.analysis.neighbours import Metric
from lse.analysis.scores import checked_groups
from lse.analysis.traits import Members, Trait, find_traits
from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ClusterSummary", "summarise_clusters"]


@dataclass(frozen=True)
class ClusterSummary:
    """One cluster at a glance.

    Attributes
    ----------
    label
        Its number.
    size, fraction
        Its rows, and their share of all.
    medoid_row
        Row nearest the centre: of all its rows the one with the least mean squared distance to the others.
    mean_distance
        Mean distance of its rows to the centre.
    nearest_cluster, nearest_distance
        Cluster of the nearest centre and its distance; None for a single cluster.
    traits
        What distinguishes it by its metadata, the best proven first; empty where nothing does.
    """

    label: int
    size: int
    fraction: float
    medoid_row: int
    mean_distance: float
    nearest_cluster: int | None
    nearest_distance: float | None
    traits: tuple[Trait, ...] = ()


def summarise_clusters(
    points: ArrayLike,
    labels: ArrayLike,
    *,
    metric: Metric = "cosine",
    metadata: pd.DataFrame | None = None,
    periods: Mapping[str, float] | None = None,
    most: int = 10,
) -> list[ClusterSummary]:
    """Summarise every cluster, by label; noise has no summary.

    The cost is linear in rows and columns, whatever the number of clusters.

    Parameters
    ----------
    points
        Shape (n, D), finite.
    labels
        Shape (n,), -1 for noise.
    metric
        Distance between points.
    metadata
        Columns of the images, n rows in the order of the points.
    periods
        Full turn of each column of angles, such as 360 of right ascensions in degrees.
    most
        Traits that are kept for a cluster.

    Raises
    ------
    InvalidArgumentError
        Points, labels or metadata have the wrong shape.
    """
    matrix, groups = checked_groups(points, labels)
    if metadata is not None and len(metadata) != len(matrix):
        raise InvalidArgumentError(
            f"The metadata have {len(metadata)} rows and there are {len(matrix)} points: give one row per point.",
            reason="SHAPE_INVALID",
        )
    found, places = np.unique(groups[groups >= 0], return_inverse=True)
    if not len(found):
        return []
    members = Members(np.flatnonzero(groups >= 0), places, len(found))
    everyone = np.full(len(groups), -1)
    everyone[members.rows] = places
    space = MetricSpace(matrix, metric)
    centres = find_centres(space.blocks, everyone, len(found))
    nearest, apart = _nearest_centres(centres, everyone, metric, space.unit)
    traits = {} if metadata is None else find_traits(metadata, members, periods=periods)
    # By cluster, then by distance: the first of each cluster is its medoid, among equals the first row.
    order = np.lexsort((centres.squares[members.rows], places))
    medoids = members.rows[order[np.cumsum(members.sizes) - members.sizes]]
    means = np.bincount(places, _to_centre(centres, everyone, metric, space.unit)[members.rows]) / members.sizes
    return [
        ClusterSummary(
            label=int(label),
            size=int(members.sizes[place]),
            fraction=float(members.sizes[place] / len(groups)),
            medoid_row=int(medoids[place]),
            mean_distance=float(means[place]),
            nearest_cluster=int(found[nearest[place]]) if len(found) > 1 else None,
            nearest_distance=float(apart[place]) if len(found) > 1 else None,
            traits=tuple(traits.get(place, ())[:most]),
        )
        for place, label in enumerate(found)
    ]


def _to_centre(centres: Centres, places: NDArray[np.intp], metric: Metric, unit: float) -> NDArray[np.float64]:
    """Distance of each point to the centre of its cluster; by cosine, to the direction of the mean."""
    squares = centres.squares * unit**2
    if metric == "euclidean":
        return np.asarray(np.sqrt(squares))
    # From differences alone, since products of nearly equal directions cancel: 1 - x.m / |m| where |x| is 1.
    scatter = (centres.mean_squares(places) * unit**2)[places]
    lengths = np.sqrt((1 - scatter).clip(min=1e-12))
    return np.asarray(((squares - np.square(scatter / (1 + lengths))) / (2 * lengths)).clip(0, 2))


def _nearest_centres(
    centres: Centres, places: NDArray[np.intp], metric: Metric, unit: float
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest other centre of each, and its distance."""
    scatter = centres.mean_squares(places) * unit**2
    lengths = np.sqrt((1 - scatter).clip(min=1e-12)) if metric == "cosine" else np.ones(len(scatter))
    nearest, least = np.zeros(len(scatter), np.intp), np.full(len(scatter), np.inf)
    for place, mean in enumerate(centres.means):
        apart = np.square(centres.means - mean).sum(axis=1) * unit**2
        if metric == "cosine":
            unlike = (scatter - scatter[place]) / (lengths + lengths[place])
            apart = ((apart - np.square(unlike)) / (2 * lengths * lengths[place])).clip(0, 2)
        apart[place] = np.inf
        nearest[place] = apart.argmin()
        least[place] = apart[nearest[place]]
    return nearest, least if metric == "cosine" else np.sqrt(least)
