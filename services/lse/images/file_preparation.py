"""One source from file to tensor: what a task of an ingest does for each of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lse.errors import LseError, UnavailableError
from lse.images.band_files import read_bands
from lse.images.cutouts import read_cutout
from lse.images.formats import MetadataValue, ReadLimits, SourceImage, read_image
from lse.images.recipe import (
    PreparedImage,
    Recipe,
    RejectedImageError,
    StretchedImage,
    prepare_image,
    stretch_image,
)
from lse.images.sources import Source
from lse.images.stacks import images_of, is_stack_name, read_member
from lse.images.thumbnails import drawn
from lse.values import counted

__all__ = [
    "Prepared",
    "Rejected",
    "prepare_file",
    "prepared_image",
    "prepared_tensor",
    "read_source",
    "rejection",
]


@dataclass(frozen=True)
class Prepared:
    """A source that became an image of the dataset.

    Attributes
    ----------
    source
        The file.
    image
        Tensor and what was done to get it.
    thumbnail
        JPEG picture.
    metadata
        Typed facts that the file tells of itself.
    units
        Units of some of them.
    """

    source: Source
    image: PreparedImage
    thumbnail: bytes
    metadata: Mapping[str, MetadataValue]
    units: Mapping[str, str]


@dataclass(frozen=True)
class Rejected:
    """A source that is not an image of the dataset, with a stable reason and a sentence that says why."""

    source: Source
    reason: str
    message: str


def prepare_file(
    source: Source,
    recipe: Recipe,
    *,
    channels: int | None = None,
    limits: ReadLimits | None = None,
    roots: Sequence[Path] = (),
) -> Prepared | Rejected:
    """Read and prepare one file; nothing is raised, whatever the file holds.

    Parameters
    ----------
    source
        The file.
    recipe
        How to prepare it.
    channels
        Number of channels that every tensor of the dataset must have; for a recipe with ``channels: all``, where the
        first images decide.
    limits
        What one file may cost.
    roots
        Folders, without links, that links may lead to beside those of the source's own root.
    """
    try:
        image = read_source(source, recipe, limits=limits, roots=roots)
        return prepared_image(source, image, stretch_image(image, recipe), channels=channels)
    except UnavailableError:
        raise  # nothing is known of the image: its server is away
    except Exception as error:  # noqa: BLE001  # one odd image must not stop the rest of an ingest
        return rejection(source, error)


def prepared_image(source: Source, image: SourceImage, stretched: StretchedImage, *, channels: int | None) -> Prepared:
    """Tensor, thumbnail and facts of an image that was read and stretched; parameters as for `prepare_file`.

    Raises
    ------
    RejectedImageError
        ``CHANNEL_MISMATCH``, or as `StretchedImage.prepared`.
    """
    prepared = stretched.prepared()
    count = prepared.tensor.shape[0]
    if channels is not None and count != channels:
        message = (
            f"The image has {counted(count, 'channel')} and the dataset has {channels}: choose 'grey', 'rgb' or a list "
            "of channels in the recipe."
        )
        raise RejectedImageError(message, reason="CHANNEL_MISMATCH")
    return Prepared(
        source=source,
        image=prepared,
        thumbnail=drawn(stretched),
        metadata={**image.metadata, **_place(image, prepared)},
        units=image.units,
    )


def rejection(source: Source, error: Exception) -> Rejected:
    """Why a source is no image of the dataset, of what its preparation ended with."""
    if isinstance(error, LseError):
        return Rejected(source=source, reason=error.reason, message=error.message)
    if isinstance(error, MemoryError):
        message = "The image needs more memory than there is: give the workers more memory or make the image smaller."
        return Rejected(source=source, reason="IMAGE_TOO_LARGE", message=message)
    message = f"The image could not be prepared ({type(error).__name__}: {error}): please report this with the file."
    return Rejected(source=source, reason="PREPARATION_FAILED", message=message)


def read_source(
    source: Source, recipe: Recipe, *, limits: ReadLimits | None = None, roots: Sequence[Path] = ()
) -> SourceImage:
    """Read the image of a source; parameters as for `prepare_file`.

    Raises
    ------
    ReadError
        Whatever is wrong with the file.
    """
    within = None if source.root is None else (source.root, *roots)
    read = partial(read_image, limits=limits, extensions=recipe.extensions, within=within)
    if source.bands and recipe.band_files is not None:
        return read_bands(source.bands, recipe.band_files, source.relative, read)
    if recipe.cutout is not None:
        return read_cutout(
            source.path,
            source.position or (float("nan"), float("nan")),
            recipe.cutout,
            name=source.name,
            limits=limits or ReadLimits(),
            extensions=recipe.extensions,
            within=within,
            remote=source.remote,
        )
    if source.member:
        return read_member(
            source.path,
            source.member,
            name=source.relative,
            limits=limits or ReadLimits(),
            extensions=recipe.extensions,
            within=within,
        )
    if is_stack_name(source.path):
        images_of(source.path, source.relative, within)  # which says what is wrong with one that cannot be opened
    return read(source.path, name=source.relative)


def prepared_tensor(content: bytes, recipe: Recipe, name: str) -> NDArray[np.float32]:
    """Tensor (C, size, size) of the content of a file.

    Raises
    ------
    ReadError, RejectedImageError
        If it is not an image, or none that the recipe can use.
    """
    return prepare_image(read_image(content, name=name, extensions=recipe.extensions), recipe).tensor


def _place(image: SourceImage, prepared: PreparedImage) -> Mapping[str, MetadataValue]:
    """Outline of the part that is used, and the position of its middle where that is not the middle of the image."""
    if image.sky is None:
        return {}
    height, width = image.pixels.shape[1:]
    left, top = prepared.used_left + 0.5, height + 0.5 - prepared.used_top  # FITS counts rows from the bottom
    right, bottom = left + prepared.used_width, top - prepared.used_height
    middle = (left + right) / 2, (top + bottom) / 2
    moved = middle != ((width + 1) / 2, (height + 1) / 2)
    region = image.sky.region(left, bottom, right, top)
    return {**(image.sky.at(*middle) if moved else {}), **({"s_region": region} if region else {})}
