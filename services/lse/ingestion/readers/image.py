"""What a reader gives: an image as its file has it, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lse.platform.errors import InvalidArgumentError

__all__ = ["MetadataValue", "ReadError", "ReadLimits", "SourceImage", "channel_names"]

MetadataValue = str | int | float | bool


class ReadError(InvalidArgumentError):
    """A file that cannot be read as an image; `reason` is a stable code, `message` one sentence for a person."""


@dataclass(frozen=True)
class ReadLimits:
    """What one file may cost, checked before memory is taken.

    Attributes
    ----------
    file_bytes
        Largest file as it lies on the disk.
    content_bytes
        Largest content after decompression of gzip, bzip2 or xz.
    pixels
        Largest height x width x channels.
    """

    file_bytes: int = 512 * 2**20
    content_bytes: int = 1024 * 2**20
    pixels: int = 64 * 2**20

    def check_pixels(self, count: int, name: str) -> None:
        """Raise `ReadError` when an image declares more than `pixels` values."""
        if count > self.pixels:
            message = (
                f"{name} holds {count:,} pixel values and at most {self.pixels:,} are read: "
                "cut it into smaller images first."
            )
            raise ReadError(message, reason="TOO_LARGE", name=name, pixels=count, limit=self.pixels)


@dataclass(frozen=True)
class SourceImage:
    """An image as its file has it, before any recipe.

    Attributes
    ----------
    pixels
        float32 of shape (C, H, W) in the units of the file, row 0 at the top as displays draw it (FITS files store
        the bottom row first and are turned over).  Missing pixels are NaN: FITS blanks, infinities and fully
        transparent pixels.
    channels
        A name for each of the C channels: ``grey``, ``red green blue``, or ``plane0``... for the planes of a cube.
    metadata
        Typed facts of the file: ``format``, ``width``, ``height``, ``bit_depth``; for FITS ``hdu``, ``header.*``
        (keys in lower case) and, where the header has a celestial WCS, ``ra_deg``, ``dec_deg`` (ICRS, centre of the
        image), ``pixel_scale_arcsec``, ``orientation_deg`` and ``mirrored``; ``reader_notes`` for what a library
        warned about.
    """

    pixels: NDArray[np.float32]
    channels: tuple[str, ...]
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.dtype != np.float32 or len(self.channels) != self.pixels.shape[0]:
            message = "The pixels of an image are float32 of shape (C, H, W) with a name for each channel."
            raise ReadError(message, reason="INVALID_PIXELS", shape=self.pixels.shape, dtype=self.pixels.dtype)


def channel_names(count: int) -> tuple[str, ...]:
    """Names of the channels of an image whose file names none."""
    if count == 1:
        return ("grey",)
    return tuple(f"plane{index}" for index in range(count))
