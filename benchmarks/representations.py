"""Every way to learn a representation, judged on real images with classes that the learning never sees.

For each data set, method and seed: train with the default parameters (or with those of `--set` and `--hand-set`), then
score the vectors by the classes of their 20 nearest neighbours (cosine, five stratified folds, balanced accuracy; votes
weighted by the frequency of the classes, as `lse encoder evaluate` has it, and beside it those of the majority) and by
a linear probe over the same folds, and over the given split where the data set has one.  Beside them stand chance, raw
pixels, their principal components, untrained nets, and SimCLR after lightly's own recipe with the same encoder,
epochs and images.

    python benchmarks/representations.py --datasets radio,photos,digits --seeds 0,1,2
    python benchmarks/representations.py --hand-set
    python benchmarks/representations.py --label-curve
    python benchmarks/representations.py --left-out
    python benchmarks/representations.py --table

Every finished cell is a line of benchmarks/results/representations.jsonl, and is not computed again.  Vectors of cells
with the default parameters are kept beside it, for what only needs them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from representation.datasets import DATASETS, LabelledImages
from representation.labels import label_curve
from representation.left_out import WHITENING, before_whitening, left_out_table, views_to_try, whitened
from representation.peer import lightly_simclr
from representation.table import PEER, markdown, summary
from sklearn.neighbors import KNeighborsClassifier

from lse.representation.evaluation.baselines import representation
from lse.representation.evaluation.geometry import collapse
from lse.representation.evaluation.labelled import cross_validated, from_train_to_test, split_rows
from lse.representation.evaluation.neighbours import nearest_neighbours
from lse.representation.methods import TRAINING_METHODS
from lse.representation.prediction.linear_probe import linear_probe
from lse.representation.training.facts import measure_facts
from lse.representation.training.run import train, untrained
from lse.representation.training.trained import load_trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lse.representation.evaluation.labelled import Learn

RESULTS = Path(__file__).parent / "results" / "representations.jsonl"
LABEL_METHODS = "simclr"

# Settings that a person would try by hand who knows the images; the defaults have to come near the best of them.
HAND_SET: dict[str, list[dict[str, str]]] = {
    "radio": [
        {"zoom": "0.2"},
        {"zoom": "1.0"},
        {"temperature": "0.2"},
        {"noise": "0", "blur": "1"},
        {"epochs": "100"},
        {"latent_dim": "128"},
    ],
    "photos": [
        {"crop": "0.1"},
        {"crop": "0.4"},
        {"temperature": "0.2"},
        {"brightness": "0.4", "hue": "0.1", "grey": "0.1"},
        {"epochs": "200"},
        {"latent_dim": "128"},
    ],
    "digits": [
        {"rotation": "15", "zoom": "0.2"},
        {"crop": "0.5"},
        {"temperature": "0.2"},
        {"epochs": "200"},
        {"latent_dim": "128"},
    ],
}


def majority(k: int) -> Learn:
    """Class of most of the k nearest by cosine, one vote each."""

    def learn(vectors: NDArray[np.float32], classes: NDArray[Any]) -> Any:
        model = KNeighborsClassifier(min(k, len(vectors)), metric="cosine", algorithm="brute")
        return model.fit(vectors, classes)

    return learn


def scores(vectors: NDArray[np.float32], data: LabelledImages) -> dict[str, Any]:
    """What the table shows of vectors."""
    flat = np.asarray(vectors, dtype=np.float32).reshape(len(vectors), -1)
    state = collapse(flat)
    found: dict[str, Any] = {"effective_rank": state.effective_rank, "collapsed": state.collapsed}
    for name, learn in (("knn", nearest_neighbours(20)), ("majority", majority(20)), ("probe", linear_probe())):
        found[name] = cross_validated(learn, flat, data.classes, folds=5, seed=0)
        if data.split is not None:
            learnt, test = split_rows(data.split)
            found[f"{name}_split"] = from_train_to_test(learn, flat, data.classes, train=learnt, test=test)
    return found


def cells(name: str, data: LabelledImages) -> list[dict[str, Any]]:
    """Scores of what is not learnt."""
    made = [{"method": "chance", "seed": 0, "knn": 1 / len(np.unique(data.classes))}]
    for kind in ("pixels", "pca"):
        vectors = representation(kind, data.images)
        keep_vectors(name, kind, 0, vectors)
        made.append({"method": kind, "seed": 0} | scores(vectors, data))
    # The nets of methods that learn from views and of those that draw images may differ in what they keep.
    for kind, method in (("untrained-views", "simclr"), ("untrained-decoder", "autoencoder")):
        for seed in range(3):
            vectors = untrained(data.images, method=method, parameters={"seed": seed}).encode(data.images)
            keep_vectors(name, kind, seed, vectors)
            made.append({"method": kind, "seed": seed} | scores(vectors, data))
    return [{"dataset": name, "settings": {}} | cell for cell in made]


def trained_cell(
    name: str, data: LabelledImages, *, method: str, seed: int, settings: dict[str, str], threads: int
) -> dict[str, Any]:
    """Train one encoder, keep it where it has the default parameters, score its vectors."""
    started, cpu = time.perf_counter(), time.process_time()
    if method == PEER:
        vectors, epochs = lightly_simclr(data.images, settings=settings, seed=seed, threads=threads)
    else:
        with tempfile.TemporaryDirectory() as workdir:
            result = train(
                data.images,
                method=method,
                parameters={**settings, "seed": seed},
                workdir=Path(workdir),
                threads=threads,
            )
        vectors, epochs = result.encode(data.images), result.parameters.epochs
        if not settings:
            kept = encoder_path(name, method, seed)
            kept.parent.mkdir(parents=True, exist_ok=True)
            result.save(kept)
    if not settings:
        keep_vectors(name, method, seed, vectors)
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu, "epochs": epochs}
    cell = {"dataset": name, "method": method, "seed": seed, "settings": settings}
    return cell | scores(vectors, data) | took


def encoder_path(name: str, method: str, seed: int) -> Path:
    """File of the encoder of a cell with default parameters."""
    return RESULTS.parent / "encoders" / f"{name}-{method}-{seed}.pt"


def keep_vectors(name: str, method: str, seed: int, vectors: NDArray[np.float32]) -> None:
    """Write the vectors of a cell with default parameters."""
    path = vectors_path(name, method, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors.reshape(len(vectors), -1).astype(np.float16 if method == "pixels" else np.float32))


def vectors_path(name: str, method: str, seed: int) -> Path:
    """File of the vectors of a cell with default parameters."""
    return RESULTS.parent / "vectors" / f"{name}-{method}-{seed}.npy"


def key(cell: dict[str, Any]) -> tuple[str, str, int, str]:
    """What tells one cell from another."""
    return cell["dataset"], cell["method"], cell["seed"], json.dumps(cell["settings"], sort_keys=True)


def read_cells() -> dict[tuple[str, str, int, str], dict[str, Any]]:
    """Finished cells; of two with the same key the later."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {key(cell): cell for cell in map(json.loads, lines)}


def write_cell(cell: dict[str, Any]) -> None:
    """Append a finished cell and tell of it."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(cell) + "\n")
    shown = {name: round(value, 3) if isinstance(value, float) else value for name, value in cell.items()}
    print(json.dumps(shown), flush=True)


def compute(arguments: argparse.Namespace) -> None:
    """Fill in the cells that are missing."""
    done = read_cells()
    names, seeds = arguments.datasets.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    given = dict(pair.split("=", 1) for pair in arguments.set)
    if arguments.epochs:
        given["epochs"] = str(arguments.epochs)
    for name in names:
        if (name, "pixels", 0, "{}") not in done:
            for cell in cells(name, DATASETS[name]()):
                write_cell(cell)
    wanted = [
        (name, method, seed, settings)
        for seed in seeds  # a first seed of all comes before a second of any
        for name in names
        for method in arguments.methods.split(",")
        for settings in (HAND_SET.get(name, []) if arguments.hand_set else [given])
    ]
    for name, method, seed, settings in wanted:
        cell = {"dataset": name, "method": method, "seed": seed, "settings": settings}
        if key(cell) in done:
            continue
        try:
            data = DATASETS[name]()
            write_cell(trained_cell(name, data, method=method, seed=seed, settings=settings, threads=arguments.threads))
        except Exception as error:  # noqa: BLE001 - one cell that fails is told and must not cost the others
            print(f"FAILED {cell}: {type(error).__name__}: {error}", flush=True)


def compute_labels(arguments: argparse.Namespace) -> None:
    """Few labels, with the encoders of seed 0 of the methods given, that are in the table."""
    done = read_cells()
    for name in arguments.datasets.split(","):
        data = DATASETS[name]()
        for method in arguments.methods.split(","):
            path = encoder_path(name, method, 0)
            if not path.exists():
                print(f"{name}: no encoder of {method}, seed 0: run without --label-curve first")
                continue
            named = {"dataset": name, "method": f"labels-{method}"}
            for scored in label_curve(
                data, load_trained(path), is_done=lambda cell, named=named: key(named | cell) in done
            ):
                write_cell(named | scored)


def compute_left_out(arguments: argparse.Namespace) -> None:
    """Constants of the rules by all collections but one: the whitening of the vectors that are kept, and the views."""
    grid: dict[str, dict[float, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    for name in arguments.datasets.split(","):
        data = DATASETS[name]()
        paths = [path for seed in seeds if (path := vectors_path(name, "simclr", seed)).exists()]
        raw = [before_whitening(np.load(path)) for path in paths]
        for value in WHITENING if raw and len(data.images) >= 2 * raw[0].shape[1] else ():
            found = [neighbours_score(whitened(vectors, value), data) for vectors in raw]
            grid["whitening"][value][name] = float(np.mean(found))
        if arguments.epochs:
            for constant, value, score in views_tried(name, data, arguments):
                grid[constant][value][name] = score
        shown = {constant: {value: of.get(name) for value, of in values.items()} for constant, values in grid.items()}
        print(name, shown, flush=True)
    print(left_out_table(grid))


def views_tried(name: str, data: LabelledImages, arguments: argparse.Namespace) -> Iterator[tuple[str, float, float]]:
    """Constant of the views, value and score, of images without an upright; trained where that is not done yet."""
    if measure_facts(data.images).upright:
        return
    for constant, values in views_to_try(data, arguments.epochs).items():
        for value, settings in values.items():
            found = []
            for seed in map(int, arguments.seeds.split(",")):
                cell = {"dataset": name, "method": "simclr", "seed": seed, "settings": settings}
                if key(cell) not in read_cells():
                    write_cell(
                        trained_cell(
                            name, data, method="simclr", seed=seed, settings=settings, threads=arguments.threads
                        )
                    )
                found.append(read_cells()[key(cell)]["knn"])
            yield constant, value, float(np.mean(found))


def neighbours_score(vectors: NDArray[np.float32], data: LabelledImages) -> float:
    """Balanced accuracy of the 20 nearest neighbours."""
    return cross_validated(nearest_neighbours(20), vectors, data.classes, folds=5, seed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    methods = TRAINING_METHODS.ids
    parser.add_argument("--datasets", default=",".join(DATASETS), help=f"of {', '.join(DATASETS)}")
    parser.add_argument("--methods", help=f"of {', '.join([*methods, PEER])}; all if not given")
    parser.add_argument("--seeds", default="0,1,2", help="seeds, separated by commas")
    parser.add_argument("--epochs", type=int, help="epochs of every training; chosen from the data if not given")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="parameter set by hand")
    parser.add_argument("--hand-set", action="store_true", help="parameters as a person would try them, of simclr")
    parser.add_argument(
        "--label-curve", action="store_true", help="few labels: probe and fine-tuning beside a net from scratch"
    )
    parser.add_argument(
        "--left-out", action="store_true", help="constants of the rules by all collections but one, views with --epochs"
    )
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    parser.add_argument("--json", action="store_true", help="print scores and targets as JSON in the end")
    arguments = parser.parse_args()
    if arguments.table:
        print(markdown(list(read_cells().values())))
        return
    torch.set_num_threads(arguments.threads)
    if arguments.methods is None:
        arguments.methods = LABEL_METHODS if arguments.hand_set or arguments.label_curve else ",".join([*methods, PEER])
    if arguments.label_curve:
        compute_labels(arguments)
    elif arguments.left_out:
        compute_left_out(arguments)
    else:
        compute(arguments)
    if arguments.json:
        print(json.dumps(summary(list(read_cells().values()))))


if __name__ == "__main__":
    main()
