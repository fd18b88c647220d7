"""The number of groups by the gap statistic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.analysis.clusterers.automatic import most_clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.clusterers.clusterings import ClusteringTask

__all__ = ["choose_by_gap"]

_SAMPLE = 2_000
_REFERENCES = 10


def choose_by_gap(task: ClusteringTask, group: Callable[[NDArray[np.float32], int], NDArray[Any]]) -> int:
    """Number of groups, from 2 to 20, by the gap statistic (Tibshirani, Walther & Hastie 2001).

    The logarithm of the squared distances to the centres is compared with that of points drawn evenly from the box of
    the principal axes.  The smallest number counts whose gap is at least that of the next one less its standard error.

    Parameters
    ----------
    task
        Points, at most 2,000 of which, drawn by the seed, are tried.
    group
        Labels of points for a number of groups.

    Returns
    -------
    clusters
        The number; 2 where the statistic finds a single group, which the notes then say.
    """
    random = np.random.default_rng(task.seed)
    rows = len(task.points)
    points = task.points[np.sort(random.choice(rows, min(_SAMPLE, rows), replace=False))].astype(np.float64)
    candidates = range(1, most_clusters(len(points)) + 2)
    clouds = [points, *(_even(points, random) for _ in range(_REFERENCES))]
    spread = np.empty((len(clouds), len(candidates)))
    for step, clusters in enumerate(candidates):
        task.monitor.report("choosing the number of clusters", step, len(candidates), unit="candidates")
        for place, cloud in enumerate(clouds):
            labels = group(cloud.astype(np.float32), clusters) if clusters > 1 else np.zeros(len(cloud), int)
            spread[place, step] = _log_spread(cloud, labels)
    gaps = spread[1:].mean(axis=0) - spread[0]
    errors = spread[1:].std(axis=0) * np.sqrt(1 + 1 / _REFERENCES)
    enough = np.flatnonzero(gaps[:-1] >= gaps[1:] - errors[1:])
    found = candidates[int(enough[0]) if len(enough) else int(np.argmax(gaps))]
    best = min(max(2, found), most_clusters(len(points)))
    task.notes["automatic"] = {
        "n_clusters": best,
        "criterion": "gap statistic" if found > 1 else "gap statistic, which finds a single group",
        "sample_rows": len(points),
        "tried": {str(clusters): round(float(gap), 4) for clusters, gap in zip(candidates, gaps, strict=True)},
        "standard_errors": {str(clusters): round(float(e), 4) for clusters, e in zip(candidates, errors, strict=True)},
    }
    return best


def _even(points: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """As many points, drawn evenly from the box around the points along their principal axes."""
    centre = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - centre, full_matrices=False)
    turned = (points - centre) @ axes.T
    drawn = random.uniform(turned.min(axis=0), turned.max(axis=0), size=turned.shape)
    return np.asarray(drawn @ axes + centre)


def _log_spread(points: NDArray[np.float64], labels: NDArray[Any]) -> float:
    """Logarithm of the sum of the squared distances to the centre of each group."""
    groups = [points[labels == label] for label in np.unique(labels)]
    squares = sum(float(np.square(each - each.mean(axis=0)).sum()) for each in groups)
    return float(np.log(max(squares, np.finfo(np.float64).tiny)))
