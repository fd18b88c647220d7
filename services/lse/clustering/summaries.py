"""What tells the groups of a clustering apart: their size, their middle, and what stands out among their metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lse.clustering.scores import checked_groups
from lse.platform.errors import InvalidArgumentError
from lse.platform.neighbours import Metric, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ClusterSummary", "OverRepresented", "Shift", "summarise_clusters"]

# A value is called over-represented, or a median shifted, only where a person would call it so too.
_LEAST_LIFT = 1.25
_LEAST_SHIFT = 0.25


@dataclass(frozen=True)
class OverRepresented:
    """A value of a metadata column that a cluster has more often than the rest of the images.

    Attributes
    ----------
    column, value
        Where.
    count
        Rows of the cluster that have it.
    share, overall_share
        Share among the cluster's rows and among all rows that have any value.
    lift
        Their ratio.
    """

    column: str
    value: str
    count: int
    share: float
    overall_share: float
    lift: float


@dataclass(frozen=True)
class Shift:
    """A number that is different in a cluster.

    Attributes
    ----------
    column
        Where.
    median, overall_median
        Of the cluster and of all rows, in the column's unit.
    shift
        Their difference in interquartile ranges of all rows.
    """

    column: str
    median: float
    overall_median: float
    shift: float


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
    over_represented
        Values of text columns, highest lift first.
    shifts
        Numeric columns, largest shift first.
    """

    label: int
    size: int
    fraction: float
    medoid_row: int
    mean_distance: float
    nearest_cluster: int | None
    nearest_distance: float | None
    over_represented: tuple[OverRepresented, ...] = ()
    shifts: tuple[Shift, ...] = ()


def summarise_clusters(
    points: ArrayLike,
    labels: ArrayLike,
    *,
    metric: Metric = "cosine",
    metadata: pd.DataFrame | None = None,
    most: int = 5,
) -> list[ClusterSummary]:
    """Summarise every cluster, by label; noise has no summary.

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
    most
        Values and shifts that are kept for a cluster.

    Raises
    ------
    InvalidArgumentError
        Points, labels or metadata have the wrong shape.
    """
    matrix, groups = checked_groups(points, labels)
    if metadata is not None and len(metadata) != len(matrix):
        raise InvalidArgumentError(
            f"The metadata have {len(metadata)} rows and there are {len(matrix)} points: give one row a point.",
            reason="BAD_SHAPE",
        )
    prepared = unit_vectors(matrix) if metric == "cosine" else matrix
    found = [int(label) for label in np.unique(groups) if label >= 0]
    centres = np.array([prepared[groups == label].mean(axis=0, dtype=np.float64) for label in found])
    if metric == "cosine" and found:
        centres = unit_vectors(centres.astype(np.float32)).astype(np.float64)
    return [
        _summary(prepared, groups, found, place=place, centres=centres, metric=metric, metadata=metadata, most=most)
        for place in range(len(found))
    ]


def _summary(
    points: NDArray[np.float32],
    groups: NDArray[np.int64],
    found: list[int],
    *,
    place: int,
    centres: NDArray[np.float64],
    metric: Metric,
    metadata: pd.DataFrame | None,
    most: int,
) -> ClusterSummary:
    rows = np.flatnonzero(groups == found[place])
    to_centre = _distances(points[rows], centres[place], metric)
    nearest: tuple[int | None, float | None] = (None, None)
    if len(found) > 1:
        between = _distances(centres, centres[place], metric)
        between[place] = np.inf
        nearest = (found[int(between.argmin())], float(between.min()))
    return ClusterSummary(
        label=found[place],
        size=len(rows),
        fraction=len(rows) / len(groups),
        medoid_row=int(rows[to_centre.argmin()]),
        mean_distance=float(to_centre.mean()),
        nearest_cluster=nearest[0],
        nearest_distance=nearest[1],
        over_represented=() if metadata is None else _over_represented(metadata, rows, most),
        shifts=() if metadata is None else _shifts(metadata, rows, most),
    )


def _distances(points: NDArray[Any], centre: NDArray[np.float64], metric: Metric) -> NDArray[np.float64]:
    squares = np.square(points - centre).sum(axis=1)
    # Between unit vectors half the square is 1 - cos.
    return np.asarray(squares / 2 if metric == "cosine" else np.sqrt(squares), dtype=np.float64)


def _over_represented(metadata: pd.DataFrame, rows: NDArray[np.intp], most: int) -> tuple[OverRepresented, ...]:
    found = []
    for column in metadata.columns:
        values = metadata[column]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            continue
        known = values.dropna().astype(str)
        # A column of names says nothing of groups.
        if known.nunique() > max(50, len(known) // 10):
            continue
        overall = known.value_counts(normalize=True).to_dict()
        own = values.iloc[rows].dropna().astype(str)
        for value, count in own.value_counts().items():
            share, overall_share = float(count) / len(own), float(overall[value])
            # One or two rows of a rare value are an accident.
            if count >= 3 and share >= _LEAST_LIFT * overall_share:
                found.append(
                    OverRepresented(
                        str(column), str(value), int(count), share, overall_share, round(share / overall_share, 4)
                    )
                )
    return tuple(sorted(found, key=lambda item: (-item.lift, -item.count))[:most])


def _shifts(metadata: pd.DataFrame, rows: NDArray[np.intp], most: int) -> tuple[Shift, ...]:
    found = []
    for column in metadata.columns:
        if not pd.api.types.is_numeric_dtype(metadata[column]) or pd.api.types.is_bool_dtype(metadata[column]):
            continue
        values = metadata[column].to_numpy(dtype=np.float64, na_value=np.nan)
        known, own = values[np.isfinite(values)], values[rows]
        own = own[np.isfinite(own)]
        if len(own) == 0:
            continue
        low, middle, high = np.percentile(known, [25, 50, 75])
        median = float(np.median(own))
        shift = float((median - middle) / (high - low)) if high > low else 0.0
        if abs(shift) >= _LEAST_SHIFT:
            found.append(Shift(str(column), median, float(middle), shift))
    return tuple(sorted(found, key=lambda item: -abs(item.shift))[:most])
