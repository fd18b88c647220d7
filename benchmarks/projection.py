"""UMAP and t-SNE through `lse.analysis.reducers` against the bare libraries, interleaved in one run.

Prints, for each method, the seconds of a fit (medians) and the share of the 15 nearest latent neighbours that its
picture keeps: of the bare library with a seed on one thread, of the bare library on all cores (umap-learn takes no
seed then), and of ours, with the neighbour graph of the experiment at hand and without it.  Ratios are to the faster
of the two bare ones; above 1 means that ours is slower.  Compilation is done before the clock starts.  The seconds of
the processor are printed beside those of the clock, as they say more on a machine that others use too.

    python benchmarks/projection.py [--rows 2000] [--columns 64] [--rounds 3] [--methods umap tsne] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from lse.analysis.neighbours import NeighbourGraph, build_neighbour_graph
from lse.analysis.reducers import reduce
from lse.analysis.reducers.faithfulness import measure_faithfulness
from lse.hardware import usable_cores

SEED = 0


def latent_vectors(rows: int, columns: int) -> np.ndarray:
    """Vectors like an encoder's: curved sheets of a few dimensions, of unequal sizes, in a noisy space."""
    rng = np.random.default_rng(SEED)
    sheets = rng.choice(12, size=rows, p=np.arange(12, 0, -1) / 78)
    inside = rng.normal(size=(rows, 3))
    axes, centres = rng.normal(size=(12, 6, columns)), rng.normal(size=(12, columns)) * 2
    curved = np.concatenate([inside, np.sin(2 * inside)], axis=1)
    vectors = centres[sheets] + np.einsum("ij,ijk->ik", curved, axes[sheets]) * 0.6
    noisy: np.ndarray = vectors + rng.normal(size=vectors.shape) * 0.3
    return noisy.astype(np.float32)


def bare_umap(vectors: np.ndarray, cores: int) -> np.ndarray:
    import umap

    # With a seed umap-learn works on one thread, and says so.
    seed = SEED if cores == 1 else None
    return np.asarray(umap.UMAP(metric="cosine", random_state=seed, n_jobs=cores).fit_transform(vectors))


def bare_tsne(vectors: np.ndarray, cores: int) -> np.ndarray:
    import openTSNE

    return np.asarray(openTSNE.TSNE(metric="cosine", random_state=SEED, n_jobs=cores).fit(vectors))


def timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Seconds of the clock and of the processor, and what was made."""
    started, busy = time.perf_counter(), time.process_time()
    made = work()
    return (time.perf_counter() - started, time.process_time() - busy), made


def compare(method: str, vectors: np.ndarray, graph: NeighbourGraph, rounds: int) -> dict[str, Any]:
    """Seconds and neighbours kept of ours and of the bare library, in turns."""
    bare = {"umap": bare_umap, "tsne": bare_tsne}[method]
    (cold, _), _ = timed(partial(reduce, vectors[:200], method=method, parameters={"seed": SEED}))
    peers = {f"bare, {cores} threads": partial(bare, cores=cores) for cores in sorted({1, usable_cores()})}
    for peer in peers.values():
        # The library's own search for neighbours is compiled too before it is timed.
        peer(vectors[:8192] if method == "umap" else vectors[:200])
    ours = {"with graph": graph, "without graph": None}
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in (*peers, *ours)}
    kept: dict[str, float] = {}
    for _ in range(rounds):
        for name, peer in peers.items():
            seconds, coordinates = timed(partial(peer, vectors))
            runs[name].append(seconds)
            found = measure_faithfulness(
                vectors, coordinates.astype(np.float32), metric="cosine", seed=SEED, graph=graph
            )
            kept[name] = found.neighbours_kept if found else float("nan")
        for name, shared in ours.items():
            seconds, projection = timed(
                partial(reduce, vectors, method=method, parameters={"seed": SEED}, neighbours=shared)
            )
            runs[name].append(seconds)
            kept[name] = projection.report["faithfulness"]["neighbours_kept"]
    medians = {name: statistics.median(clock for clock, _ in each) for name, each in runs.items()}
    best = min(medians[name] for name in peers)
    return {
        "seconds": medians,
        "processor_seconds": {name: statistics.median(busy for _, busy in each) for name, each in runs.items()},
        "ratios_to_bare": {name: median / best for name, median in medians.items()},
        "neighbours_kept": kept,
        "first_call_seconds": cold,
    }


def print_figures(method: str, figures: dict[str, Any]) -> None:
    print(f"{method}: first call of a process on 200 rows {figures['first_call_seconds']:.1f} s")
    for name, median in figures["seconds"].items():
        print(
            f"  {name:15} {median:7.2f} s   x{figures['ratios_to_bare'][name]:.2f}   "
            f"processor {figures['processor_seconds'][name]:7.2f} s   "
            f"neighbours kept {figures['neighbours_kept'][name]:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=["umap", "tsne"], choices=["umap", "tsne"])
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    # umap-learn tells of Tensorflow, which nothing here needs.
    warnings.simplefilter("ignore", ImportWarning)
    vectors = latent_vectors(arguments.rows, arguments.columns)
    (graph_seconds, _), graph = timed(lambda: build_neighbour_graph(vectors))
    figures: dict[str, Any] = {"rows": len(vectors), "columns": vectors.shape[1], "graph_seconds": graph_seconds}
    print(f"{len(vectors)} x {vectors.shape[1]}; neighbour graph of k = {graph.k}: {graph_seconds:.2f} s")
    for method in arguments.methods:
        figures[method] = compare(method, vectors, graph, arguments.rounds)
        print_figures(method, figures[method])
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
