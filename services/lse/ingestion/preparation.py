"""One source from file to tensor: what a task of an ingest does for each of its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lse.ingestion.readers import MetadataValue, ReadLimits, read_image
from lse.ingestion.recipes import PreparedImage, Recipe, prepare_image
from lse.ingestion.sources import Source
from lse.ingestion.thumbnails import thumbnail
from lse.platform.errors import LseError

__all__ = ["Prepared", "Rejected", "prepare_file"]


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
        WebP picture.
    metadata
        Typed facts that the file tells of itself.
    """

    source: Source
    image: PreparedImage
    thumbnail: bytes
    metadata: Mapping[str, MetadataValue]


@dataclass(frozen=True)
class Rejected:
    """A source that is no image of the dataset, with a stable code and a sentence that tell why."""

    source: Source
    reason: str
    message: str


def prepare_file(
    source: Source, recipe: Recipe, *, channels: int | None = None, limits: ReadLimits | None = None
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
    """
    try:
        image = read_image(source.path, name=source.relative, limits=limits)
        prepared = prepare_image(image, recipe)
        count = prepared.tensor.shape[0]
        if channels is not None and count != channels:
            message = (
                f"The image has {count} channels and the dataset has {channels}: choose 'grey', 'rgb' or a list of "
                "channels in the recipe."
            )
            return Rejected(source=source, reason="CHANNEL_MISMATCH", message=message)
        return Prepared(source=source, image=prepared, thumbnail=thumbnail(image, recipe), metadata=image.metadata)
    except LseError as error:
        return Rejected(source=source, reason=error.reason, message=error.message)
    except MemoryError:
        message = "The image needs more memory than there is: give the workers more memory or make the image smaller."
        return Rejected(source=source, reason="OUT_OF_MEMORY", message=message)
    except Exception as error:  # noqa: BLE001  # one odd image must not stop the rest of an ingest
        message = (
            f"The image could not be prepared ({type(error).__name__}: {error}): please report this with the file."
        )
        return Rejected(source=source, reason="PREPARATION_FAILED", message=message)
