"""Codes and tiers of memory of the embedded vector server: what each saves, and the recall it costs.

Writes the same clustered vectors into collections of every layout, each on an embedded server of its own, has the
indexes built, starts the servers again, and asks the same queries of all of them in turns: recall at 10 against exact
search, latency through gRPC, and what the server's process then has in memory (its own, and of mapped files).  With
codes the search compares more images than are wanted by their vectors; the recall without that is measured too.

    python benchmarks/vector_codes.py [--count 200000] [--dimension 128] [--queries 200] [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
from qdrant_client import grpc as messages
from qdrant_client.grpc import points_service_pb2_grpc

from lse.analysis.neighbours import find_neighbours, unit_vectors
from lse.platform.vectors import Placement, VectorStore

NEIGHBOURS, TURN = 10, 20
LAYOUTS = {
    "none, in memory": Placement(quantization="none"),
    "none, on disk": Placement(quantization="none", memory="disk"),
    "int8": Placement(quantization="int8", memory="codes"),
    "turbo, 4 bits": Placement(quantization="turbo", memory="codes"),
    "binary": Placement(quantization="binary", memory="codes"),
}


def clumps(count: int, dimension: int) -> npt.NDArray[np.float32]:
    """Vectors in 100 clumps of unequal width."""
    rng = np.random.default_rng(0)
    centres, widths = rng.normal(size=(100, dimension)), rng.uniform(0.3, 0.9, size=100)
    clump = rng.integers(0, 100, count)
    return (centres[clump] + widths[clump, None] * rng.normal(size=(count, dimension))).astype(np.float32)


@contextmanager
def served(root: Path, placement: Placement) -> Iterator[tuple[VectorStore, int]]:
    """Store on a server of its own, and the process id of that."""
    command = [sys.executable, "-m", "lse.cli.main", "vectors", f"--vectors-root={root}", "--vectors-port=0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        with VectorStore(server.stdout.readline().split()[1], placement=placement) as store:
            yield store, server.pid
    finally:
        server.terminate()
        server.wait()


def resident(pid: int) -> dict[str, float]:
    """MiB of a process's own memory, and of files mapped into it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = {
        name: int(value.split()[0]) / 1024 for name, value in (line.split(":", 1) for line in lines if "Rss" in line)
    }
    return {"own": fields["RssAnon"], "files": fields["RssFile"]}


def by_codes_alone(store: VectorStore, query: npt.NDArray[np.float32]) -> list[int]:
    """Nearest points by the codes, in which nothing is compared by its vector."""
    request = messages.QueryPoints(
        collection_name="c",
        query=messages.Query(nearest=messages.VectorInput(dense=messages.DenseVector(data=query.tolist()))),
        limit=NEIGHBOURS,
        params=messages.SearchParams(quantization=messages.QuantizationSearchParams(rescore=False)),
    )
    with grpc.insecure_channel(store.address) as channel:
        return [point.id.num for point in points_service_pb2_grpc.PointsStub(channel).Query(request).result]


def run(count: int, dimension: int, n_queries: int, root: Path) -> dict[str, Any]:
    """Figures of every layout."""
    vectors = clumps(count + n_queries, dimension)
    queries, vectors = unit_vectors(vectors[count:]), unit_vectors(vectors[:count])
    truth = find_neighbours(queries, vectors, k=NEIGHBOURS)[0].tolist()
    figures: dict[str, dict[str, Any]] = {name: {} for name in LAYOUTS}
    for name, placement in LAYOUTS.items():
        with served(root / name, placement) as (store, _):
            store.create_collection("c", dimension=dimension)
            store.upsert("c", np.arange(count), vectors)
            started = time.perf_counter()
            store.build_index("c")
            figures[name]["build_seconds"] = time.perf_counter() - started
    seconds: dict[str, list[float]] = {name: [] for name in LAYOUTS}
    found: dict[str, list[list[int]]] = {name: [] for name in LAYOUTS}
    with ExitStack() as stack:
        opened = {name: stack.enter_context(served(root / name, each)) for name, each in LAYOUTS.items()}
        for store, _ in opened.values():
            store.search_batch("c", queries, NEIGHBOURS, payload=False)
        for first in range(0, n_queries, TURN):
            for name, (store, _) in opened.items():
                for query in queries[first : first + TURN]:
                    started = time.perf_counter()
                    hits = store.search("c", query, NEIGHBOURS, payload=False)
                    seconds[name].append(time.perf_counter() - started)
                    found[name].append([hit.id for hit in hits])
        for name, (store, pid) in opened.items():
            alone = [by_codes_alone(store, query) for query in queries]
            figures[name] |= {
                "recall_at_10": recall(found[name], truth),
                "recall_of_codes_alone": recall(alone, truth),
                "p50_ms": float(np.percentile(seconds[name], 50) * 1e3),
                "p95_ms": float(np.percentile(seconds[name], 95) * 1e3),
                "memory_mib": resident(pid),
            }
    return {"count": count, "dimension": dimension, "queries": n_queries, "layouts": figures}


def recall(found: list[list[int]], truth: list[list[int]]) -> float:
    """Mean share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=True)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000, help="vectors (%(default)s)")
    parser.add_argument("--dimension", type=int, default=128, help="their length (%(default)s)")
    parser.add_argument("--queries", type=int, default=200, help="queries (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(options.count, options.dimension, options.queries, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['count']} vectors of {result['dimension']}, {result['queries']} queries")
    print("layout            recall@10  codes alone  p50 ms  p95 ms  own MiB  files MiB  build s")
    for name, each in result["layouts"].items():
        memory = each["memory_mib"]
        print(
            f"{name:17} {each['recall_at_10']:9.4f} {each['recall_of_codes_alone']:12.4f} {each['p50_ms']:7.2f} "
            f"{each['p95_ms']:7.2f} {memory['own']:8.0f} {memory['files']:10.0f} {each['build_seconds']:8.1f}"
        )


if __name__ == "__main__":
    main()
