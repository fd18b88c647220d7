"""What the random views of a method would be on a data set, as a picture, before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.images.sheets import Row, Sheet, Tile, draw_sheet, shrunk
from lse.representation.evaluation.views import two_views
from lse.representation.explanation.pictures import display_of
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.facts import measure_facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lse.representation.training.images import ArrayLike

__all__ = ["ViewsPreview", "preview_views"]

# Images from which the brightness of the display and the normalisation are taken.
_SAMPLE = 128


@dataclass(frozen=True)
class ViewsPreview:
    """Views of some images of a data set.

    Attributes
    ----------
    rows
        Rows of the images, evenly spread.
    png
        A row an image, which is left, with two views of it.
    """

    rows: tuple[int, ...]
    png: bytes


def preview_views(
    images: ArrayLike, *, names: Sequence[str], method: str, given: Mapping[str, object], count: int = 8
) -> ViewsPreview:
    """Draw two views of some images, as a training with the same parameters would see them.

    Parameters
    ----------
    images
        Prepared images (n, channels, size, size).
    names
        One an image.
    method, given
        Method, and those of its parameters that are given; the others are chosen from the images.
    count
        Images to show, fewer where there are fewer.

    Raises
    ------
    InvalidArgumentError
        As `lse.representation.training.defaults.choose_parameters`.
    """
    facts = measure_facts(images)
    parameters = choose_parameters(method, given, facts)
    settings = parameters.model_dump()
    total = int(images.shape[0])
    rows = np.unique(np.linspace(0, total - 1, min(count, total)).astype(int))
    # Views depend on mean and spread over the set: some more images than are shown tell those.
    others = np.unique(np.linspace(0, total - 1, min(_SAMPLE, total)).astype(int))
    sample = np.stack([_image(images, int(row)) for row in np.concatenate([rows, np.setdiff1d(others, rows)])])
    pairs = two_views(sample, method=method, settings=settings, seed=parameters.seed)
    first, second = (views[: len(rows)] for views in pairs)
    display = display_of(sample)
    sheet = Sheet(
        title=f"Views of {method}",
        subtitle="Each image with two random views of it, as the training would see them.",
        rows=tuple(
            Row(tuple(Tile(shrunk(display.pixels(image))) for image in images), names[row])
            for row, *images in zip(rows.tolist(), sample, first, second, strict=False)
        ),
        headings=("image", "a view", "another"),
        footnote=", ".join(f"{name} {_shown(settings[name])}" for name in _VIEW_SETTINGS if name in settings),
    )
    return ViewsPreview(tuple(rows.tolist()), draw_sheet(sheet))


_VIEW_SETTINGS = (
    *("rotation", "flip", "zoom", "shift", "crop", "brightness", "colour", "offset"),
    *("saturation", "hue", "grey", "noise", "blur"),
)


def _image(images: ArrayLike, row: int) -> NDArray[np.float32]:
    image: NDArray[np.float32] = np.asarray(images[row : row + 1], dtype=np.float32)[0]
    return image


def _shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value:g}"
