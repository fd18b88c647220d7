"""Vector search through the embedded server: recall and latency, beside the bare engine and exact search.

Writes clustered vectors through gRPC, has the index built, then asks the same queries of three in turns, in one run:
`VectorStore.search` through gRPC, the bare Qdrant Edge engine in this process on a copy of the same shard, and
scikit-learn's exact search.  Targets: recall@10 of at least 0.98, 95th percentile through gRPC of at most 5 ms.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import qdrant_edge
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from lse.platform.vectors import VectorStore

NEIGHBOURS = 10
NAME = "benchmark"
TURN = 25


def clustered(count: int, dimension: int, seed: int) -> npt.NDArray[np.float32]:
    """Vectors in 100 clumps of unequal width, shape (count, dimension)."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(100, dimension))
    widths = rng.uniform(0.3, 0.9, size=100)
    clump = rng.integers(0, 100, count)
    return (centres[clump] + widths[clump, None] * rng.normal(size=(count, dimension))).astype(np.float32)


def bare_engine(root: Path, copy: Path) -> qdrant_edge.EdgeShard:
    """Open a copy of the server's shard in this process."""
    (pointer,) = root.glob("*/current")
    shutil.copytree(pointer.parent / pointer.read_text(), copy)
    return qdrant_edge.EdgeShard.load(str(copy))


def measure(
    engines: dict[str, Callable[[npt.NDArray[np.float32]], list[int]]], queries: npt.NDArray[np.float32]
) -> tuple[dict[str, npt.NDArray[np.float64]], dict[str, list[list[int]]]]:
    """Seconds and answers of each engine, in turns of some queries each, asked one after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    answers: dict[str, list[list[int]]] = {name: [] for name in engines}
    for turn in range(0, len(queries), TURN):
        for name, search in engines.items():
            for query in queries[turn : turn + TURN]:
                start = time.perf_counter()
                found = search(query)
                seconds[name].append(time.perf_counter() - start)
                answers[name].append(found)
    return {name: np.array(values) for name, values in seconds.items()}, answers


def recall(found: list[list[int]], truth: list[list[int]]) -> float:
    """Mean share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=True)]))


def run(count: int, dimension: int, n_queries: int, root: Path) -> dict[str, object]:
    vectors = clustered(count + n_queries, dimension, seed=0)
    queries, vectors = vectors[count:], vectors[:count]
    server = subprocess.Popen(
        [sys.executable, "-m", "lse.cli.main", "vectors", f"--vectors-root={root / 'store'}", "--vectors-port=0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        store = VectorStore(server.stdout.readline().split()[1])
        store.create_collection(NAME, dimension=dimension, indexed={"part": "integer"})
        start = time.perf_counter()
        store.upsert(NAME, np.arange(count), vectors, [{"part": i % 7, "image": f"image-{i}"} for i in range(count)])
        upserted = time.perf_counter() - start
        start = time.perf_counter()
        state = store.build_index(NAME)
        built = time.perf_counter() - start
        shard = bare_engine(root / "store", root / "copy")
        exact = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine", algorithm="brute").fit(vectors)

        def through_grpc(query: npt.NDArray[np.float32]) -> list[int]:
            return [hit.id for hit in store.search(NAME, query, NEIGHBOURS)]

        def bare(query: npt.NDArray[np.float32]) -> list[int]:
            nearest = qdrant_edge.Query.Nearest(query.tolist())
            request = qdrant_edge.QueryRequest(limit=NEIGHBOURS, query=nearest, with_payload=True)
            return [int(point.id) for point in shard.query(request)]

        def brute(query: npt.NDArray[np.float32]) -> list[int]:
            # One thread: the idle threads of a pool spin on for a while, and would spin into the next engine's turn.
            with threadpool_limits(1):
                found: list[int] = exact.kneighbors(query[None], return_distance=False)[0].tolist()
            return found

        engines = {"grpc": through_grpc, "edge": bare, "exact": brute}
        measure(engines, queries[:20])
        seconds, answers = measure(engines, queries)
        store.close()
    finally:
        server.terminate()
        server.wait()
    p50, p95 = ({name: float(np.percentile(s, q) * 1e3) for name, s in seconds.items()} for q in (50, 95))
    return {
        "count": count,
        "dimension": dimension,
        "queries": n_queries,
        "indexed": state.indexed,
        "upserts_per_second": count / upserted,
        "index_seconds": built,
        "recall_at_10": recall(answers["grpc"], answers["exact"]),
        "edge_recall_at_10": recall(answers["edge"], answers["exact"]),
        "p50_ms": p50,
        "p95_ms": p95,
        "p50_ratio_to_edge": p50["grpc"] / p50["edge"],
        "p50_ratio_to_exact": p50["grpc"] / p50["exact"],
        "p95_ratio_to_exact": p95["grpc"] / p95["exact"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="vectors (%(default)s)")
    parser.add_argument("--dimension", type=int, default=128, help="their length (%(default)s)")
    parser.add_argument("--queries", type=int, default=500, help="queries (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(options.count, options.dimension, options.queries, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['count']} vectors of {result['dimension']}, {result['queries']} queries")
    print(f"upserts through gRPC   {result['upserts_per_second']:10.0f} a second")
    print(f"index built in         {result['index_seconds']:10.1f} s")
    print(f"recall@10 against exact{result['recall_at_10']:10.4f}   target >= 0.98")
    for name, label in (("grpc", "through gRPC"), ("edge", "bare Qdrant Edge"), ("exact", "scikit-learn, exact")):
        target = "   target p95 <= 5 ms" if name == "grpc" else ""
        print(f"{label:20} p50 {result['p50_ms'][name]:7.2f} ms   p95 {result['p95_ms'][name]:7.2f} ms{target}")
    print(f"through gRPC / bare engine, p50 {result['p50_ratio_to_edge']:6.2f}")
    print(
        f"through gRPC / exact,       p50 {result['p50_ratio_to_exact']:6.2f}   p95 {result['p95_ratio_to_exact']:6.2f}"
    )


if __name__ == "__main__":
    main()
