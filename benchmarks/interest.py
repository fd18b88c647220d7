"""How many of the rare arcs of the simulated survey the images ranked highest hold, after 200 answers of an expert.

An expert who looks for gravitational arcs judges the ten images that rank highest, and again: arcs are of interest 5,
artefacts (saturated stars, trails, edges) 0, all else 1. Arcs are 2 % of the images: a random choice of 40 is kept
besides all other images. Beside the ranking of `lse.analysis.suggestions.expected_interest` stand PineForest and
AADForest of `coniferest` where it is installed, for which images of interest 3 and more are anomalies, and an
isolation forest that hears no answers.

    python benchmarks/interest.py --seeds 0,1,2
    python benchmarks/interest.py --vectors vectors.npy
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from representation.datasets import DATASETS
from sklearn.ensemble import IsolationForest

from lse.analysis.neighbours import build_neighbour_graph
from lse.analysis.suggestions import expected_interest
from lse.representation.training.run import train

Scores = NDArray[np.floating]
Ranking = Callable[[Mapping[int, int]], Scores]
Beginning = Callable[[NDArray[np.float32], int], Ranking]
SOUGHT, ARTEFACTS = "arc", ["saturated_star", "satellite_trail", "chip_edge"]
KEPT, ANSWERS, AT_ONCE, TOP = 40, 200, 10, 0.05


def ours(vectors: NDArray[np.float32], seed: int) -> Ranking:
    """Our ranking."""
    distances = build_neighbour_graph(vectors, k=20, seed=seed).distances
    return lambda interest: expected_interest(vectors, distances, interest)


def isolation_forest(vectors: NDArray[np.float32], seed: int) -> Ranking:
    """scikit-learn's isolation forest, which hears no answers."""
    scores = -IsolationForest(random_state=seed).fit(vectors).score_samples(vectors)
    return lambda _: scores


def coniferest(name: str, **parameters: float) -> Beginning:
    """A forest of coniferest."""

    def begin(vectors: NDArray[np.float32], seed: int) -> Ranking:
        module = importlib.import_module(f"coniferest.{name.lower()}")
        unaware, points = isolation_forest(vectors, seed), vectors.astype(np.float64)

        def rank(interest: Mapping[int, int]) -> Scores:
            known = {row: -1 if value >= 3 else 1 for row, value in interest.items()}
            if len(set(known.values())) < 2:
                return unaware(interest)
            forest = getattr(module, name)(random_seed=seed, n_jobs=1, **parameters)
            forest.fit_known(points, points[list(known)], np.array(list(known.values())))
            return np.asarray(-forest.score_samples(points))

        return rank

    return begin


def searched(rank: Ranking, classes: NDArray[np.str_]) -> dict[str, float]:
    """Shares of the arcs and of artefacts in the images ranked highest, after the answers."""
    interest: dict[int, int] = {}
    while len(interest) < ANSWERS:
        order = [row for row in np.argsort(-rank(interest)).tolist() if row not in interest]
        for row in order[:AT_ONCE]:
            interest[row] = 5 if classes[row] == SOUGHT else 0 if classes[row] in ARTEFACTS else 1
    top = classes[np.argsort(-rank(interest))[: int(TOP * len(classes))]]
    return {
        "arcs_found": float((top == SOUGHT).sum() / (classes == SOUGHT).sum()),
        "artefacts": float(np.isin(top, ARTEFACTS).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, help="vectors of the 2,000 images, instead of training SimCLR")
    parser.add_argument("--seeds", default="0,1,2", help="seeds, separated by commas")
    parser.add_argument("--json", action="store_true", help="print the shares as JSON in the end")
    arguments = parser.parse_args()
    survey = DATASETS["survey"]()
    if arguments.vectors is None:
        with tempfile.TemporaryDirectory() as workdir:
            trained = train(survey.images, method="simclr", parameters={"epochs": 50}, workdir=Path(workdir))
        vectors = trained.encode(survey.images)
    else:
        vectors = np.load(arguments.vectors)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rankings: dict[str, Beginning] = {"expected interest": ours, "isolation forest, no answers": isolation_forest}
    if importlib.util.find_spec("coniferest"):
        rankings |= {"PineForest": coniferest("PineForest", n_trees=256, n_spare_trees=768)}
        rankings |= {"AADForest": coniferest("AADForest", prior_influence=1.0)}
    shares: dict[str, dict[str, dict[str, float]]] = {}
    for seed in map(int, arguments.seeds.split(",")):
        sought = np.flatnonzero(survey.classes == SOUGHT)
        left_out = np.random.default_rng(seed).permutation(sought)[KEPT:]
        kept = np.setdiff1d(np.arange(len(vectors)), left_out)
        for name, begin in rankings.items():
            found = searched(begin(vectors[kept], seed), survey.classes[kept])
            shares.setdefault(name, {})[str(seed)] = found
            print(
                f"seed {seed}, {name}: arcs {found['arcs_found']:.0%}, artefacts {found['artefacts']:.0%}", flush=True
            )
    if arguments.json:
        print(json.dumps(shares))


if __name__ == "__main__":
    main()
