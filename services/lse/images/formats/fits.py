"""FITS images by astropy: the primary or the first image extension, tile-compressed or not."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.fits_hdus import ImageHdu, chosen_hdus, image_hdus, planes_of
from lse.images.formats.fits_plain import PlainFits, plain_image
from lse.images.formats.library_warnings import collected_notes
from lse.images.formats.masks import bad_pixels, check_mask_shape
from lse.images.formats.source_image import (
    Extensions,
    MetadataValue,
    ReaderFacts,
    ReadError,
    ReadLimits,
    SourceImage,
    channel_names,
    narrowed,
)
from lse.images.plain_sky import plain_sky
from lse.images.sky import HeaderNeededError, Sky, card_position, quick_sky, sky_flaw, sky_of
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD", "physical", "read_fits"]

# What astropy raises beside its own VerifyError for headers that lack or mangle what it needs.
_HEADER_ERRORS = (OSError, AttributeError, KeyError, TypeError, ValueError, IndexError)
_COMMENTARY = {"COMMENT", "HISTORY", "", "END", "CONTINUE"}
# Cards that describe the layout of the file and not what it shows.
_STRUCTURE = {
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE", "BZERO", "BLANK"),
    *("CHECKSUM", "DATASUM", "INHERIT", "ZHECKSUM", "ZDATASUM"),
    *(f"NAXIS{axis}" for axis in range(1, 10)),
}


def read_fits(content: bytes, name: str, limits: ReadLimits, extensions: Extensions | None = None) -> SourceImage:
    """Read the image that is asked for, else the first that is not a companion of another, see `fits_hdus.chosen_hdus`.

    A cube of up to 16 planes gives one channel a plane, named by the cards ``BAND1``... where all of them are there;
    axes of length one are dropped.  Scaling (``BSCALE``, ``BZERO``) is applied; blank and infinite pixels become NaN.

    Raises
    ------
    ReadError
        ``IMAGE_HDU_MISSING``, ``EXTENSION_MISSING``, ``EXTENSION_MISMATCH``, ``DIMENSIONS_UNSUPPORTED``,
        ``IMAGE_TRUNCATED``, ``IMAGE_TOO_LARGE``, ``HEADER_DAMAGED``, or what decoding raises.
    """
    extensions = extensions or Extensions()
    if extensions == Extensions() and (plain := plain_image(content)) is not None:
        with contextlib.suppress(HeaderNeededError):
            return _plain(plain, limits, name)
    from astropy.io import fits  # loaded when an image is read

    with collected_notes() as notes:
        try:
            hdus = fits.HDUList.fromstring(content, do_not_scale_image_data=True)
            images = image_hdus(hdus, name)
            chosen, mask = chosen_hdus(images, extensions, name)
            shapes = [planes_of(image, name) for image in chosen]
        except ReadError:
            raise
        except (*_HEADER_ERRORS, fits.VerifyError) as error:
            message = f"{name} starts like a FITS file but its header is broken: get the file again."
            raise ReadError(message, reason="HEADER_DAMAGED", name=name, detail=error) from error
        if len({shape[1:] for shape in shapes}) > 1:
            text = ", ".join(f"{i.label} {s[2]} x {s[1]}" for i, s in zip(chosen, shapes, strict=True))
            message = f"{name} has bands of different sizes ({text}): bring them onto one grid first."
            raise ReadError(message, reason="EXTENSION_MISMATCH", name=name, shapes=text)
        limits.check_pixels(sum(map(math.prod, shapes)), name)
        bands = [_pixels(image, shape, len(content), limits, name) for image, shape in zip(chosen, shapes, strict=True)]
        pixels = bands[0] if len(bands) == 1 else np.concatenate(bands)
        metadata = _facts(chosen, pixels, [image for image in images if image not in chosen and image is not mask])
        if mask is not None:
            planes = planes_of(mask, name)
            check_mask_shape(planes, pixels, mask.label, name)
            bad = bad_pixels(_pixels(mask, planes, len(content), limits, name), extensions)
            pixels[np.broadcast_to(bad, pixels.shape)] = np.nan
            metadata |= {"mask": mask.label, "masked_fraction": float(bad.mean())}
        facts, units, sky = _header_facts(hdus, chosen[0], pixels.shape)
        channels = _channels(chosen, len(pixels))
    if notes:
        metadata["reader_notes"] = "; ".join(notes)
    return SourceImage(pixels=pixels, channels=channels, metadata=metadata | facts, units=units, sky=sky)


def _plain(image: PlainFits, limits: ReadLimits, name: str) -> SourceImage:
    """Image of a file that astropy is not needed for.

    Raises
    ------
    HeaderNeededError
        Where it is needed for the position on the sky.
    """
    height, width = image.raw.shape
    limits.check_pixels(height * width, name)
    cards = image.cards
    sky = plain_sky(cards) or quick_sky(cards)
    bracketed = {keyword: comment for keyword, comment in image.comments.items() if comment.startswith("[")}
    units = {keyword: unit for keyword, comment in bracketed.items() if (unit := _said_unit(cards[keyword], comment))}
    facts, said, sky = _described(cards, units, image.comments, sky, (height, width))
    pixels = physical(image.raw[np.newaxis, ::-1], cards)
    return SourceImage(
        pixels=pixels,
        channels=channel_names(1),
        metadata=_layout(pixels, int(str(cards["BITPIX"])), 0) | facts,
        units=said,
        sky=sky,
    )


def _pixels(image: ImageHdu, shape: tuple[int, ...], available: int, limits: ReadLimits, name: str) -> NDArray[Any]:
    """Physical values (C, H, W) of an image, the top row first."""
    _check_stored(image.hdu, available, limits, name)
    try:
        return _scaled(image.hdu, image.hdu.header).reshape(shape)
    except TypeError as error:
        if "buffer is too small" not in str(error):
            raise
        message = f"{name} ends in the middle of its compressed pixels: get the file again."
        raise ReadError(message, reason="IMAGE_TRUNCATED", name=name) from error


def _facts(chosen: list[ImageHdu], pixels: NDArray[Any], left: list[ImageHdu]) -> dict[str, MetadataValue]:
    """What is said of the file beside its header."""
    facts = _layout(pixels, int(chosen[0].hdu.header["BITPIX"]), chosen[0].index)
    if len(chosen) > 1:
        facts["bands"] = ", ".join(image.label for image in chosen)
    if left:
        facts["not_read"] = ", ".join(image.label for image in left)
    return facts


def _layout(pixels: NDArray[Any], bitpix: int, index: int) -> dict[str, MetadataValue]:
    return {
        "format": "FITS",
        "width": pixels.shape[2],
        "height": pixels.shape[1],
        "bit_depth": abs(bitpix),
        "floating": bitpix < 0,
        "hdu": index,
    }


def _header_facts(
    hdus: Any, image: ImageHdu, shape: tuple[int, ...]
) -> tuple[dict[str, MetadataValue], dict[str, str], Sky | None]:
    """Position and cards of an image, below those of the primary header, and units of the cards and the pixels."""
    header, primary_header = image.hdu.header, hdus[0].header
    cards, units, unreadable = _cards(header)
    sky = sky_of(cards, header, hdus)
    if image.index:
        primary, more_units, more = _cards(primary_header)
        sky = sky or sky_of(primary, primary_header, hdus)
        cards, units, unreadable = primary | cards, more_units | units, unreadable + more
    facts, said, sky = _described(cards, units, _comments(header, primary_header), sky, shape[1:])
    if unreadable:
        facts["header_cards_unreadable"] = unreadable
    return facts, said, sky


def _described(
    cards: Mapping[str, MetadataValue],
    units: Mapping[str, str],
    comments: Mapping[str, str],
    sky: Sky | None,
    shape: tuple[int, ...],
) -> tuple[dict[str, MetadataValue], dict[str, str], Sky | None]:
    """Facts and units of a header, and the world coordinates where they give a position."""
    found = sky.at((shape[1] + 1) / 2, (shape[0] + 1) / 2) if sky else {}
    facts: dict[str, MetadataValue] = {**(found or card_position(cards, comments))}
    if sky is None and (flaw := sky_flaw(cards)):
        facts["sky_note"] = flaw
    facts |= {fact: value for key, value in cards.items() if (fact := _fact_of(key))}
    said = {f"header.{key.lower()}": unit for key, unit in units.items()}
    if unit := _unit(str(cards.get("BUNIT", ""))):
        said["pixels"] = unit
    return facts, said, sky if found else None


@lru_cache(maxsize=4096)
def _fact_of(keyword: str) -> str:
    """What the fact of a card is called; empty of one of the layout of the file."""
    return "" if keyword in _STRUCTURE else f"header.{keyword.lower()}"


def _check_stored(hdu: Any, available: int, limits: ReadLimits, name: str) -> None:
    """Compare what the header promises with what the file has, before anything is allocated."""
    from astropy.io import fits

    header = hdu.header
    if isinstance(hdu, fits.CompImageHDU):
        limits.check_pixels(math.prod(int(length) for length in hdu.tile_shape), name)
        return
    axes = [int(header[f"NAXIS{axis}"]) for axis in range(1, int(header["NAXIS"]) + 1)]
    declared = abs(int(header["BITPIX"])) // 8 * math.prod(axes)
    begin = hdu._data_offset  # noqa: SLF001  # astropy tells the place publicly only for files, not for bytes
    if begin + declared > available:
        present = max(available - begin, 0)
        message = f"{name} should hold {declared:,} bytes of pixels and has {present:,}: get the file again."
        raise ReadError(message, reason="IMAGE_TRUNCATED", name=name, declared=declared)


def _scaled(hdu: Any, header: Any) -> NDArray[np.float32] | NDArray[np.float64]:
    """Physical values with the top row first; blanks and infinities are NaN.

    Done here and not by astropy, which leaves out a BLANK of 0 or one written as a float.
    """
    return physical(hdu.data[..., ::-1, :], header)


def physical(raw: NDArray[Any], header: Any) -> NDArray[np.float32] | NDArray[np.float64]:
    """Physical values of stored ones, with the scaling and the blank value of a header."""
    scale, zero, blank = (header.get(key) for key in ("BSCALE", "BZERO", "BLANK"))
    scale = 1.0 if scale is None else float(scale)
    zero = 0.0 if zero is None else float(zero)
    with np.errstate(over="ignore", invalid="ignore"):
        pixels = narrowed(raw if scale == 1 and zero == 0 else raw.astype(np.float64) * scale + zero)
    if raw.dtype.kind != "f" and blank is not None and not isinstance(blank, str) and float(blank).is_integer():
        pixels[raw == int(blank)] = np.nan
    return pixels


def _cards(header: Any) -> tuple[dict[str, MetadataValue], dict[str, str], int]:
    """Typed values of the cards, the first of each keyword, their units, and how many cards cannot be parsed."""
    from astropy.io.fits import VerifyError

    values: dict[str, MetadataValue] = {}
    units: dict[str, str] = {}
    unreadable = 0
    for card in header.cards:
        keyword = card.keyword
        if keyword in _COMMENTARY or keyword in values:
            continue
        try:
            value = card.value
        except (VerifyError, ValueError):
            unreadable += 1
            continue
        if isinstance(value, str):
            values[keyword] = value.strip()
        elif isinstance(value, bool):
            values[keyword] = value
        elif isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            values[keyword] = value if isinstance(value, int) else float(value)
            if unit := _said_unit(value, card.comment):
                units[keyword] = unit
    return values, units, unreadable


def _said_unit(value: MetadataValue, comment: str) -> str:
    """Unit of a number whose comment begins with one in brackets."""
    if not comment.startswith("[") or isinstance(value, str | bool):
        return ""
    return _unit(comment[1:].partition("]")[0])


@lru_cache(maxsize=256)
def _unit(text: str) -> str:
    """Unit of a card, which comments give in brackets (FITS standard 4.0, section 4.3.2); empty of other words."""
    from astropy.units import Unit

    try:
        return str(Unit(text, format="fits", parse_strict="raise").to_string("fits"))
    except (ValueError, TypeError):
        return ""


def _comments(*headers: Any) -> dict[str, str]:
    """Comments of the right ascensions of headers, which may tell their unit."""
    found: dict[str, str] = {}
    for header in headers:
        for keyword in header:
            if keyword.startswith("RA"):
                found.setdefault(keyword, header.comments[keyword])
    return found


def _channels(chosen: list[ImageHdu], count: int) -> tuple[str, ...]:
    if len(chosen) == count > 1:
        names = [image.label for image in chosen]
        return tuple(
            f"{each},{image.version}" if names.count(each) > 1 else each
            for each, image in zip(names, chosen, strict=True)
        )
    header = chosen[0].hdu.header
    if count > 1:
        bands = tuple(str(header.get(f"BAND{plane}", "")).strip() for plane in range(1, count + 1))
        if all(bands) and len(set(bands)) == count:
            return bands
    if count == 3 and str(header.get("CTYPE3", "")).strip().upper() == "RGB":
        return ("red", "green", "blue")
    return channel_names(count)


METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="fits",
    title="FITS",
    summary="FITS images, tile-compressed or not, with their header and position on the sky.",
    parameters=Parameters,
    run=read_fits,
    facts=ReaderFacts(signature=rb"SIMPLE", suffixes=(".fits", ".fit", ".fts"), extensions=True),
    order=10,
)
