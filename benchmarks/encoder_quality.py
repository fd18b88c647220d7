"""Encoders trained without labels against pixels, their principal components and an untrained net.

The measure is that of the pipeline's table: balanced accuracy of the 20 nearest neighbours by cosine, in five
stratified folds.  All representations are made from the same prepared images; differences are in points (hundredths).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from lse.ingestion.readers import ReadError, read_image
from lse.ingestion.recipes import RejectedImageError, load_recipe, prepare_image
from lse.ingestion.sources.catalogue import join_catalogue, read_catalogue
from lse.ingestion.sources.files import find_sources
from lse.training.judging.baselines import baselines
from lse.training.judging.geometry import collapse
from lse.training.judging.neighbours import knn_balanced_accuracy
from lse.training.run import train

_DATA = Path(__file__).parents[2] / "shared" / "data"
FIRST_RADIO = "{channels: grey, crop: 64, size: 64, stretch: {kind: sqrt, limits: {kind: fixed, low: 0, high: 255}}}"


def prepared(folder: Path, catalogue: Path, recipe_text: str, label: str) -> tuple[np.ndarray, list[object], int]:
    """Images, their classes and the count of rejected files."""
    recipe = load_recipe(recipe_text)
    sources = find_sources([folder])
    rows = join_catalogue(sources, read_catalogue(catalogue)).metadata
    tensors, labels, rejected = [], [], 0
    for source in sources:
        try:
            tensors.append(prepare_image(read_image(source.path), recipe).tensor)
        except (ReadError, RejectedImageError):
            rejected += 1
            continue
        labels.append(rows.get(source.name, {}).get(label))
    return np.stack(tensors), labels, rejected


def score(
    images: np.ndarray, labels: list[object], *, method: str, settings: dict[str, str], seed: int, threads: int | None
) -> dict[str, Any]:
    """Train one encoder and score its vectors."""
    with tempfile.TemporaryDirectory() as workdir:
        started, cpu = time.perf_counter(), time.process_time()
        trained = train(images, method=method, parameters=settings, seed=seed, workdir=Path(workdir), threads=threads)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    vectors = trained.encode(images)
    state = collapse(vectors)
    return {
        "method": method,
        "seed": seed,
        "knn_balanced_accuracy": knn_balanced_accuracy(vectors, labels).balanced_accuracy,
        "effective_rank": state.effective_rank,
        "collapsed": state.collapsed,
        "epochs": trained.parameters.epochs,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "images_per_second": trained.images_per_second,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(os.environ.get("LSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
        / "first_radio_png",
        help="folder of images; first_radio_png in LSE_TEST_DATA when not given",
    )
    parser.add_argument(
        "--catalogue", type=Path, help="CSV with their classes; catalogue.csv in the folder if not given"
    )
    parser.add_argument("--label", default="class", help="column of the class")
    parser.add_argument("--recipe", default=FIRST_RADIO, help="recipe as YAML text, or the path of one")
    parser.add_argument("--methods", default="autoencoder,simclr", help="methods, separated by commas")
    parser.add_argument("--seeds", default="0", help="seeds, separated by commas")
    parser.add_argument(
        "--set", action="append", default=[], metavar="[METHOD.]KEY=VALUE", help="parameter of training"
    )
    parser.add_argument("--threads", type=int, help="CPU threads of the training; all if not given")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        parser.error(f"there is no folder {arguments.folder}: name one, or set LSE_TEST_DATA")
    recipe = Path(arguments.recipe).read_text() if Path(arguments.recipe).is_file() else arguments.recipe
    catalogue = arguments.catalogue or arguments.folder / "catalogue.csv"
    images, labels, rejected = prepared(arguments.folder, catalogue, recipe, arguments.label)

    def settings(method: str) -> dict[str, str]:
        pairs = [pair.split("=", 1) for pair in arguments.set]
        chosen = {key: value for key, value in pairs if "." not in key}
        return chosen | {key.split(".")[1]: value for key, value in pairs if key.startswith(f"{method}.")}

    methods = arguments.methods.split(",")
    base = baselines(images, labels, parameters=settings("simclr") if "simclr" in methods else {})
    runs = [
        score(images, labels, method=method, settings=settings(method), seed=int(seed), threads=arguments.threads)
        for method in methods
        for seed in arguments.seeds.split(",")
    ]
    if arguments.json:
        figures = {"images": len(images), "rejected": rejected, "shape": images.shape[1:]}
        scores = {"chance": base.chance, "pixels": base.pixels, "pca": base.pca, "untrained": base.untrained}
        print(json.dumps({**figures, "baselines": scores, "notes": base.notes, "runs": runs}))
        return
    if base.pca is None or base.untrained is None:
        raise SystemExit(" ".join(base.notes))
    print(f"{len(images)} images of shape {images.shape[1:]}, {rejected} rejected. {' '.join(base.notes)}")
    for name, value in (("chance", base.chance), ("pixels", base.pixels), ("pixel PCA", base.pca)):
        print(f"{name:22s} {value:.3f}")
    print(f"{'untrained':22s} {base.untrained:.3f}")
    for run in runs:
        accuracy = run["knn_balanced_accuracy"]
        name = f"{run['method']} seed {run['seed']}"
        print(
            f"{name:22s} {accuracy:.3f}  {100 * (accuracy - base.pca):+.1f} points to PCA, "
            f"{100 * (accuracy - base.untrained):+.1f} to untrained; effective rank {run['effective_rank']:.1f}; "
            f"{run['epochs']} epochs in {run['seconds']:.0f} s ({run['cpu_seconds']:.0f} s CPU, "
            f"{run['images_per_second']:.0f} images/s){'; COLLAPSED' if run['collapsed'] else ''}"
        )


if __name__ == "__main__":
    main()
