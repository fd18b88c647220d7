"""How good a clustering is: by itself, against known classes, and against another clustering.

Arrays and pandas tables in, frozen dataclasses out.  Noise (label -1) is in no cluster: the scores of shape leave it
out and say how much it is; the scores against classes count it as one group of its own, since leaving it out would
reward a method for calling the difficult images noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.analysis.centres import Centres, find_centres
from lse.analysis.density_validity import density_validity
from lse.analysis.exact_neighbours import MetricSpace
from lse.analysis.neighbours import Metric, as_vectors
from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ClusteringScores",
    "Comparison",
    "checked_groups",
    "compare_clusterings",
    "score_clustering",
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
        Rows on which it and `dbcv` were computed.
    dbcv
        Density-based cluster validation, -1 to 1, higher is better, for clusters of any shape (Moulavi et al. 2014).
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
        Distance of the first four; all but the silhouette use unit vectors for the cosine.
    """

    clusters: int
    noise_fraction: float
    silhouette: float | None
    silhouette_rows: int
    dbcv: float | None
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
        Known class of each row, shape (n,); None, NaN or empty text where it is not known.
    sample
        Rows, drawn by the seed, on which silhouette and DBCV are computed when there are more.
    seed
        Seed of the sample.

    Raises
    ------
    InvalidArgumentError
        Points, labels or classes have the wrong shape.
    """
    matrix, groups = checked_groups(points, labels)
    inside = groups >= 0
    found, places = np.unique(groups[inside], return_inverse=True)
    clusters = len(found)
    space = MetricSpace(matrix, metric)
    davies_bouldin = calinski_harabasz = None
    if 2 <= clusters < inside.sum():
        everyone = np.full(len(groups), -1)
        everyone[inside] = places
        centres = find_centres(space.blocks, everyone, clusters)
        davies_bouldin, calinski_harabasz = _davies_bouldin(centres, everyone), _calinski_harabasz(centres)
    rows = np.flatnonzero(inside)
    if len(rows) > sample:
        rows = np.sort(np.random.default_rng(seed).choice(rows, sample, replace=False))
    sampled, silhouette, dbcv = space.at(rows), None, None
    if 2 <= len(np.unique(groups[rows])) < len(rows):
        from sklearn.metrics import silhouette_score

        # By cosine, half the square between points: the factor does not matter.
        silhouette = float(silhouette_score(sampled, groups[rows], squared=metric == "cosine"))
    if (np.unique(groups[rows], return_counts=True)[1] > 1).sum() > 1:
        # Noise counts in full, also where the others are a sample.
        dbcv = density_validity(sampled, groups[rows], dimension=matrix.shape[1])
        dbcv *= float(inside.mean())
    agreement = _against_classes(groups, classes)
    return ClusteringScores(
        clusters=clusters,
        noise_fraction=float(1 - inside.mean()),
        silhouette=silhouette,
        silhouette_rows=len(rows) if silhouette is not None else 0,
        dbcv=dbcv,
        davies_bouldin=davies_bouldin,
        calinski_harabasz=calinski_harabasz,
        adjusted_rand=agreement[0],
        mutual_information=agreement[1],
        class_rows=agreement[2],
        metric=metric,
    )


def _davies_bouldin(centres: Centres, places: NDArray[np.intp]) -> float:
    inside = places >= 0
    extents = np.bincount(places[inside], np.sqrt(centres.squares[inside])) / centres.sizes
    worst = []
    for place, mean in enumerate(centres.means):
        apart = np.sqrt(np.square(centres.means - mean).sum(axis=1))
        # Of two clusters around the same point nothing is said, as in scikit-learn.
        apart[apart == 0] = np.inf
        worst.append(((extents + extents[place]) / apart).max())
    return float(np.mean(worst))


def _calinski_harabasz(centres: Centres) -> float:
    rows, clusters = centres.sizes.sum(), len(centres.sizes)
    within = centres.squares.sum()
    middle = centres.sizes @ centres.means / rows
    between = float(centres.sizes @ np.square(centres.means - middle).sum(axis=1))
    return 1.0 if within == 0 else float(between / within * (rows - clusters) / (clusters - 1))


def compare_clusterings(first: ArrayLike, second: ArrayLike) -> Comparison:
    """Compare two clusterings of the same rows.

    Parameters
    ----------
    first, second
        Labels, shape (n,), -1 for noise.

    Raises
    ------
    InvalidArgumentError
        The labels are not whole numbers, none, or of different length.
    """
    import pandas as pd
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    one, two = _as_labels(first), _as_labels(second)
    if len(one) != len(two):
        raise InvalidArgumentError(
            f"The clusterings have {len(one)} and {len(two)} rows: compare two of the same experiment.",
            reason="SHAPE_INVALID",
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


def _against_classes(
    groups: NDArray[np.int64], classes: ArrayLike | pd.Series | None
) -> tuple[float | None, float | None, int]:
    if classes is None:
        return None, None, 0
    import pandas as pd
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    known = pd.Series(np.asarray(classes, dtype=object))
    if len(known) != len(groups):
        raise InvalidArgumentError(
            f"There are {len(known)} classes for {len(groups)} points: give one a point, empty where not known.",
            reason="SHAPE_INVALID",
        )
    texts = known.astype(str).str.strip()
    # Empty text is no class.
    given = (known.notna() & (texts != "")).to_numpy()
    if not given.any():
        return None, None, 0
    names = texts[given]
    return (
        float(adjusted_rand_score(names, groups[given])),
        float(normalized_mutual_info_score(names, groups[given])),
        int(given.sum()),
    )


def checked_groups(points: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points, float32 (n, D), and labels, int64 (n,), that go together.

    Raises
    ------
    InvalidArgumentError
        If they do not.
    """
    matrix, groups = as_vectors(points, minimum=1, what="points"), _as_labels(labels)
    if len(groups) != len(matrix):
        raise InvalidArgumentError(
            f"There are {len(groups)} labels for {len(matrix)} points: give one a point.", reason="SHAPE_INVALID"
        )
    return matrix, groups


def _as_labels(labels: ArrayLike) -> NDArray[np.int64]:
    values = np.asarray(labels)
    if values.ndim != 1 or len(values) == 0 or not np.issubdtype(values.dtype, np.integer):
        raise InvalidArgumentError(
            f"The labels are {values.dtype} of shape {values.shape}: give whole numbers of shape (n,), -1 for noise.",
            reason="SHAPE_INVALID",
        )
    return values.astype(np.int64)
