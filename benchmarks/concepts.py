"""How many of the most used concepts of the simulated survey follow a property that was simulated.

Trains SimCLR for 50 epochs, as `make run` does, or reads an encoder that was trained; learns concepts, and counts those
of the 50 most used that follow a class, an amount, or a third of an amount within a class with an AUROC of 0.9 or more
on the half of the images that did not choose the property.  Beside them stand other directions of the same space: at
random, and towards images drawn at random.

    python benchmarks/concepts.py --seeds 0,1,2
    python benchmarks/concepts.py --encoder benchmarks/results/encoders/survey-simclr-0.pt
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from representation.datasets import DATASETS

from lse.analysis.followed import properties_of, what_follows
from lse.representation.explanation.concepts import directions, learn_concepts
from lse.representation.training.run import train
from lse.representation.training.trained import load_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lse.analysis.followed import Property

USED, FOLLOWS = 50, 0.9
# Where an object is on the sky and on the chip is no property of it.
LEFT_OUT = {"path", "class", "simulated", "ra_deg", "dec_deg", "chip", "chip_x", "chip_y"}


def planted() -> tuple[Property, ...]:
    """What was simulated, of the images in their order."""
    with (Path(tempfile.gettempdir()) / "lse-demo-survey" / "catalogue.csv").open() as file:
        rows = list(csv.DictReader(file))
    amounts = {
        column: np.array([float(row[column] or "nan") for row in rows]) for column in rows[0] if column not in LEFT_OUT
    }
    amounts["colour"] = amounts["g_mag"] - amounts["r_mag"]
    return properties_of({"class": np.array([row["class"] for row in rows])}, amounts)


def show(name: str, strengths: NDArray[np.float32], properties: Sequence[Property]) -> int:
    """Print how many of some numbers follow a property, and return that."""
    scores = np.array([each.auroc for each in what_follows(strengths, properties) if each is not None])
    following = int((scores >= FOLLOWS).sum())
    print(f"{name}: {following} of {len(scores)}, median {np.median(scores):.2f}", flush=True)
    return following


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, help="file of a trained encoder of the survey")
    parser.add_argument("--seeds", default="0,1,2", help="seeds of the concepts, separated by commas")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON in the end")
    arguments = parser.parse_args()
    counts: dict[int, int] = {}
    images = DATASETS["survey"]().images
    if arguments.encoder is None:
        with tempfile.TemporaryDirectory() as workdir:
            trained = train(images, method="simclr", parameters={"epochs": 50}, workdir=Path(workdir))
    else:
        trained = load_trained(arguments.encoder)
    vectors, properties = trained.encode(images), planted()
    print(f"{len(properties)} properties")
    for seed in map(int, arguments.seeds.split(",")):
        found = learn_concepts(vectors, seed=seed)
        name = f"concepts, seed {seed} ({len(found.atoms)}, {found.explained:.0%} explained)"
        counts[seed] = show(name, found.strengths(vectors)[:, :USED], properties)
        chance, points = np.random.default_rng(seed), directions(vectors, found.centre)
        show("  directions at random", points @ chance.normal(size=(points.shape[1], USED)).astype("f4"), properties)
        show("  towards images at random", points @ points[chance.permutation(len(points))[:USED]].T, properties)
    if arguments.json:
        print(json.dumps(counts))


if __name__ == "__main__":
    main()
