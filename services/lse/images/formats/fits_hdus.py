"""Which images of a FITS file are the image: those that a recipe names, else the first that is not a companion."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol, TypeVar

from lse.images.formats.source_image import Extensions, ReadError

__all__ = ["ImageHdu", "NamedImage", "chosen_hdus", "image_hdus", "is_companion_name", "planes_of"]

_MAX_PLANES = 16
_MAX_HDUS = 1000
# Lookup tables of WCS distortions are stored as images and are none.
_TABLES = {"D2IMARR", "WCSDVARR"}
# Words in the names of extensions that go with an image: quality, errors, weights and their like.
_COMPANIONS = frozenset(
    {
        *("DQ", "DATAQUALITY", "QUAL", "QUALITY", "FLAG", "FLAGS", "MASK", "MSK", "BPM", "BADPIX"),
        *("ERR", "ERROR", "ERRORS", "UNC", "UNCERT", "UNCERTAINTY", "VAR", "VARIANCE", "IVAR", "INVVAR", "STAT"),
        *("NOISE", "RMS", "SIGMA", "STD", "STDDEV", "WHT", "WEIGHT", "WEIGHTS", "WT", "WGT", "COV", "COVERAGE"),
        *("CON", "CTX", "CONTEXT", "EXP", "EXPMAP", "EXPOSURE", "SAMP", "NSAMP", "TIME", "AREA"),
        *("SEG", "SEGM", "SEGMAP", "SEGMENTATION", "PSF", "BKG", "BACKGROUND"),
    }
)
_IMAGES = ("SCI", "SCIENCE")
_COMPANION_CLASSES = {"ERROR", "QUALITY", "MSE", "RMSE", "INVMSE", "MASKZERO", "MASKONE", "FLAG32BIT", "FLAG16BIT"}
_BAND = re.compile(
    r"((HSC|DES|SDSS|LSST|PS1|DECAM|VISTA|UKIDSS|2MASS|BAND|FILTER|MEGACAM)?[-_ .]?([UGRIZYJHKBV]|KS)[0-9SP']?"
    r"|W[1-4]|[NF]UV|VIS|NIR|F\d{3,4}(W|M|N|LP|X|X2)|(IRAC|CH)[-_ ]?\d|RED|GREEN|BLUE)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ImageHdu:
    """An image of two dimensions or more in a FITS file.

    Attributes
    ----------
    index
        Number of the HDU, the primary is 0.
    hdu
        Astropy's object.
    name
        Its ``EXTNAME`` as it is written; ``PRIMARY`` of the primary without one, else empty.
    version
        Its ``EXTVER``.
    """

    index: int
    hdu: Any
    name: str
    version: int

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or f"HDU {self.index}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes, the last axis first."""
        return tuple(int(length) for length in self.hdu.shape)

    @property
    def is_companion(self) -> bool:
        """Whether it belongs to another image: its errors, weights, mask or the like."""
        classes = {str(self.hdu.header.get(key, "")).strip().upper() for key in ("HDUCLAS2", "HDUCLAS3")}
        return is_companion_name(self.name) or bool(classes & _COMPANION_CLASSES)

    @property
    def called(self) -> tuple[str, ...]:
        """What it may be asked for by, in capitals."""
        return (self.name.upper(),)


class NamedImage(Protocol):
    """One of the images of a file, see `ImageHdu`."""

    @property
    def index(self) -> int:
        """Its number in the file."""

    @property
    def name(self) -> str:
        """Its name, which may be empty."""

    @property
    def version(self) -> int:
        """Which of those of its name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes, the last axis first."""

    @property
    def called(self) -> tuple[str, ...]:
        """What it may be asked for by, in capitals."""

    @property
    def is_companion(self) -> bool:
        """Whether it belongs to another image."""


Named = TypeVar("Named", bound=NamedImage)


def is_companion_name(name: str) -> bool:
    """Whether a name is that of errors, weights, a mask or the like."""
    return bool(set(re.split(r"[^A-Z0-9]+", name.upper())) & _COMPANIONS)


def image_hdus(hdus: Any, name: str) -> list[ImageHdu]:
    """Images of a file in its order.

    Raises
    ------
    ReadError
        ``IMAGE_HDU_MISSING``, or ``DIMENSIONS_UNSUPPORTED`` where all have one dimension.
    """
    from astropy.io import fits  # loaded when an image is read

    found: list[ImageHdu] = []
    flat: tuple[int, ...] | None = None
    for index in range(_MAX_HDUS):
        try:
            hdu = hdus[index]
        except IndexError:
            break
        except (OSError, ValueError, TypeError, KeyError, fits.VerifyError):
            if not found:
                raise
            break  # what follows the image is broken, and is not needed
        if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU) or hdu.name in _TABLES:
            continue
        shape = tuple(int(length) for length in hdu.shape)
        if not shape or math.prod(shape) == 0 or isinstance(hdu, fits.GroupsHDU):
            continue
        if len(shape) < 2 or min(shape[-2:]) < 2:
            flat = flat or shape
            continue
        written = str(hdu.header.get("EXTNAME", "") or "").strip() or ("" if index else "PRIMARY")
        found.append(ImageHdu(index, hdu, written, int(hdu.ver or 1)))
    if found:
        return found
    if flat:
        text = " x ".join(map(str, reversed(flat)))
        message = f"{name} holds {text} values, a spectrum or a single value and no image."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=text)
    message = f"{name} is a FITS file without an image: it holds only headers, tables, visibilities or empty images."
    raise ReadError(message, reason="IMAGE_HDU_MISSING", name=name)


def chosen_hdus(images: list[Named], extensions: Extensions, name: str) -> tuple[list[Named], Named | None]:
    """The images that make the channels, and the one that is the mask.

    Without a choice it is the first that is not a companion, or where this has no name that which is called ``SCI``;
    where all that are none have the name of a band and one shape, these are the channels.

    Raises
    ------
    ReadError
        ``EXTENSION_MISSING``.
    """
    mask = None if extensions.mask is None else _called(images, extensions.mask, name)[0]
    if extensions.images:
        wanted = [hdu for choice in extensions.images for hdu in _called(images, choice, name)]
        return list({hdu.index: hdu for hdu in wanted}.values()), mask
    own = [image for image in images if not image.is_companion and image is not mask] or images
    if own[0].name in ("", "PRIMARY"):  # of the rest, one may say that it is the image
        own = [image for image in own if image.name.upper() in _IMAGES] or own
    bands = len(own) > 1 and len({image.shape for image in own}) == 1 and len(own[0].shape) == 2
    if bands and all(_BAND.fullmatch(image.name) for image in own):
        return own, mask
    return own[:1], mask


def _called(images: list[Named], wanted: int | str, name: str) -> list[Named]:
    """Images of a number, of a name (``SCI``, ``SCI,2``), or all whose names match a pattern (``BAND_*``)."""
    text = str(wanted).strip().upper()
    word, _, version = text.rpartition(",")
    if isinstance(wanted, int):
        found = [image for image in images if image.index == wanted]
    elif word and version.strip().isdigit():
        found = [i for i in images if word.strip() in i.called and i.version == int(version)]
    elif set(text) & set("*?["):
        found = [image for image in images if any(fnmatchcase(each, text) for each in image.called)]
    else:
        found = [image for image in images if text in image.called][:1]
    if not found:
        there = ", ".join(f"{image.index} {image.name}".strip() for image in images[:_MAX_PLANES])
        message = f"{name} has no image extension {wanted!r}: name one of {there} in the recipe (hdu, mask)."
        raise ReadError(message, reason="EXTENSION_MISSING", name=name, hdu=wanted)
    return found


def planes_of(image: NamedImage, name: str) -> tuple[int, int, int]:
    """Shape (C, H, W) of an image: axes of length one are dropped, one other may hold the channels.

    Raises
    ------
    ReadError
        ``DIMENSIONS_UNSUPPORTED``.
    """
    shape = image.shape
    text = " x ".join(map(str, reversed(shape)))
    planes = [length for length in shape[:-2] if length > 1]
    if len(planes) == 1 and shape[-1] in (3, 4) and min(shape[-2], planes[0]) > 4:
        message = (
            f"{name} is a cube of {text} values whose colours come first (NAXIS1 = {shape[-1]}): store it as planes, "
            f"{shape[-2]} x {planes[0]} x {shape[-1]}."
        )
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=text)
    if len(planes) > 1 or math.prod(planes) > _MAX_PLANES:
        message = (
            f"{name} is a cube of {text} values; a plane for each of up to {_MAX_PLANES} channels is read: "
            "cut out the planes that you need."
        )
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=text)
    return math.prod(planes), shape[-2], shape[-1]
