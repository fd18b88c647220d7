"""Small pictures of images for people to look at."""

from __future__ import annotations

import io

import numpy as np
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
    values = image.picture(image.recipe.thumbnail)
    if len(values) == 2:
        values = np.stack([values[0], values.mean(axis=0), values[1]])
    levels = np.rint(values[:3] * 255).astype(np.uint8)
    picture = levels[0] if len(levels) == 1 else np.ascontiguousarray(np.moveaxis(levels, 0, -1))
    buffer = io.BytesIO()
    # JPEG is written in a seventh of the time of WebP; colours are kept at full resolution.
    Image.fromarray(picture).save(buffer, format="JPEG", quality=90, subsampling=0)
    return buffer.getvalue()
