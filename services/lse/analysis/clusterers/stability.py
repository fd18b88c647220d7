"""How far groups come back when some points are left out and the seed is another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.errors import CancelledError, LseError
from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STABILITY_SHARE", "Stability", "measure_stability"]

#: Share of the points that each run has.
STABILITY_SHARE = 0.8


@dataclass(frozen=True)
class Stability:
    """How stable a clustering is; all values are 1 where every run found the same.

    Attributes
    ----------
    agreement
        Mean adjusted Rand index of the runs with the clustering, on the points that they have.
    clusters
        Of each cluster the mean Jaccard similarity with the most similar cluster of a run, float32 (clusters,).
    points
        Of each point the mean Jaccard similarity of its cluster with the one that a run puts it into, 0 where that is
        noise; of noise the share of runs in which it is noise again.  Float32 (n,), NaN where no run has the point.
    """

    agreement: float
    clusters: NDArray[np.float32]
    points: NDArray[np.float32]


def measure_stability(
    points: NDArray[np.float32],
    labels: NDArray[np.int32],
    regroup: Callable[[NDArray[np.float32], int], NDArray[Any]],
    *,
    runs: int,
    fewest: int,
    seed: int,
    monitor: Monitor,
) -> Stability:
    """Group four fifths of the points again, several times (Hennig 2007, by subsets without replacement).

    Parameters
    ----------
    points, labels
        What was grouped, shape (n, D), and the groups, shape (n,), -1 for noise.
    regroup
        Labels of points for a seed.  Where it refuses, all are noise.
    runs
        Number of repetitions.
    fewest
        Fewest points that can be grouped.
    seed, monitor
        Seed of what is drawn, and progress.
    """
    from sklearn.metrics import adjusted_rand_score

    random, count = np.random.default_rng(seed), int(labels.max(initial=-1)) + 1
    size = min(len(points), max(fewest, round(STABILITY_SHARE * len(points))))
    agreements = []
    sums, drawn = np.zeros((2, count))
    point_sums, point_drawn = np.zeros((2, len(points)))
    for run in range(runs):
        monitor.report("measuring the stability", run, runs, unit="runs")
        rows = np.sort(random.choice(len(points), size, replace=False))
        before, after = labels[rows], _again(regroup, points[rows], seed + run + 1)
        jaccard, present = _jaccard(before, after, count)
        sums[present] += jaccard[1:, 1:].max(axis=1, initial=0)[present]
        drawn[present] += 1
        own = jaccard[before + 1, after + 1] * (after >= 0)
        point_sums[rows] += np.where(before < 0, after < 0, own)
        point_drawn[rows] += 1
        agreements.append(adjusted_rand_score(before, after))
    with np.errstate(invalid="ignore"):
        clusters, each = sums / drawn, point_sums / point_drawn
    return Stability(float(np.mean(agreements)), clusters.astype(np.float32), each.astype(np.float32))


def _again(
    regroup: Callable[[NDArray[np.float32], int], NDArray[Any]], points: NDArray[np.float32], seed: int
) -> NDArray[np.int64]:
    try:
        found = regroup(points, seed)
    except CancelledError:
        raise
    except LseError:
        return np.full(len(points), -1)
    return np.asarray(found, np.int64)


def _jaccard(
    before: NDArray[np.int32], after: NDArray[np.int64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Jaccard similarities of all groups, noise first, and which of the first ones are there."""
    counts = np.zeros((count + 1, int(after.max(initial=-1)) + 2))
    np.add.at(counts, (before + 1, after + 1), 1)
    union = counts.sum(axis=1, keepdims=True) + counts.sum(axis=0) - counts
    return counts / np.where(union > 0, union, 1), counts[1:].sum(axis=1) > 0
