"""k-means and HDBSCAN through `lse.analysis.clusterers` beside the bare libraries, interleaved in one run.

k-means of vectors with as many starts on both sides: seconds, and the sum of squares within the clusters.  HDBSCAN and
PLSCAN of points in two dimensions beside fast_hdbscan: seconds, and the adjusted Rand index with its labels.  Ours are
timed with all that a clustering reports beside its labels, such as the test for structure.  Seconds are those of the
clock and of the processor, medians; a ratio below 1 means that ours is quicker.

    python benchmarks/clustering.py [--rows 100000] [--points 1000000] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from lse.analysis.clusterers import cluster

SEED, CLUSTERS, LEAST = 0, 100, 100


def clumps(rows: int, dimension: int, groups: int) -> np.ndarray:
    """Points in clumps of unequal width."""
    rng = np.random.default_rng(SEED)
    centres, widths = 4 * rng.normal(size=(groups, dimension)), rng.uniform(0.3, 1.0, size=groups)
    clump = rng.integers(0, groups, rows)
    return (centres[clump] + widths[clump, None] * rng.normal(size=(rows, dimension))).astype(np.float32)


def within(points: np.ndarray, labels: np.ndarray) -> float:
    """Sum of squared distances from the centres of the clusters."""
    sizes = np.bincount(labels)
    sums = np.stack([np.bincount(labels, points[:, axis].astype(float)) for axis in range(points.shape[1])], axis=1)
    return float(np.square(points, dtype=np.float64).sum() - (np.square(sums) / sizes[:, None]).sum())


def in_turns(engines: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Median seconds of each, by the clock and of the processor, and what each gave last."""
    clock: dict[str, list[float]] = {name: [] for name in engines}
    busy: dict[str, list[float]] = {name: [] for name in engines}
    given: dict[str, Any] = {}
    for _ in range(rounds):
        for name, work in engines.items():
            started, before = time.perf_counter(), time.process_time()
            given[name] = work()
            clock[name].append(time.perf_counter() - started)
            busy[name].append(time.process_time() - before)
    median = statistics.median
    return {name: {"clock": median(clock[name]), "processor": median(busy[name])} for name in engines}, given


def k_means(rows: int, rounds: int) -> dict[str, Any]:
    from sklearn.cluster import KMeans

    vectors = clumps(rows, 128, CLUSTERS)
    asked = {"n_clusters": CLUSTERS, "metric": "euclidean", "reduce": "none", "n_init": 1}
    engines = {
        "ours": lambda: cluster(vectors, method="kmeans", parameters=asked).labels,
        "scikit-learn KMeans": lambda: KMeans(CLUSTERS, n_init=1, random_state=SEED).fit(vectors).labels_,
    }
    seconds, labels = in_turns(engines, rounds)
    inertia = {name: within(vectors, found) for name, found in labels.items()}
    return {"rows": rows, "seconds": seconds, "within": inertia}


def density(points: int, rounds: int) -> dict[str, Any]:
    import fast_hdbscan
    from sklearn.metrics import adjusted_rand_score

    places = clumps(points, 2, 60)
    asked = {"min_cluster_size": LEAST, "min_samples": 5}

    def theirs() -> np.ndarray:
        model = fast_hdbscan.HDBSCAN(min_cluster_size=LEAST, min_samples=5, reproducible=True)
        return np.asarray(model.fit(places).labels_)

    engines = {
        "ours": lambda: cluster(places, method="hdbscan", parameters=asked).labels,
        "fast_hdbscan": theirs,
        "ours, PLSCAN": lambda: cluster(places, method="plscan", parameters=asked).labels,
    }
    cluster(places[:12_000], method="hdbscan", parameters=asked)
    seconds, labels = in_turns(engines, rounds)
    agreement = {name: adjusted_rand_score(labels["fast_hdbscan"], found) for name, found in labels.items()}
    return {"rows": points, "seconds": seconds, "agreement": agreement}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="vectors of 128 numbers for k-means (%(default)s)")
    parser.add_argument("--points", type=int, default=1_000_000, help="points for HDBSCAN (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    found = {"load": load, "k-means": k_means(options.rows, options.rounds)}
    found["HDBSCAN"] = density(options.points, options.rounds)
    if options.json:
        print(json.dumps(found))
        return
    print(f"load of the machine before: {load:.1f}")
    for name in ("k-means", "HDBSCAN"):
        one = found[name]
        print(f"{name}, {one['rows']:,} rows")
        for engine, seconds in one["seconds"].items():
            figure = one["within"][engine] if name == "k-means" else one["agreement"][engine]
            what = "sum of squares" if name == "k-means" else "adjusted Rand index"
            print(
                f"  {engine:20} {seconds['clock']:8.2f} s, processor {seconds['processor']:.2f} s  {what} {figure:.6g}"
            )


if __name__ == "__main__":
    main()
