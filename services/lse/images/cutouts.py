"""Images cut out of mosaics at positions of a catalogue."""

from __future__ import annotations

import math
import os
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
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
    """Parts of the rows of an uncompressed image, which lie far apart in its file: read together.

    Attributes
    ----------
    read_ranges
        Gives the bytes of such parts.
    begin
        Where the pixels begin.
    dtype
        Of the stored values.
    width
        Of the image, in pixels.
    """

    read_ranges: Callable[[Sequence[tuple[int, int]]], list[bytes]]
    begin: int
    dtype: np.dtype[Any]
    width: int

    @classmethod
    def of(cls, hdu: Any, read_ranges: Callable[[Sequence[tuple[int, int]]], list[bytes]]) -> _Rows | None:
        """Rows of an image HDU; None of a compressed one."""
        from astropy.io import fits

        if isinstance(hdu, fits.CompImageHDU):
            return None
        dtype = np.dtype(STORED_TYPES[int(hdu.header["BITPIX"])])
        return cls(read_ranges, int(hdu.fileinfo()["datLoc"]), dtype, int(hdu.shape[-1]))

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Stored values of a part."""
        size, count = self.dtype.itemsize, columns.stop - columns.start
        firsts = [self.begin + (row * self.width + columns.start) * size for row in range(rows.start, rows.stop)]
        pieces = self.read_ranges([(first, first + count * size) for first in firsts])
        return np.frombuffer(b"".join(pieces), self.dtype).reshape(len(firsts), count)


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
    frame
        Frame of its coordinates; None of ICRS.
    shape
        Height and width in pixels.
    scale
        Side of a pixel in arcsec, the square root of its area.
    rows
        What reads the rows of an uncompressed image.
    """

    file: str
    hdus: Any
    hdu: Any
    wcs: Any
    frame: Any
    shape: tuple[int, int]
    scale: float
    rows: _Rows | None = None

    def pixels_of(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Columns and rows (from 0, the first row of the file is 0) of positions in ICRS; NaN of those far away."""
        world = np.empty((len(ra), 2))
        world[:, [self.wcs.wcs.lng, self.wcs.wcs.lat]] = np.transpose(self._coordinates(ra, dec))
        pixels = np.asarray(self.wcs.wcs_world2pix(world, 0), dtype=np.float64)
        if self.wcs.has_distortion:
            size = np.array(self.shape[::-1])
            # Distortions are solved for by steps from there, which lead nowhere from far outside.
            near = np.flatnonzero(((pixels > -size) & (pixels < 2 * size)).all(axis=1))
            if len(near):
                pixels[near] = self._distorted(world[near])
        return pixels[:, 0], pixels[:, 1]

    def _coordinates(self, ra: NDArray[np.float64], dec: NDArray[np.float64]) -> tuple[Any, Any]:
        """Longitudes and latitudes of positions in the frame of the mosaic, in degrees."""
        from astropy.coordinates import SkyCoord

        if self.frame is None:
            return ra, dec
        found = SkyCoord(ra, dec, unit="deg").transform_to(self.frame).spherical
        return found.lon.deg, found.lat.deg

    def _distorted(self, world: NDArray[np.float64]) -> NDArray[np.float64]:
        from astropy.wcs import NoConvergence

        try:
            return np.asarray(self.wcs.all_world2pix(world, 0), dtype=np.float64)
        except NoConvergence as error:
            found = np.array(error.best_solution, dtype=np.float64)
            for lost in (error.divergent, error.slow_conv):
                if lost is not None:
                    found[lost] = np.nan
            return found


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
        "pixel_scale_arcsec": mosaic.scale,
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
        mosaic = replace(mosaic, rows=_Rows.of(mosaic.hdu, partial(_read_ranges, file.fileno())))
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
    rows = _Rows.of(mosaic.hdu, partial(remote.read_ranges, address))
    return replace(mosaic, file=address_path(address).name.partition("?")[0], rows=rows)


def _read_ranges(descriptor: int, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Parts of a file of this machine."""
    pieces = [os.pread(descriptor, end - first, first) for first, end in ranges]
    if any(len(piece) < end - first for piece, (first, end) in zip(pieces, ranges, strict=True)):
        message = "The mosaic ends before its pixels do: get the file again."
        raise ReadError(message, reason="IMAGE_TRUNCATED")
    return pieces


def _mosaic(hdus: Any, name: str, extensions: Extensions) -> _Mosaic:
    from astropy.coordinates import ICRS
    from astropy.wcs import WCS
    from astropy.wcs.utils import proj_plane_pixel_area, wcs_to_celestial_frame

    chosen, _ = chosen_hdus(image_hdus(hdus, name), extensions, name)
    hdu = chosen[0].hdu
    plain = len(chosen) == 1 and math.prod(hdu.shape[:-2]) == 1 and (sip_order(hdu.header) or 0) <= MOST_SIP_ORDER
    wcs = WCS(hdu.header, hdus) if plain else None
    if wcs is None or not wcs.has_celestial:
        message = f"{name} is not one image with a position on the sky, out of which others could be cut."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=hdu.shape)
    wcs, frame = wcs.celestial, wcs_to_celestial_frame(wcs)
    scale = math.sqrt(proj_plane_pixel_area(wcs)) * 3600
    shape = int(hdu.shape[-2]), int(hdu.shape[-1])
    return _Mosaic(name.rpartition("/")[2], hdus, hdu, wcs, None if isinstance(frame, ICRS) else frame, shape, scale)
