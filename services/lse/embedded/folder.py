"""What a folder of images shows before anything is made of it: photographs, and which column names the images."""

from __future__ import annotations

import contextlib
import csv
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from lse.errors import InvalidArgumentError, LseError

__all__ = ["NET_OF_PHOTOGRAPHS", "check_images", "key_of_catalogue", "recipe_of_photographs"]

NET_OF_PHOTOGRAPHS = "package:efficientnet_lite0"
# Pixels a side that photographs are prepared with: enough for such a network, at a third of the memory of its own 224.
_SIDE = 128
# Images that are looked at to tell photographs from others, and those that the recipe is suggested from.
_LOOKED_AT, _SUGGESTED_FROM = 128, 96
_ROWS = 1000


def check_images(folder: Path) -> None:
    """Check that there may be enough images to learn from, before anything is started for them.

    Raises
    ------
    InvalidArgumentError
        If there are fewer than two files that may be images.
    """
    from lse.images.sources.files import find_sources

    if len(find_sources([folder])) < 2:
        raise InvalidArgumentError(
            f"{folder} has one file that may be an image, and training needs at least two: add images.",
            reason="IMAGES_TOO_FEW",
            images=1,
        )


def recipe_of_photographs(folder: Path) -> dict[str, Any] | None:
    """Recipe for the images of a folder where they are photographs and a network for them is installed; else None.

    Some of the images are prepared as the ingest would, and `lse.representation.training.facts` tells what they are.
    """
    from lse.images.formats import read_image
    from lse.images.recipe import prepare_image, suggest_recipe
    from lse.images.sources.files import find_sources
    from lse.representation.training.facts import measure_facts

    with contextlib.suppress(LseError):  # what cannot be read is told of by the ingest
        sources = find_sources([str(folder)])
        sources = sources[:: -(-len(sources) // _LOOKED_AT)]
        recipe = suggest_recipe([read_image(source.path) for source in sources[:: -(-len(sources) // _SUGGESTED_FROM)]])
        tensors = []
        for source in sources if recipe.channels == "rgb" else ():
            with contextlib.suppress(LseError):
                tensors.append(prepare_image(read_image(source.path), recipe).tensor)
        if tensors and measure_facts(np.stack(tensors)).photographs:
            # Loads the libraries of networks.
            from lse.representation.encoders.pretrained_nets import check_net

            check_net(NET_OF_PHOTOGRAPHS)
            return recipe.model_copy(update={"size": _SIDE}).model_dump(mode="json")
    return None


def key_of_catalogue(folder: Path, table: Path) -> str | None:
    """Column of a CSV file with the names of the files, such as ``objid``; None where one has a usual name for that."""
    from lse.images.sources.files import find_sources
    from lse.tables.catalogue import read_catalogue

    with contextlib.suppress(LseError):
        read_catalogue(table)
        return None
    with contextlib.suppress(LseError, OSError, UnicodeDecodeError, csv.Error):
        names = {name for source in find_sources([str(folder)]) for name in (source.stem, source.path.name)}
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            rows = list(itertools.islice(reader, _ROWS))
        found = [sum(value.strip() in names for value in column) for column in zip(*rows, strict=True)]
        if found and max(found) > len(rows) / 2:
            return header[found.index(max(found))]
    return None
