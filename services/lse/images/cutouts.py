"""Images cut out of mosaics at positions of a catalogue."""

from __future__ import annotations

import math
import time
import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.addresses import address_of, address_path
from lse.errors import LseError
from lse.images.formats import Extensions, MetadataValue, ReadError, ReadLimits, SourceImage
from lse.images.formats.fits import physical
from lse.images.formats.fits_hdus import chosen_hdus, image_hdus
from lse.images.formats.fits_plain import STORED_TYPES
from lse.images.formats.source_image import channel_names, narrowed
from lse.images.sky import MOST_SIP_ORDER, sip_order
from lse.images.sources.ranges import RangeReader
from lse.regular_files import NotRegularFileError, OutsideError, open_regular_file

__all__ = ["depths_in_mosaic", "read_cutout"]

_KEPT_SECONDS = 60  # of a mosaic at an address


@dataclass(frozen=True)
class _Rows:
    """Parts of the rows of an uncompressed image at an address, which lie far apart in its file: fetched together."""

    remote: RangeReader
    address: str
    begin: int
    dtype: np.dtype[Any]
    width: int

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Stored values of a part."""
        size, count = self.dtype.itemsize, columns.stop - columns.start
        firsts = [self.begin + (row * self.width + columns.start) * size for row in range(rows.start, rows.stop)]
        pieces = self.remote.read_ranges(self.address, [(first, first + count * size) for first in firsts])
        return np.stack([np.frombuffer(piece, self.dtype, count) for piece in pieces])


@dataclass(frozen=True)
class _Mosaic:
    """An open image of a FITS file, of which parts are read as they are needed.

    Attributes
    ----------
    file
        Name of the file.
    hdus
        The file.
    hdu
        The image.
    wcs
        Its celestial `astropy.wcs.WCS`.
    shape
        Height and width in pixels.
    rows
        What reads the rows of an uncompressed image at an address.
    """

    file: str
    hdus: Any
    hdu: Any
    wcs: Any
    shape: tuple[int, int]
    rows: _Rows | None = None

    def pixels_of(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Columns and rows (from 0, the first row of the file is 0) of positions in ICRS; NaN of those far away."""
        from astropy.coordinates import SkyCoord
        from astropy.wcs.utils import skycoord_to_pixel

        x, y = skycoord_to_pixel(SkyCoord(ra, dec, unit="deg"), self.wcs, mode="wcs")
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def depths_in_mosaic(
    path: Path,
    name: str,
    positions: NDArray[np.float64],
    extensions: Extensions,
    within: Sequence[Path] | None,
    *,
    remote: RangeReader | None = None,
) -> NDArray[np.float64]:
    """How deep within a mosaic positions lie.

    Parameters
    ----------
    path, name, extensions, within, remote
        As for `read_cutout`.
    positions
        Right ascensions and declinations (n, 2), ICRS, degrees; NaN where there is none.

    Returns
    -------
    ndarray
        Distance to the nearest edge in pixels, negative outside, of shape (n,); -inf where there is no position.

    Raises
    ------
    ReadError
        If the file is not a mosaic.
    """
    mosaic = _opened(path, name, extensions, within, remote)
    known = np.isfinite(positions).all(axis=1)
    depths = np.full(len(positions), -np.inf)
    if known.any():
        x, y = mosaic.pixels_of(*positions[known].T)
        height, width = mosaic.shape
        depth = np.minimum.reduce([x + 0.5, y + 0.5, width - 0.5 - x, height - 0.5 - y])
        depths[known] = np.where(np.isfinite(depth), depth, -np.inf)
    return depths


def read_cutout(
    path: Path,
    position: tuple[float, float],
    side: int,
    *,
    name: str,
    limits: ReadLimits,
    extensions: Extensions,
    within: Sequence[Path] | None,
    remote: RangeReader | None = None,
) -> SourceImage:
    """Cut a square out of a mosaic; as `astropy.nddata.Cutout2D` in mode ``partial``, what lies outside is NaN.

    Parameters
    ----------
    path
        FITS file, tile-compressed or not, of which only the part that is needed is read.
    position
        Right ascension and declination of the middle, ICRS, degrees.
    side
        Of the square, in pixels of the mosaic.
    name
        How messages call the image.
    limits, extensions, within
        As for `lse.images.formats.read_image`.
    remote
        What reads parts of a file at an address.

    Raises
    ------
    ReadError
        ``POSITION_OUT_OF_RANGE`` where the square and the mosaic do not overlap, ``POSITION_MISSING``, or what is wrong
        with the file.
    """
    if not all(map(math.isfinite, position)):
        message = f"{name} has no position in the catalogue: complete its row."
        raise ReadError(message, reason="POSITION_MISSING", name=name)
    limits.check_pixels(side * side, name)
    mosaic = _opened(path, path.name, extensions, within, remote)
    x, y = (float(value[0]) for value in mosaic.pixels_of(np.array([position[0]]), np.array([position[1]])))
    height, width = mosaic.shape
    if not (math.isfinite(x) and math.isfinite(y)):
        raise _outside(name)
    # As Cutout2D places them: of an even side the middle lies between the two middle pixels.
    left, bottom = math.ceil(x - side / 2), math.ceil(y - side / 2)
    columns, rows = slice(max(left, 0), min(left + side, width)), slice(max(bottom, 0), min(bottom + side, height))
    if columns.start >= columns.stop or rows.start >= rows.stop:
        raise _outside(name)
    part = narrowed(_section(mosaic, rows, columns))
    pixels = np.full((1, side, side), np.nan, dtype=part.dtype)
    pixels[0, rows.start - bottom : rows.stop - bottom, columns.start - left : columns.stop - left] = part
    facts: dict[str, MetadataValue] = {
        "format": "FITS",
        "width": side,
        "height": side,
        "bit_depth": abs(int(mosaic.hdu.header["BITPIX"])),
        "floating": int(mosaic.hdu.header["BITPIX"]) < 0,
        "mosaic": mosaic.file,
        "mosaic_x": x,
        "mosaic_y": y,
        "outside_fraction": 1 - part.size / side**2,
        "ra_deg": position[0] % 360,
        "dec_deg": position[1],
        **_scale(mosaic),
    }
    unit = str(mosaic.hdu.header.get("BUNIT") or "").strip()
    return SourceImage(
        pixels=np.ascontiguousarray(pixels[:, ::-1]),
        channels=channel_names(1),
        metadata=facts,
        units={"pixels": unit} if unit else {},
    )


def _outside(name: str) -> ReadError:
    message = f"{name} lies outside of all mosaics: give the mosaic that covers it, or leave its row out."
    return ReadError(message, reason="POSITION_OUT_OF_RANGE", name=name)


def _section(mosaic: _Mosaic, rows: slice, columns: slice) -> NDArray[Any]:
    """Physical values of a part of the image, of its first plane where it has axes of length one."""
    if mosaic.rows is not None:
        return physical(mosaic.rows.read(rows, columns), mosaic.hdu.header)
    lead = (0,) * (len(mosaic.hdu.shape) - 2)
    return np.asarray(mosaic.hdu.section[(*lead, rows, columns)])


def _scale(mosaic: _Mosaic) -> Mapping[str, MetadataValue]:
    from astropy.wcs.utils import proj_plane_pixel_area

    return {"pixel_scale_arcsec": float(np.sqrt(proj_plane_pixel_area(mosaic.wcs)) * 3600)}


def _opened(
    path: Path, name: str, extensions: Extensions, within: Sequence[Path] | None, remote: RangeReader | None
) -> _Mosaic:
    try:
        if remote is not None:
            return _kept_remote(remote, str(address_of(path)), name, extensions, int(time.monotonic() / _KEPT_SECONDS))
        kind = path.stat()
        return _kept(path, name, extensions, tuple(within or ()) if within is not None else None, kind.st_mtime_ns)
    except LseError:
        raise
    except (OutsideError, NotRegularFileError) as error:
        message = f"{name} is a link out of the folders that may be read, or no regular file: leave it out."
        raise ReadError(message, reason="FILE_UNSUPPORTED", name=name) from error
    except OSError as error:
        detail = error.strerror or type(error).__name__
        message = f"{name} cannot be opened as a mosaic ({detail}): check that it is a FITS image."
        raise ReadError(message, reason="FILE_UNREADABLE", name=name, detail=detail) from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        message = f"{name} starts like a FITS file but its header is broken: get the file again."
        raise ReadError(message, reason="HEADER_DAMAGED", name=name, detail=type(error).__name__) from error


@lru_cache(maxsize=1)  # positions of a mosaic follow one another
def _kept(path: Path, name: str, extensions: Extensions, within: tuple[Path, ...] | None, changed: int) -> _Mosaic:
    from astropy.io import fits

    del changed
    file = open_regular_file(path, within=within)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what libraries say of headers is said when the file is an image
            mosaic = _mosaic(fits.open(file, memmap=False, lazy_load_hdus=True), name, extensions)
    except BaseException:
        file.close()
        raise
    weakref.finalize(mosaic, file.close)
    return mosaic


@lru_cache(maxsize=1)  # as above; after a while it is opened again, since it may have changed
def _kept_remote(remote: RangeReader, address: str, name: str, extensions: Extensions, period: int) -> _Mosaic:
    from astropy.io import fits

    del period
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mosaic = _mosaic(fits.open(remote.open(address), memmap=False, lazy_load_hdus=True), name, extensions)
    mosaic = replace(mosaic, file=address_path(address).name.partition("?")[0])
    if isinstance(mosaic.hdu, fits.CompImageHDU):
        return mosaic
    dtype = np.dtype(STORED_TYPES[int(mosaic.hdu.header["BITPIX"])])
    begin = int(mosaic.hdu.fileinfo()["datLoc"])
    return replace(mosaic, rows=_Rows(remote, address, begin, dtype, mosaic.shape[1]))


def _mosaic(hdus: Any, name: str, extensions: Extensions) -> _Mosaic:
    from astropy.wcs import WCS

    chosen, _ = chosen_hdus(image_hdus(hdus, name), extensions, name)
    hdu = chosen[0].hdu
    plain = len(chosen) == 1 and math.prod(hdu.shape[:-2]) == 1 and (sip_order(hdu.header) or 0) <= MOST_SIP_ORDER
    wcs = WCS(hdu.header, hdus) if plain else None
    if wcs is None or not wcs.has_celestial:
        message = f"{name} is not one image with a position on the sky, out of which others could be cut."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=hdu.shape)
    return _Mosaic(name.rpartition("/")[2], hdus, hdu, wcs.celestial, (int(hdu.shape[-2]), int(hdu.shape[-1])))
