"""The real images with classes that representations are judged on."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import yaml

from lse.ingestion.readers import ReadError, read_image
from lse.ingestion.recipes import RejectedImageError, load_recipe, prepare_image
from lse.ingestion.sources.catalogue import join_catalogue, read_catalogue
from lse.ingestion.sources.files import find_sources

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LSE_TEST_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True)
class LabelledImages:
    """Images with their classes.

    Attributes
    ----------
    images
        Shape (n, channels, size, size), float32.
    classes
        One an image.
    split
        Part of each image in the given split, None where there is none.
    """

    images: NDArray[np.float32]
    classes: NDArray[np.str_]
    split: NDArray[np.str_] | None


def prepared(folder: str, example: str, *, split: bool) -> LabelledImages:
    """Images of a folder of the test data, prepared by the recipe of an example."""
    recipe = load_recipe(yaml.safe_dump(yaml.safe_load((ROOT / "examples" / example).read_text())["dataset"]["recipe"]))
    if not (DATA / folder).is_dir():
        raise SystemExit(f"There is no folder {DATA / folder}: set LSE_TEST_DATA to that of the test data.")
    sources = find_sources([DATA / folder / "images"])
    rows = join_catalogue(sources, read_catalogue(DATA / folder / "catalogue.csv")).metadata
    images, classes, parts = [], [], []
    for source in sources:
        try:
            images.append(prepare_image(read_image(source.path), recipe).tensor)
        except (ReadError, RejectedImageError):
            continue
        classes.append(str(rows[source.name]["class"]))
        parts.append(str(rows[source.name]["split"]))
    return LabelledImages(np.stack(images), np.array(classes), np.array(parts) if split else None)


def digits() -> LabelledImages:
    """Handwritten digits of scikit-learn, 8x8 pixels interpolated to the 16x16 that the small backbone needs."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.images / 16).float()[:, None]
    larger = torch.nn.functional.interpolate(images, size=16, mode="bilinear", align_corners=False)
    return LabelledImages(larger.numpy(), found.target.astype(str), None)


DATASETS = {
    "radio": functools.cache(functools.partial(prepared, "first_radio_png", "first-radio.yaml", split=True)),
    "photos": functools.cache(functools.partial(prepared, "clothing_photos", "photos.yaml", split=False)),
    "digits": functools.cache(digits),
}
