"""How good a clustering is: by itself, against known classes, against another clustering, and cluster by cluster.

Arrays and pandas tables in, frozen dataclasses out.  Noise (label -1) is in no cluster: the scores of shape leave it
out and say how much it is; the scores against classes count it as one group of its own, since leaving it out would
reward a method for calling the difficult images noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lse.platform.errors import InvalidArgumentError
from lse.platform.neighbours import Metric, as_vectors, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ClusterSummary",
    "ClusteringScores",
    "Comparison",
    "OverRepresented",
    "Shift",
    "compare_clusterings",
    "score_clustering",
    "summarise_clusters",
]


@dataclass(frozen=True)
class ClusteringScores:
    """Figures of a clustering; None where one is not defined, such as for a single cluster.

    Attributes
    ----------
    clusters
        Number of clusters.
    noise_fraction
        Share of rows in none.
    silhouette
        Mean silhouette, -1 to 1, higher is better (Rousseeuw 1987).
    silhouette_rows
        Rows on which it was computed.
    davies_bouldin
        Lower is better (Davies and Bouldin 1979).
    calinski_harabasz
        Higher is better (Calinski and Harabasz 1974).
    adjusted_rand
        Agreement with the classes, 0 for chance, 1 for equality (Hubert and Arabie 1985).
    mutual_information
        Normalised mutual information with the classes, 0 to 1.
    class_rows
        Rows that have a class.
    metric
        Distance of the first three; the second and third use unit vectors for the cosine.
    """

    clusters: int
    noise_fraction: float
    silhouette: float | None
    silhouette_rows: int
    davies_bouldin: float | None
    calinski_harabasz: float | None
    adjusted_rand: float | None
    mutual_information: float | None
    class_rows: int
    metric: Metric


@dataclass(frozen=True)
class Comparison:
    """Two clusterings of the same rows.

    Attributes
    ----------
    table
        Rows in each pair of groups: index the first's labels, columns the second's; -1 is noise.
    adjusted_rand, mutual_information
        Agreement, as in `ClusteringScores`.
    same_rows
        Share of rows that agree when the clusters are matched one to one as well as possible; noise matches noise.
    matches
        The matched pairs of labels.
    """

    table: pd.DataFrame
    adjusted_rand: float
    mutual_information: float
    same_rows: float
    matches: tuple[tuple[int, int], ...]


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


def score_clustering(
    points: ArrayLike,
    labels: ArrayLike,
    *,
    metric: Metric = "cosine",
    classes: ArrayLike | pd.Series | None = None,
    sample: int = 5_000,
    seed: int = 0,
) -> ClusteringScores:
    """Score a clustering by its shape and, where classes are known, against them.

    Parameters
    ----------
    points
        Shape (n, D), finite.
    labels
        Shape (n,), -1 for noise.
    metric
        Distance between points.
    classes
        Known class of each row, shape (n,); None or NaN where it is not known.
    sample
        Rows, drawn by the seed, on which the silhouette is computed when there are more.
    seed
        Seed of the sample.

    Raises
    ------
    InvalidArgumentError
        Points, labels or classes have the wrong shape.
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

    matrix, groups = _checked(points, labels)
    prepared = unit_vectors(matrix) if metric == "cosine" else matrix
    inside = groups >= 0
    clusters = len(np.unique(groups[inside]))
    davies_bouldin = calinski_harabasz = None
    if 2 <= clusters < inside.sum():
        davies_bouldin = float(davies_bouldin_score(prepared[inside], groups[inside]))
        calinski_harabasz = float(calinski_harabasz_score(prepared[inside], groups[inside]))
    rows = np.flatnonzero(inside)
    if len(rows) > sample:
        rows = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
    silhouette = None
    if 2 <= len(np.unique(groups[rows])) < len(rows):
        # On unit vectors scikit-learn's cosine also knows rows of zeros.
        silhouette = float(silhouette_score(prepared[rows], groups[rows], metric=metric))
    agreement = _against_classes(groups, classes)
    return ClusteringScores(
        clusters=clusters,
        noise_fraction=float(1 - inside.mean()),
        silhouette=silhouette,
        silhouette_rows=len(rows) if silhouette is not None else 0,
        davies_bouldin=davies_bouldin,
        calinski_harabasz=calinski_harabasz,
        adjusted_rand=agreement[0],
        mutual_information=agreement[1],
        class_rows=agreement[2],
        metric=metric,
    )


def compare_clusterings(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare two clusterings of the same rows.

    Parameters
    ----------
    first, second
        Labels, shape (n,), -1 for noise.

    Raises
    ------
    InvalidArgumentError
        The labels are no whole numbers, none, or of different length.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    one, two = _as_labels(first), _as_labels(second)
    if len(one) != len(two):
        raise InvalidArgumentError(
            f"The clusterings have {len(one)} and {len(two)} rows: compare two of the same experiment.",
            reason="BAD_SHAPE",
        )
    table = pd.crosstab(pd.Series(one, name="first"), pd.Series(two, name="second"))
    rows, columns = table.index.to_numpy(), table.columns.to_numpy()
    counts = table.to_numpy()[np.ix_(rows >= 0, columns >= 0)]
    matched = linear_sum_assignment(counts, maximize=True)
    pairs = zip(rows[rows >= 0][matched[0]], columns[columns >= 0][matched[1]], strict=True)
    matches = tuple((int(label), int(other)) for label, other in pairs)
    same = int(counts[matched].sum()) + int(((one < 0) & (two < 0)).sum())
    return Comparison(
        table=table,
        adjusted_rand=float(adjusted_rand_score(one, two)),
        mutual_information=float(normalized_mutual_info_score(one, two)),
        same_rows=same / len(one),
        matches=matches,
    )


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
    matrix, groups = _checked(points, labels)
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
            if count >= 3 and share > overall_share:
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
        if high > low:
            found.append(Shift(str(column), median, float(middle), float((median - middle) / (high - low))))
    return tuple(sorted(found, key=lambda item: -abs(item.shift))[:most])


def _against_classes(
    groups: NDArray[np.int64], classes: ArrayLike | pd.Series | None
) -> tuple[float | None, float | None, int]:
    if classes is None:
        return None, None, 0
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    known = pd.Series(np.asarray(classes, dtype=object))
    if len(known) != len(groups):
        raise InvalidArgumentError(
            f"There are {len(known)} classes for {len(groups)} points: give one a point, empty where not known.",
            reason="BAD_SHAPE",
        )
    given = known.notna().to_numpy()
    if not given.any():
        return None, None, 0
    names = known[given].astype(str)
    return (
        float(adjusted_rand_score(names, groups[given])),
        float(normalized_mutual_info_score(names, groups[given])),
        int(given.sum()),
    )


def _checked(points: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    matrix, groups = as_vectors(points, minimum=1, what="points"), _as_labels(labels)
    if len(groups) != len(matrix):
        raise InvalidArgumentError(
            f"There are {len(groups)} labels for {len(matrix)} points: give one a point.", reason="BAD_SHAPE"
        )
    return matrix, groups


def _as_labels(labels: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(labels)
    if values.ndim != 1 or len(values) == 0 or not np.issubdtype(values.dtype, np.integer):
        raise InvalidArgumentError(
            f"The labels are {values.dtype} of shape {values.shape}: give whole numbers of shape (n,), -1 for noise.",
            reason="BAD_SHAPE",
        )
    return values.astype(np.int64)
