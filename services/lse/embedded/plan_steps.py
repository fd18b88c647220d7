"""Steps of the work on an experiment, each measured in a process of its own: ``python -m lse.embedded.plan_steps``.

Prints one JSON object: seconds of the processor, over all threads, which other programs hardly change; and the bytes of
memory that the step took, with its vectors.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lse.analysis.clusterers import cluster
from lse.analysis.neighbours import NeighbourGraph, build_neighbour_graph
from lse.analysis.outliers import score_outliers
from lse.analysis.reducers import reduce
from lse.caches import keep_caches
from lse.progress import Monitor

__all__ = ["STEPS", "measured"]

_NEIGHBOURS = 30
_WARM_ROWS = 400


def clumps(rows: int, dimension: int) -> np.ndarray:
    """Vectors like an encoder's: in clumps of unequal sizes and widths, along a few directions each."""
    random = np.random.default_rng(0)
    groups = 50
    centres, widths = random.normal(size=(groups, dimension)), random.uniform(0.2, 0.8, size=groups)
    clump = random.choice(groups, size=rows, p=np.arange(groups, 0, -1) / (groups * (groups + 1) / 2))
    vectors = np.empty((rows, dimension), np.float32)
    for first in range(0, rows, 4096):
        here = clump[first : first + 4096]
        vectors[first : first + 4096] = centres[here] + widths[here, None] * random.normal(size=(len(here), dimension))
    return vectors


def _graph(vectors: np.ndarray, *, k: int = _NEIGHBOURS) -> NeighbourGraph:
    # Never by comparing all pairs, which only few images are.
    return build_neighbour_graph(vectors, k=k, exact_rows=0)


def _search_index(vectors: np.ndarray) -> Callable[[], object]:
    import qdrant_edge as edge

    folder = Path(tempfile.mkdtemp(prefix="lse-plan-"))
    config = edge.EdgeConfig(
        vectors=edge.EdgeVectorParams(size=vectors.shape[1], distance=edge.Distance.Cosine),
        hnsw_config=edge.HnswIndexConfig(16, 100, 10_000),
        optimizers=edge.EdgeOptimizersConfig(indexing_threshold=1000),
    )

    def write() -> None:
        shard = edge.EdgeShard.create(str(folder), config)
        for first in range(0, len(vectors), 2000):
            points = [
                edge.Point(row, vectors[row].tolist(), {}) for row in range(first, min(first + 2000, len(vectors)))
            ]
            shard.update(edge.UpdateOperation.upsert_points(points))
        shard.optimize()
        shard.flush()
        shard.close()

    return write


def _map(vectors: np.ndarray, method: str, **parameters: object) -> Callable[[], object]:
    graph = _graph(vectors)
    return lambda: reduce(vectors, method=method, parameters=parameters, neighbours=graph)


def _outliers(vectors: np.ndarray) -> Callable[[], object]:
    graph = _graph(vectors)
    return lambda: score_outliers(vectors, graph, monitor=Monitor())


STEPS: dict[str, Callable[[np.ndarray], Callable[[], object]]] = {
    "neighbour graph": lambda vectors: lambda: _graph(vectors),
    "outlier scores": _outliers,
    "search index": _search_index,
    "pca": lambda vectors: _map(vectors, "pca"),
    "umap": lambda vectors: _map(vectors, "umap"),
    # A fifth of the iterations, each of which costs the same.
    "tsne": lambda vectors: _map(vectors, "tsne", early_exaggeration_iter=50, n_iter=100),
    "kmeans": lambda vectors: lambda: cluster(vectors, method="kmeans", parameters={"n_clusters": 20}),
    "hdbscan on a map": lambda vectors: lambda: cluster(vectors[:, :2], method="hdbscan"),
}
_SHARES = {"tsne": 1 / 5}


def measured(step: str, rows: int, dimension: int) -> dict[str, float]:
    """Seconds of the processor that a step takes, and the bytes of memory for it, its vectors among them."""
    # Imports and compiled kernels are not counted.
    STEPS[step](clumps(_WARM_ROWS, dimension))()
    empty = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = STEPS[step](clumps(rows, dimension))
    started = time.process_time()
    run()
    seconds = (time.process_time() - started) / _SHARES.get(step, 1)
    return {"seconds": seconds, "bytes": 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - empty)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("rows", type=int)
    parser.add_argument("dimension", type=int)
    given = parser.parse_args()
    keep_caches()
    print(json.dumps(measured(given.step, given.rows, given.dimension)))
