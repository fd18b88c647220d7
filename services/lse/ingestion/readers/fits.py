"""FITS images by astropy: the primary or the first image extension, tile-compressed or not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from lse.ingestion.readers.image import MetadataValue, ReadError, ReadLimits, SourceImage, channel_names
from lse.ingestion.readers.notes import collected_notes
from lse.ingestion.readers.sky import sky_position

__all__ = ["read_fits"]

_MAX_PLANES = 16
# What astropy raises, by design and by accident, for headers that lack or mangle what it needs.
_HEADER_ERRORS = (OSError, AttributeError, KeyError, TypeError, ValueError, IndexError, fits.VerifyError)
_MAX_HDUS = 1000
# Lookup tables of WCS distortions are stored as images and are none.
_TABLES = {"D2IMARR", "WCSDVARR"}
_COMMENTARY = {"COMMENT", "HISTORY", "", "END", "CONTINUE"}
# Cards that describe the layout of the file and not what it shows.
_STRUCTURE = {
    *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "BSCALE", "BZERO", "BLANK"),
    *("CHECKSUM", "DATASUM", "INHERIT", "ZHECKSUM", "ZDATASUM"),
    *(f"NAXIS{axis}" for axis in range(1, 10)),
}


def read_fits(content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    """Read the first image of at least two dimensions.

    A cube of up to 16 planes gives one channel a plane, named by the cards ``BAND1``... where all of them are there;
    axes of length one are dropped.  Scaling (``BSCALE``, ``BZERO``) is applied; blank and infinite pixels become NaN.

    Raises
    ------
    ReadError
        ``NO_IMAGE_HDU``, ``UNSUPPORTED_DIMENSIONS``, ``TRUNCATED``, ``TOO_LARGE``, ``CORRUPT_HEADER``,
        or what decoding raises.
    """
    with collected_notes() as notes:
        try:
            hdus = fits.HDUList.fromstring(content, do_not_scale_image_data=True)
            index, hdu, shape = _first_image(hdus, name)
            header = hdu.header
        except ReadError:
            raise
        except _HEADER_ERRORS as error:
            message = f"{name} starts like a FITS file but its header is broken: get the file again."
            raise ReadError(message, reason="CORRUPT_HEADER", name=name, detail=error) from error
        limits.check_pixels(math.prod(shape), name)
        _check_stored(hdu, len(content), limits, name)
        try:
            pixels = _scaled(hdu, header).reshape(shape)
        except TypeError as error:
            if "buffer is too small" not in str(error):
                raise
            message = f"{name} ends in the middle of its compressed pixels: get the file again."
            raise ReadError(message, reason="TRUNCATED", name=name) from error
        metadata: dict[str, MetadataValue] = {
            "format": "FITS",
            "width": shape[2],
            "height": shape[1],
            "bit_depth": abs(int(header["BITPIX"])),
            "floating": int(header["BITPIX"]) < 0,
            "hdu": index,
        }
        cards, unreadable = _cards(header)
        metadata |= sky_position(cards, header, hdus)
        if index:
            primary, more = _cards(hdus[0].header)
            cards, unreadable = primary | cards, unreadable + more
        metadata |= {f"header.{key.lower()}": value for key, value in cards.items() if key not in _STRUCTURE}
        if unreadable:
            metadata["header_cards_unreadable"] = unreadable
        channels = _channels(header, shape[0])
    if notes:
        metadata["reader_notes"] = "; ".join(notes)
    return SourceImage(pixels=pixels, channels=channels, metadata=metadata)


def _first_image(hdus: Any, name: str) -> tuple[int, Any, tuple[int, int, int]]:
    """Index, HDU and (C, H, W) of the first image of two dimensions or more."""
    flat: tuple[int, ...] | None = None
    for index in range(_MAX_HDUS):
        try:
            hdu = hdus[index]
        except IndexError:
            break
        if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU) or hdu.name in _TABLES:
            continue
        shape = tuple(int(length) for length in hdu.shape)
        if not shape or math.prod(shape) == 0 or isinstance(hdu, fits.GroupsHDU):
            continue
        if min(shape[-2:]) < 2 or len(shape) < 2:
            flat = flat or shape
            continue
        planes = [length for length in shape[:-2] if length > 1]
        if len(planes) > 1 or math.prod(planes) > _MAX_PLANES:
            text = " x ".join(map(str, reversed(shape)))
            message = (
                f"{name} is a cube of {text} values; a plane for each of up to {_MAX_PLANES} channels is read: "
                "cut out the planes that you need."
            )
            raise ReadError(message, reason="UNSUPPORTED_DIMENSIONS", name=name, shape=text)
        return index, hdu, (math.prod(planes), shape[-2], shape[-1])
    if flat:
        text = " x ".join(map(str, reversed(flat)))
        message = f"{name} holds {text} values, a spectrum or a single value and no image."
        raise ReadError(message, reason="UNSUPPORTED_DIMENSIONS", name=name, shape=text)
    message = f"{name} is a FITS file without an image: it holds only headers, tables, visibilities or empty images."
    raise ReadError(message, reason="NO_IMAGE_HDU", name=name)


def _check_stored(hdu: Any, available: int, limits: ReadLimits, name: str) -> None:
    """Compare what the header promises with what the file has, before anything is allocated."""
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
        raise ReadError(message, reason="TRUNCATED", name=name, declared=declared)


def _scaled(hdu: Any, header: Any) -> NDArray[np.float32]:
    """Physical values with the top row first; blanks and infinities are NaN.

    Done here and not by astropy, which leaves out a BLANK of 0 or one written as a float.
    """
    raw = hdu.data[..., ::-1, :]
    scale, zero, blank = (header.get(key) for key in ("BSCALE", "BZERO", "BLANK"))
    scale = 1.0 if scale is None else float(scale)
    zero = 0.0 if zero is None else float(zero)
    with np.errstate(over="ignore", invalid="ignore"):  # values beyond float32 become infinite, and then missing
        if scale == 1 and zero == 0:
            pixels = np.ascontiguousarray(raw, dtype=np.float32)
        else:
            pixels = (raw.astype(np.float64) * scale + zero).astype(np.float32)
    if raw.dtype.kind == "f":
        finite = np.isfinite(pixels)
        if not finite.all():
            pixels[~finite] = np.nan
    elif blank is not None and not isinstance(blank, str) and float(blank).is_integer():
        pixels[raw == int(blank)] = np.nan
    return pixels


def _cards(header: Any) -> tuple[dict[str, MetadataValue], int]:
    """Typed values of the cards, the first of each keyword, and how many cards cannot be parsed."""
    values: dict[str, MetadataValue] = {}
    unreadable = 0
    for card in header.cards:
        keyword = card.keyword
        if keyword in _COMMENTARY or keyword in values:
            continue
        try:
            value = card.value
        except (fits.VerifyError, ValueError):
            unreadable += 1
            continue
        if isinstance(value, str):
            values[keyword] = value.strip()
        elif isinstance(value, bool | int):
            values[keyword] = value
        elif isinstance(value, float) and math.isfinite(value):
            values[keyword] = float(value)
    return values, unreadable


def _channels(header: Any, count: int) -> tuple[str, ...]:
    if count > 1:
        bands = tuple(str(header.get(f"BAND{plane}", "")).strip() for plane in range(1, count + 1))
        if all(bands) and len(set(bands)) == count:
            return bands
    return channel_names(count)
