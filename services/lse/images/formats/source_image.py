"""What a reader gives: an image as its file has it, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError
from lse.kinds import Scalar

if TYPE_CHECKING:
    from lse.images.sky import Sky

__all__ = [
    "Extensions",
    "MetadataValue",
    "ReadError",
    "ReadLimits",
    "ReaderFacts",
    "SourceImage",
    "channel_names",
    "narrowed",
]

MetadataValue = Scalar


class ReadError(InvalidArgumentError):
    """A file that cannot be read as an image; `reason` is a stable code, `message` one sentence for a person."""


@dataclass(frozen=True)
class ReaderFacts:
    """How a format is recognised.

    Attributes
    ----------
    signature
        Regular expression that the first bytes of such a file match; ``.`` is any byte.
    suffixes
        What the names of such files end in, in lower case; content alone decides what a file is.
    extensions
        Whether such a file has several images by name, of which `Extensions` chooses: its reader takes them as fourth
        argument.
    """

    signature: bytes = b""
    suffixes: tuple[str, ...] = ()
    extensions: bool = False


@dataclass(frozen=True)
class Extensions:
    """Which of the images of a file are wanted.

    Attributes
    ----------
    images
        Numbers, names or patterns of names, one or more a channel; none: the reader chooses.
    mask
        Number or name of the image that marks bad pixels.
    bits
        Sum of the flags that count, of a mask of flags; None: any value does.
    bad
        Whether a pixel is bad where the mask is not zero, or where it is.
    """

    images: tuple[int | str, ...] = ()
    mask: int | str | None = None
    bits: int | None = None
    bad: Literal["nonzero", "zero"] = "nonzero"


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
            raise ReadError(message, reason="IMAGE_TOO_LARGE", name=name, pixels=count, limit=self.pixels)


@dataclass(frozen=True)
class SourceImage:
    """An image as its file has it, before any recipe.

    Attributes
    ----------
    pixels
        float32 of shape (C, H, W), float64 where float32 would change a value, in the units of the file, row 0 at the
        top as displays draw it (FITS files store the bottom row first and are turned over).  Missing pixels are NaN:
        FITS blanks, infinities and fully transparent pixels.
    channels
        A name for each of the C channels: ``grey``, ``red green blue``, or ``plane0``... for the planes of a cube.
    metadata
        Typed facts of the file: ``format``, ``width``, ``height``, ``bit_depth``; for FITS ``hdu``, ``header.*``
        (keys in lower case) and, where the header has a celestial WCS, ``ra_deg``, ``dec_deg`` (ICRS, centre of the
        image), ``pixel_scale_arcsec``, ``orientation_deg`` and ``mirrored``; ``reader_notes`` for what a library
        warned about.
    units
        Units of some of these facts, as FITS writes them; ``pixels`` is that of the pixels.
    sky
        World coordinates of the pixels, where the file has a WCS (`lse.images.sky.Sky`).
    """

    pixels: NDArray[np.float32] | NDArray[np.float64]
    channels: tuple[str, ...]
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    sky: Sky | None = None

    def __post_init__(self) -> None:
        if (
            self.pixels.ndim != 3
            or self.pixels.dtype not in (np.float32, np.float64)
            or len(self.channels) != self.pixels.shape[0]
        ):
            message = "The pixels of an image are float32 or float64 of shape (C, H, W) with a name for each channel."
            raise ReadError(message, reason="PIXELS_INVALID", shape=self.pixels.shape, dtype=self.pixels.dtype)


def narrowed(values: NDArray[Any]) -> NDArray[np.float32] | NDArray[np.float64]:
    """Numbers as a new array of float32, or of float64 where float32 would change one; infinities are NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        exact: NDArray[np.float32] | NDArray[np.float64]
        single = np.array(values, dtype=np.float32, order="C")
        if values.dtype.itemsize <= 2 or (values.dtype.kind == "f" and values.dtype.itemsize == 4):
            exact = single
        else:
            double = np.array(values, dtype=np.float64, order="C")
            exact = single if np.array_equal(single.astype(np.float64), double, equal_nan=True) else double
    if values.dtype.kind == "f":
        finite = np.isfinite(exact)
        if not finite.all():
            exact[~finite] = np.nan
    return exact


def channel_names(count: int) -> tuple[str, ...]:
    """Names of the channels of an image whose file names none."""
    if count == 1:
        return ("grey",)
    return tuple(f"plane{index}" for index in range(count))
