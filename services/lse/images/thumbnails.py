"""Small pictures of images for people to look at."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lse.images.formats.source_image import SourceImage
from lse.images.recipe import Recipe, StretchedImage, stretch_image

__all__ = ["THUMBNAIL_MEDIA_TYPE", "drawn", "thumbnail"]

THUMBNAIL_MEDIA_TYPE = "image/jpeg"


def thumbnail(image: SourceImage, recipe: Recipe) -> bytes:
    """Draw an image as a recipe cuts and stretches it, without its normalisation.

    Returns
    -------
    bytes
        JPEG of ``recipe.thumbnail`` pixels a side, see `drawn`.

    Raises
    ------
    RejectedImageError
        When the recipe cannot use the image.
    """
    return drawn(stretch_image(image, recipe))


def drawn(image: StretchedImage) -> bytes:
    """Thumbnail of an image that is stretched already.

    One channel is drawn in grey; two in false colour, the first red, the second blue and their mean green; of three and
    more the first three as red, green and blue.
    """
    size = image.recipe.thumbnail
    straight = _levels_of(image) if image.is_straight else None
    picture = _arranged(straight if straight is not None else _levels(image.picture(size)))
    if straight is not None and picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    # JPEG is written in a seventh of the time of WebP; colours are kept at full resolution.
    picture.save(buffer, format="JPEG", quality=90, subsampling=0)
    return buffer.getvalue()


def _levels_of(image: StretchedImage) -> NDArray[np.uint8] | None:
    """Levels of the pixels of the source where none lies beyond the limits; None where one does.

    Along a straight line these can be resampled as they are, all channels at once, in a fraction of the time.
    """
    values = image.scaled[:3]
    return _levels(values) if values.min() >= 0 and values.max() <= 1 else None


def _levels(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(values[:3] * 255).astype(np.uint8)


def _arranged(levels: NDArray[np.uint8]) -> Image.Image:
    """Grey or RGB of one, two or three channels."""
    if len(levels) == 2:
        levels = np.stack([levels[0], np.rint(levels.mean(axis=0)).astype(np.uint8), levels[1]])
    bands = [Image.fromarray(channel) for channel in levels]
    return bands[0] if len(bands) == 1 else Image.merge("RGB", bands)
