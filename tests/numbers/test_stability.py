"""Stability of clusterings against sets and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from lse.analysis.clusterers import cluster
from lse.analysis.clusterers.stability import measure_stability
from lse.errors import InvalidArgumentError
from lse.progress import Monitor


def test_values_are_those_of_sets() -> None:
    random = np.random.default_rng(3)
    points = np.arange(60, dtype=np.float32)[:, None]
    labels = np.repeat([0, 1, 2, -1], 15).astype(np.int32)
    runs: list[tuple[np.ndarray, np.ndarray]] = []

    def regroup(part: np.ndarray, seed: int) -> np.ndarray:
        if seed == 9:
            raise InvalidArgumentError("There are too few.", reason="VECTORS_TOO_FEW")
        rows = part[:, 0].astype(int)
        found = np.where(random.random(len(rows)) < 0.2, random.integers(-1, 4, len(rows)), labels[rows])
        runs.append((rows, found))
        return found

    measured = measure_stability(points, labels, regroup, runs=6, fewest=3, seed=7, monitor=Monitor())
    assert len(runs) == 5
    assert all(len(set(rows)) == 48 for rows, _ in runs)
    agreement = [adjusted_rand_score(labels[rows], found) for rows, found in runs]
    assert measured.agreement == pytest.approx(sum(agreement) / 6)  # where all are noise there is none
    for label in range(3):
        best = []
        for rows, found in runs:
            own = set(rows[labels[rows] == label])
            others = [set(rows[found == other]) for other in set(found) - {-1}]
            best.append(max(len(own & other) / len(own | other) for other in others))
        assert measured.clusters[label] == pytest.approx(sum(best) / 6)
    row = int(runs[0][0][0])
    assert labels[row] == 0
    seen = [(rows, found) for rows, found in runs if row in rows]
    values = []
    for rows, found in seen:
        other = int(found[rows == row][0])
        own, theirs = set(rows[labels[rows] == 0]), set(rows[found == other])
        values.append(0 if other < 0 else len(own & theirs) / len(own | theirs))
    # It may be in the run that refused, too, where it counts as noise.
    assert measured.points[row] in (
        pytest.approx(np.mean(values), abs=1e-6),
        pytest.approx(sum(values) / (len(values) + 1), abs=1e-6),
    )


@pytest.mark.parametrize("method", ["kmeans", "hdbscan"])
def test_clean_blobs_are_stable_and_one_cut_in_two_is_not(method: str) -> None:
    random = np.random.default_rng(0)
    blobs = np.repeat(np.eye(3) * 20, 60, axis=0) + random.normal(size=(180, 3))
    parameters: dict[str, object] = {"stability_runs": 8, "metric": "euclidean"}
    if method == "kmeans":
        parameters["n_clusters"] = 3
    stable = cluster(blobs, method=method, parameters=parameters).stability
    assert stable is not None
    assert len(stable.clusters) == 3
    assert stable.agreement > 0.95
    assert stable.clusters.min() > 0.95
    assert np.nanmin(stable.points) >= 0
    if method == "kmeans":
        cut = cluster(blobs, method=method, parameters={**parameters, "n_clusters": 5}).stability
        assert cut is not None
        assert cut.agreement < stable.agreement
        assert cut.clusters.min() < 0.8 < stable.clusters.min()
    assert cluster(blobs, method=method, parameters={"metric": "euclidean"}).stability is None
