"""The real images with classes that representations are judged on."""

from __future__ import annotations

import functools
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import yaml

from lse.demo.survey import simulate_survey
from lse.images.formats import ReadError, read_image
from lse.images.recipe import Recipe, RejectedImageError, load_recipe, prepare_image, suggest_recipe
from lse.images.sources.files import find_sources
from lse.tables.catalogue import read_catalogue
from lse.tables.join import join_catalogue

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("LSE_TEST_DATA", ROOT.parent / "shared" / "data"))
# Images from which a recipe is suggested.
_SAMPLES = 96


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


def prepared(
    folder: str, recipe: Recipe | None = None, *, key: str | None = None, split: bool = False, merged: str = ""
) -> LabelledImages:
    """Images of a folder of the test data.

    Parameters
    ----------
    folder
        Its name, or its absolute path.
    recipe
        How they are prepared; suggested from the images when not given.
    key
        Column of the catalogue that names the image, when it has no usual name.
    split
        Whether the catalogue has a column ``split``.
    merged
        Classes that begin with this are one, such as the mirror images of one kind of galaxy.
    """
    if not (DATA / folder).is_dir():
        raise SystemExit(f"There is no folder {DATA / folder}: set LSE_TEST_DATA to that of the test data.")
    sources = find_sources([DATA / folder / "images"])
    rows = join_catalogue(sources, read_catalogue(DATA / folder / "catalogue.csv", key=key)).table.to_pylist()
    if recipe is None:
        recipe = suggest_recipe([read_image(source.path) for source in sources[:: max(1, len(sources) // _SAMPLES)]])
    images, classes, parts = [], [], []
    for source, row in zip(sources, rows, strict=True):
        try:
            images.append(prepare_image(read_image(source.path), recipe).tensor)
        except (ReadError, RejectedImageError):
            continue
        name = str(row["class"])
        classes.append(merged if merged and name.startswith(merged) else name)
        parts.append(str(row.get("split")))
    return LabelledImages(np.stack(images), np.array(classes), np.array(parts) if split else None)


def recipe_of(pipeline: Path) -> Recipe:
    """Recipe of a declared pipeline."""
    return load_recipe(yaml.safe_load(pipeline.read_text())["dataset"]["recipe"])


def survey() -> LabelledImages:
    """The simulated survey of ``make run``, made where it is not there yet, by the recipe of its pipeline."""
    folder = Path(tempfile.gettempdir()) / "lse-demo-survey"
    simulate_survey(folder)
    return prepared(str(folder), recipe_of(ROOT / "services" / "lse" / "demo" / "pipeline.yaml"))


def example(folder: str, name: str, *, split: bool = False) -> LabelledImages:
    """Images of a folder of the test data by the recipe of an example."""
    return prepared(folder, recipe_of(ROOT / "examples" / name), split=split)


def digits() -> LabelledImages:
    """Handwritten digits of scikit-learn, 8x8 pixels interpolated to the 16x16 that the small backbone needs."""
    from sklearn.datasets import load_digits

    found = load_digits()
    images = torch.from_numpy(found.images / 16).float()[:, None]
    larger = torch.nn.functional.interpolate(images, size=16, mode="bilinear", align_corners=False)
    return LabelledImages(larger.numpy(), found.target.astype(str), None)


DATASETS = {
    "radio": functools.cache(functools.partial(example, "first_radio_png", "first-radio.yaml", split=True)),
    "photos": functools.cache(functools.partial(example, "clothing_photos", "photos.yaml")),
    "digits": functools.cache(digits),
    "survey": functools.cache(survey),
    "galaxies": functools.cache(functools.partial(prepared, "sdss_galaxies", key="objid", merged="spiral")),
    "radio-fits": functools.cache(functools.partial(prepared, "first_radio_fits")),
    "radio-suggested": functools.cache(functools.partial(prepared, "first_radio_png", split=True)),
}
