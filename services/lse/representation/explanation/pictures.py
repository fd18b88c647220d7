"""Explanations as pictures: what each shows, row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.images.sheets import COOL, WARM, Row, Sheet, Tile, draw_sheet, shrunk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from lse.representation.explanation.saliency import Saliency
    from lse.representation.explanation.traversal import Axis

__all__ = [
    "MOST_CLUSTERS",
    "Display",
    "display_of",
    "path_picture",
    "prototypes_picture",
    "sample_picture",
    "similarity_picture",
    "traversal_picture",
]

_MOST_BANDS = 6
# A taller picture is for nobody.
MOST_CLUSTERS = 60


@dataclass(frozen=True)
class Display:
    """How the images of a dataset are shown: the values that are drawn black and full.

    Attributes
    ----------
    low, high
        Shape (channels,).
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]

    def pixels(self, image: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Picture (height, width, 3) of an image (channels, height, width).

        As in thumbnails, one band is grey; two are in false colour, the first red, the second blue and their mean
        green; of three and more the first three are red, green and blue.
        """
        values = self._unit(image)
        if len(values) == 1:
            values = np.repeat(values, 3, axis=0)
        elif len(values) == 2:
            values = np.stack([values[0], values.mean(axis=0), values[1]])
        return np.rint(np.moveaxis(values[:3], 0, -1) * 255).astype(np.uint8)

    def grey(self, image: NDArray[np.float32], band: int | None = None) -> NDArray[np.float32]:
        """One band of an image, or the mean of all, from 0 to 1; shape (height, width)."""
        values = self._unit(image)
        grey: NDArray[np.float32] = values.mean(axis=0) if band is None else values[band]
        return grey

    def _unit(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        low, high = self.low[:, None, None], self.high[:, None, None]
        unit: NDArray[np.float32] = ((image - low) / np.maximum(high - low, 1e-6)).clip(0, 1).astype(np.float32)
        return unit


def display_of(images: NDArray[np.float32]) -> Display:
    """Display of a dataset from a sample (n, channels, height, width) of its prepared images.

    Those within 0 and 1 are shown as the recipe stretched them; of others, all but the 0.5 per cent at either end of
    each band.
    """
    channels = images.shape[1]
    if images.min() >= 0 and images.max() <= 1:
        return Display(np.zeros(channels, np.float32), np.ones(channels, np.float32))
    low, high = np.percentile(images, [0.5, 99.5], axis=(0, 2, 3)).astype(np.float32)
    return Display(low, high)


def traversal_picture(
    display: Display,
    traversals: Sequence[tuple[Axis, NDArray[np.float64], NDArray[np.float32]]],
    *,
    start: str,
    experiment: str,
) -> bytes:
    """PNG of traversals: a row an axis.

    Parameters
    ----------
    display
        Of the dataset.
    traversals
        Axis, positions (steps,) and images (steps, channels, height, width) of each.
    start
        Name of the image at the start, empty for the mean.
    experiment
        Its name.
    """
    positions = traversals[0][1]
    return draw_sheet(
        Sheet(
            title=f"Along the axes of {experiment}",
            subtitle=f"Drawn by the decoder, from {start or 'the mean of all vectors'}; "
            "distances in standard deviations of the vectors.",
            headings=tuple("start" if abs(p) < 1e-9 else _signed(f"{p:+.2g} σ") for p in positions),
            rows=tuple(
                Row(_tiles(display, images), axis.name, f"{axis.variance_share:.1%} of the variance")
                for axis, _, images in traversals
            ),
        )
    )


def path_picture(
    display: Display,
    drawn: NDArray[np.float32],
    nearest: NDArray[np.float32],
    names: Sequence[str],
    *,
    ends: tuple[str, str],
    experiment: str,
) -> bytes:
    """PNG of the way between two images: drawn ones above, real ones nearest to each below."""
    steps = len(drawn)
    return draw_sheet(
        Sheet(
            title=f"From {_trimmed(ends[0])} to {_trimmed(ends[1])}",
            subtitle=f"The straight way through the space of {experiment}, as the decoder draws it, and the image "
            "nearest to each place of it.",
            headings=tuple(f"{step / (steps - 1):.0%}" for step in range(steps)),
            rows=(
                Row(_tiles(display, drawn), "drawn"),
                Row(_tiles(display, nearest, names), "nearest image"),
            ),
        )
    )


def sample_picture(display: Display, images: NDArray[np.float32], *, encoder: str, seed: int) -> bytes:
    """PNG of drawn images, as near to a square as can be."""
    columns = math.ceil(math.sqrt(len(images)))
    tiles = _tiles(display, images)
    return draw_sheet(
        Sheet(
            title=f"New images of {encoder}",
            subtitle=f"Drawn by the decoder from random vectors, seed {seed}: none of them was observed.",
            rows=tuple(Row(tiles[first : first + columns]) for first in range(0, len(tiles), columns)),
        )
    )


def similarity_picture(
    display: Display,
    images: NDArray[np.float32],
    saliency: Saliency,
    *,
    names: tuple[str, str],
    bands: Sequence[str],
    experiment: str,
) -> bytes:
    """PNG of two images and of what their pixels add to the similarity, all bands together and band by band."""
    shown = range(min(len(bands), _MOST_BANDS)) if len(bands) > 1 else range(0)
    smooth = _smoothed(saliency.attributions)
    together = smooth.sum(axis=1)
    # One scale for all bands, so that they can be compared; their sum has one of its own.
    limit = _limit(smooth) if shown else _limit(together)
    rows = []
    for place, (name, image) in enumerate(zip(names, images, strict=True)):
        band_tiles = (Tile(_overlay(display.grey(image, band), smooth[place, band] / limit)) for band in shown)
        rows.append(
            Row(
                (
                    Tile(display.pixels(image)),
                    Tile(_overlay(display.grey(image), together[place] / _limit(together))),
                    *band_tiles,
                ),
                _trimmed(name),
                _signed(f"adds {saliency.cosine - saliency.baseline_cosines[place]:+.2f} to it"),
            )
        )
    shared = ", and the bands have one scale" if shown else ""
    hidden = f" Only the first {_MOST_BANDS} of {len(bands)} bands are shown." if len(bands) > _MOST_BANDS else ""
    return draw_sheet(
        Sheet(
            title="What makes two images alike",
            subtitle=f"Cosine similarity {_signed(f'{saliency.cosine:.3f}')} in {experiment}.",
            headings=(
                "image",
                "all bands" if shown else "pixels",
                *(f"{bands[band]}: {saliency.band_shares[band]:.0%}" for band in shown),
            ),
            rows=tuple(rows),
            scale=("sets apart", "brings together"),
            footnote=f"{saliency.method} Colours are smoothed for the eye{shared}.{hidden}",
        )
    )


def prototypes_picture(
    display: Display,
    clusters: Iterable[tuple[int, int, Sequence[str], NDArray[np.float32]]],
    *,
    clustering: str,
    diverse: bool,
    left: int = 0,
) -> bytes:
    """PNG of prototypes: a row a cluster.

    Parameters
    ----------
    display
        Of the dataset.
    clusters
        Number, images in it, names of its prototypes, and the prototypes (n, channels, height, width) of each; held
        one after the other.
    clustering
        Its name.
    diverse
        How they were chosen.
    left
        Clusters that are not drawn.
    """
    return draw_sheet(
        Sheet(
            title=f"Prototypes of {clustering}",
            subtitle="The images in the middle of as many parts of each cluster."
            if diverse
            else "The images nearest to the middle of each cluster, nearest first.",
            rows=tuple(
                Row(_tiles(display, images, names), f"cluster {cluster}", _count(size))
                for cluster, size, names, images in clusters
            ),
            footnote=f"{left} further clusters are not drawn." if left else "",
        )
    )


def _tiles(display: Display, images: NDArray[np.float32], captions: Sequence[str] = ()) -> tuple[Tile, ...]:
    return tuple(
        Tile(shrunk(display.pixels(image)), captions[number] if captions else "") for number, image in enumerate(images)
    )


def _count(images: int) -> str:
    return "1 image" if images == 1 else f"{images:,} images".replace(",", " ")


def _signed(text: str) -> str:
    """Text with a minus sign where it has a hyphen."""
    return text.replace("-", "−")


def _trimmed(name: str, length: int = 28) -> str:
    return name if len(name) <= length else f"{name[: length // 2]}…{name[-length // 2 + 1 :]}"


def _smoothed(attributions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Attributions blurred a little: gradients of single pixels are noise to the eye."""
    from scipy.ndimage import gaussian_filter

    side = attributions.shape[-1]
    smooth: NDArray[np.float32] = gaussian_filter(attributions, sigma=(0, 0, side / 40, side / 40), mode="nearest")
    return smooth


def _limit(values: NDArray[np.float32]) -> float:
    return max(float(np.percentile(np.abs(values), 99.5)), 1e-12)


def _overlay(grey: NDArray[np.float32], signed: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey picture with warm colour where `signed`, from -1 to 1, is above zero and cool colour where it is below."""
    base = np.repeat((0.12 + 0.62 * grey)[..., None], 3, axis=2) * 255
    strength = np.abs(signed).clip(0, 1)[..., None] ** 0.8 * 0.85
    colour = np.where(signed[..., None] >= 0, WARM, COOL)
    mixed: NDArray[np.uint8] = np.rint(base * (1 - strength) + colour * strength).astype(np.uint8)
    return mixed
