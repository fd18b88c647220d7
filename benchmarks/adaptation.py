"""A pretrained network as it is, and after its training went on with the images, on real images with classes.

Scores are balanced accuracies of the 20 nearest neighbours (cosine, five stratified folds), with votes weighted by the
frequency of the classes, on vectors of the network before and after.

    python benchmarks/adaptation.py --datasets photos,galaxies --pixels 96 --size 96
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from representation.datasets import DATA, LabelledImages, prepared

from lse.images.formats import read_image
from lse.images.recipe import suggest_recipe
from lse.images.sources.files import find_sources
from lse.representation.encoders.adaptation import adapt_pretrained
from lse.representation.encoders.pretrained_use import PretrainedUse
from lse.representation.evaluation.labelled import cross_validated
from lse.representation.evaluation.neighbours import nearest_neighbours
from lse.representation.training.continuing import continued

if TYPE_CHECKING:
    from lse.representation.encoders.pretrained import PretrainedEncoder

FOLDERS = {
    "photos": partial(prepared, "clothing_photos"),
    "galaxies": partial(prepared, "sdss_galaxies", key="objid", merged="spiral"),
}


def images_of(name: str, pixels: int) -> LabelledImages:
    """Images by the suggested recipe, with another side in pixels."""
    made = FOLDERS[name]
    sources = find_sources([DATA / made.args[0] / "images"])
    recipe = suggest_recipe([read_image(source.path) for source in sources[:: max(1, len(sources) // 24)]])
    return made(recipe.model_copy(update={"size": pixels}))


def score(encoder: PretrainedEncoder, data: LabelledImages) -> float:
    """Score of the vectors."""
    blocks = np.array_split(data.images, -(-len(data.images) // 64))
    with torch.inference_mode():
        vectors = torch.cat([encoder(torch.from_numpy(block)) for block in blocks]).numpy()
    return cross_validated(nearest_neighbours(20), vectors, data.classes, folds=5, seed=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", default=",".join(FOLDERS), help=f"of {', '.join(FOLDERS)}")
    parser.add_argument("--network", default="package:efficientnet_lite0")
    parser.add_argument("--pixels", type=int, default=96, help="side of the prepared images")
    parser.add_argument("--size", type=int, help="side that the network sees; its own if not given")
    parser.add_argument("--epochs", type=int, help="chosen by the number of images if not given")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the end")
    arguments = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    use = PretrainedUse(size=arguments.size, adapt=True, epochs=arguments.epochs)
    for name in arguments.datasets.split(","):
        data = images_of(name, arguments.pixels)
        quiet = {"on_progress": lambda _: None, "should_stop": lambda: False}
        frozen = adapt_pretrained(data.images, arguments.network, weights="", use=use, **quiet)
        before, cpu = score(frozen.encoder, data), time.process_time()
        with tempfile.TemporaryDirectory() as workdir:
            adapted = continued(frozen, data.images, use=use, workdir=Path(workdir), **quiet)
        took = time.process_time() - cpu
        after, epochs = score(adapted.encoder, data), adapted.settings["epochs"]
        figures[name] = {"frozen": before, "adapted": after, "epochs": float(epochs), "cpu_seconds": took}
        print(f"{name}: {before:.3f} as it is, {after:.3f} after {epochs} epochs, {took:.0f} CPU s", flush=True)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
