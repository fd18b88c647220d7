"""The recipe that is suggested for a collection, from images of all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lse.images.sources.files import find_sources
from lse.platform.guarded.reading import Reading
from lse.services.ingestion.guarded_files import choose_recipe


def test_images_from_everywhere_say_where_the_sources_are(tmp_path: Path) -> None:
    """Images whose names come first may be of another kind: here half of them have no source in their centre."""
    random = np.random.default_rng(0)
    axis = np.arange(200) - 99.5
    source = 200 * np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * 6.0**2))
    for number in range(160):
        sky = random.normal(20, 2, size=(200, 200)) + (source if number >= 80 else 0)
        if number < 80:
            sky[random.integers(200, size=300), random.integers(200, size=300)] = 150
        Image.fromarray(sky.clip(0, 255).astype(np.uint8)).save(tmp_path / f"image-{number:03}.png")
    reading = Reading(("*",), seconds=120, memory_bytes=4 << 30, file_bytes=512 << 20)
    chosen = choose_recipe(reading, find_sources([tmp_path]), "")
    assert chosen.recipe.crop is not None
    assert chosen.recipe.crop < 150
