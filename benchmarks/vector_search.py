"""Vector search through the embedded server: recall and latency, beside the bare engine and exact search.

Writes clustered vectors through gRPC, has the index built, then asks the same queries in turns, in one run: of the
search service (`SearchImages`, which asks the vector server in its turn), of the vector server alone
(`VectorStore.search`), of the bare Qdrant Edge engine in this process on a copy of the same shard, and of the exact
search of scikit-learn.  Service and vector server are processes of their own, as `lse up` starts them.  Targets of the
service: recall@10 of at least 0.99, median of at most 0.5 ms, 95th percentile of at most 1 ms.  Then many queries in
one call (`BatchSearchImages`) in turns with the bare engine, one query after another; target: 1.5 times its time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import qdrant_edge
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from lse.analysis.neighbours import unit_vectors
from lse.client import Client, connect
from lse.errors import UnavailableError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Catalogue, DatasetRecord, ExperimentRecord, Resources
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.records.dataset import DatasetResult, DatasetSpec
from lse.platform.catalogue.records.experiment import ExperimentResult, ExperimentSpec
from lse.platform.config import load_settings
from lse.platform.vectors import VectorStore

NEIGHBOURS = 10
TURN = 25
BATCHES = 3
DATASET, EXPERIMENT = "projects/p/datasets/benchmark", "projects/p/experiments/benchmark"
PROCESS = (sys.executable, "-m", "lse.cli.main")


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


@contextmanager
def process(*arguments: str) -> Iterator[str]:
    """A server of ours, and the first line that it prints."""
    server = subprocess.Popen([*PROCESS, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        yield server.stdout.readline()
    finally:
        server.terminate()
        server.wait()


def catalogued(vectors: npt.NDArray[np.float32], collection: str, folder: Path) -> list[str]:
    """Write an experiment with these vectors to a catalogue; the options of a service on it."""
    count, dimension = vectors.shape
    stores = {
        "catalogue_url": f"sqlite:///{folder / 'catalogue.db'}",
        "artifacts_url": f"file://{folder / 'artifacts'}",
    }
    migrate(load_settings(**stores))
    artifacts = Artifacts(stores["artifacts_url"])
    table_uri, vectors_uri = "artifact:/images.parquet", "artifact:/vectors.zarr"
    names = [f"image-{number:08d}" for number in range(count)]
    rows = np.arange(count)
    artifacts.write_table(table_uri, pa.table({"name": names, "row": rows, "source": names, "part": rows % 7}))
    artifacts.write_array(vectors_uri, vectors)
    made_dataset = DatasetResult(
        folder="artifact:/",
        images_uri="",
        table_uri=table_uri,
        thumbnails_uri="",
        sources=(),
        recipe="",
        prepared_count=count,
        rejected_count=0,
        channels=("g",),
        image_size=16,
        columns={},
    )
    made_experiment = ExperimentResult(
        vectors_uri=vectors_uri,
        neighbours_uri="",
        image_count=count,
        dimension=dimension,
        neighbour_count=0,
    )
    with closing(Catalogue(stores["catalogue_url"])) as catalogue:
        resources = Resources(catalogue)
        resources.create(DatasetRecord(name=DATASET, spec=DatasetSpec()).with_result(made_dataset))
        experiment = ExperimentRecord(name=EXPERIMENT, uid=collection, spec=ExperimentSpec(dataset=DATASET))
        resources.create(experiment.with_result(made_experiment))
    return [f"--{key.replace('_', '-')}={value}" for key, value in stores.items()]


@contextmanager
def searching(options: Sequence[str], vectors_address: str, query: npt.NDArray[np.float32]) -> Iterator[Client]:
    """Client of a search service of its own, which has answered a query."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    others = [f"--vectors-url={vectors_address}", "--compute-url=tcp://127.0.0.1:1", f"--grpc-port={port}"]
    server = subprocess.Popen([*PROCESS, "serve", "search", *options, *others, "--log-level=warning"])
    try:
        with connect(f"127.0.0.1:{port}", project="p") as client:
            while True:
                try:
                    client.search.similar("benchmark", vector=query)
                    break
                except UnavailableError:
                    time.sleep(0.2)
            yield client
    finally:
        server.terminate()
        server.wait()


def run(count: int, dimension: int, n_queries: int, n_batch: int, root: Path) -> dict[str, object]:
    vectors = clustered(count + n_queries, dimension, seed=0)
    queries, vectors = vectors[count:], vectors[:count]
    with ExitStack() as stack:
        line = stack.enter_context(process("vectors", f"--vectors-root={root / 'store'}", "--vectors-port=0"))
        store = stack.enter_context(VectorStore(line.split()[1]))
        store.create_collection("benchmark", dimension=dimension, indexed={"part": "integer"})
        start = time.perf_counter()
        payloads = [{"part": row % 7, "name": f"image-{row:08d}"} for row in range(count)]
        store.upsert("benchmark", np.arange(count), unit_vectors(vectors), payloads)
        upserted = time.perf_counter() - start
        start = time.perf_counter()
        state = store.build_index("benchmark")
        built = time.perf_counter() - start
        shard = bare_engine(root / "store", root / "copy")
        exact = NearestNeighbors(n_neighbors=NEIGHBOURS, metric="cosine", algorithm="brute").fit(vectors)
        options = catalogued(vectors, "benchmark", root)
        client = stack.enter_context(searching(options, line.split()[1], queries[0]))

        def service(query: npt.NDArray[np.float32]) -> list[int]:
            return [match.row for match in client.search.similar("benchmark", vector=query, k=NEIGHBOURS)]

        def server(query: npt.NDArray[np.float32]) -> list[int]:
            return [hit.id for hit in store.search("benchmark", query, NEIGHBOURS, payload=False)]

        def bare(query: npt.NDArray[np.float32]) -> list[int]:
            nearest = qdrant_edge.Query.Nearest(query.tolist())
            request = qdrant_edge.QueryRequest(limit=NEIGHBOURS, query=nearest, with_payload=False)
            return [int(point.id) for point in shard.query(request)]

        def brute(query: npt.NDArray[np.float32]) -> list[int]:
            # One thread: the idle threads of a pool spin on for a while, and would spin into the next engine's turn.
            with threadpool_limits(1):
                found: list[int] = exact.kneighbors(query[None], return_distance=False)[0].tolist()
            return found

        batch = clustered(n_batch, dimension, seed=1)

        def service_batch() -> None:
            client.search.similar_to_each("benchmark", vectors=batch, k=NEIGHBOURS)

        def bare_batch() -> None:
            for query in batch:
                bare(query)

        engines = {"service": service, "server": server, "edge": bare, "exact": brute}
        measure(engines, queries[:20])
        seconds, answers = measure(engines, queries)
        batches: dict[str, list[float]] = {"service": [], "edge": []}
        for _ in range(BATCHES):
            for name, ask in (("service", service_batch), ("edge", bare_batch)):
                start = time.perf_counter()
                ask()
                batches[name].append(time.perf_counter() - start)
    p50, p95 = ({name: float(np.percentile(s, q) * 1e3) for name, s in seconds.items()} for q in (50, 95))
    return {
        "count": count,
        "dimension": dimension,
        "queries": n_queries,
        "indexed": state.indexed,
        "upserts_per_second": count / upserted,
        "index_seconds": built,
        "recall_at_10": {name: recall(answers[name], answers["exact"]) for name in ("service", "server", "edge")},
        "p50_ms": p50,
        "p95_ms": p95,
        "batch_queries": n_batch,
        "batch_seconds": {name: min(times) for name, times in batches.items()},
        "batch_ratio_to_edge": min(batches["service"]) / min(batches["edge"]),
        "p50_ratio_to_edge": p50["service"] / p50["edge"],
        "p50_ratio_to_exact": p50["service"] / p50["exact"],
        "p95_ratio_to_exact": p95["service"] / p95["exact"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="vectors (%(default)s)")
    parser.add_argument("--dimension", type=int, default=128, help="their length (%(default)s)")
    parser.add_argument("--queries", type=int, default=500, help="queries (%(default)s)")
    parser.add_argument("--batch", type=int, default=10_000, help="queries of a batch (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(options.count, options.dimension, options.queries, options.batch, Path(folder))
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['count']} vectors of {result['dimension']}, {result['queries']} queries")
    print(f"upserts through gRPC   {result['upserts_per_second']:10.0f} a second")
    print(f"index built in         {result['index_seconds']:10.1f} s")
    print(f"recall@10 against exact{result['recall_at_10']['service']:10.4f}   target >= 0.99")
    labels = {
        "service": "search service",
        "server": "vector server",
        "edge": "bare Qdrant Edge",
        "exact": "scikit-learn",
    }
    for name, label in labels.items():
        target = "   targets 0.5 and 1 ms" if name == "service" else ""
        print(f"{label:20} p50 {result['p50_ms'][name]:7.2f} ms   p95 {result['p95_ms'][name]:7.2f} ms{target}")
    print(f"service / bare engine, p50 {result['p50_ratio_to_edge']:6.2f}")
    seconds = result["batch_seconds"]
    print(
        f"{result['batch_queries']} queries in a batch: service {seconds['service']:.2f} s, bare engine "
        f"{seconds['edge']:.2f} s, ratio {result['batch_ratio_to_edge']:.2f}   target <= 1.5"
    )
    print(f"service / exact,       p50 {result['p50_ratio_to_exact']:6.2f}   p95 {result['p95_ratio_to_exact']:6.2f}")


if __name__ == "__main__":
    main()
