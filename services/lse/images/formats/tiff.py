"""TIFF images: Pillow where it keeps every value, tifffile for deep, floating and many-channel ones."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.library_warnings import collected_notes
from lse.images.formats.raster import read_raster
from lse.images.formats.source_image import (
    MetadataValue,
    ReaderFacts,
    ReadError,
    ReadLimits,
    SourceImage,
    channel_names,
    narrowed,
)
from lse.methods import Method
from lse.parameters import Parameters

if TYPE_CHECKING:
    import tifffile

__all__ = ["METHOD", "read_tiff"]

_WHITE_IS_ZERO = 0  # PhotometricInterpretation
_RGB = 2
_MAX_CHANNELS = 16


def read_tiff(content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    """Decode the first page: grey, RGB or up to 16 channels, of any depth, integer or floating.

    Raises
    ------
    ReadError
        ``IMAGE_TOO_LARGE``, ``DIMENSIONS_UNSUPPORTED``, ``COMPRESSION_UNSUPPORTED`` or ``COLOUR_UNSUPPORTED``.
    """
    import tifffile  # loaded when an image is read

    # It logs a line for every tag that is odd; what makes a file unreadable is raised and told with the file.
    tifffile.logger().setLevel(logging.CRITICAL)
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page = tiff.pages.first
        samples = int(page.samplesperpixel)
        limits.check_pixels(int(page.imagewidth) * int(page.imagelength) * samples, name)
        bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
        if bits <= 8 and samples <= 4 and page.photometric not in (8, 9, 10) and _is_unsigned(page):
            return read_raster(content, name, limits, kind="TIFF")
        return _read_deep(tiff, content, name, limits)


def _is_unsigned(page: Any) -> bool:
    return page.dtype is None or page.dtype.kind in "ub"


def _read_deep(tiff: tifffile.TiffFile, content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    page = tiff.pages.first
    with collected_notes() as notes:
        try:
            array = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            if page.samplesperpixel == 1 and page.dtype in (np.dtype("uint16"), np.dtype("float32")):
                array = None  # libtiff inside Pillow knows more compressions and keeps these two kinds exactly
            else:
                codec = getattr(page.compression, "name", page.compression)
                message = (
                    f"{name} is a TIFF compressed with {codec}, which is not read for this kind of "
                    "pixels: save it with DEFLATE or without compression."
                )
                raise ReadError(message, reason="COMPRESSION_UNSUPPORTED", name=name) from error
    if array is None:
        return read_raster(content, name, limits, kind="TIFF")
    planes = _planes(array, page.axes, name)
    if planes.dtype.kind not in "uifb":
        message = f"{name} holds {planes.dtype} values, which are not read: save it as real numbers."
        raise ReadError(message, reason="VALUES_UNSUPPORTED", name=name, dtype=planes.dtype)
    colour = page.photometric == _RGB and len(planes) >= 3
    channels = ("red", "green", "blue") if colour else channel_names(len(planes))
    pixels = narrowed(planes[: len(channels)])
    if page.photometric == _WHITE_IS_ZERO and planes.dtype.kind == "u":
        pixels = narrowed(float(np.iinfo(planes.dtype).max) - pixels.astype(np.float64))
    if colour and len(planes) == 4:
        pixels[:, planes[3] == 0] = np.nan
    orientation = page.tags.valueof(274, 1)
    pixels = np.ascontiguousarray(_upright(pixels, int(orientation)))
    metadata: dict[str, MetadataValue] = {
        "format": "TIFF",
        "width": pixels.shape[2],
        "height": pixels.shape[1],
        "bit_depth": planes.dtype.itemsize * 8,
        "floating": planes.dtype.kind == "f",
    }
    if len(tiff.pages) > 1:
        metadata["frames"] = len(tiff.pages)  # the first is read
    if notes:
        metadata["reader_notes"] = "; ".join(notes)
    return SourceImage(pixels=pixels, channels=channels, metadata=metadata)


def _planes(array: NDArray[Any], axes: str, name: str) -> NDArray[Any]:
    """Array of one page as (C, H, W)."""
    if axes == "YX":
        planes = array[np.newaxis]
    elif axes == "YXS":
        planes = np.moveaxis(array, -1, 0)
    elif axes == "SYX":
        planes = array
    else:
        message = f"{name} is a TIFF with the axes {axes}, which is not a plain image: save it as one page."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, axes=axes)
    if len(planes) > _MAX_CHANNELS:
        message = f"{name} has {len(planes)} channels and at most {_MAX_CHANNELS} are read: choose some of them."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, channels=len(planes))
    return planes


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn pixels (C, H, W) by the value of the TIFF tag Orientation (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(1, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, :, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[:, ::-1]
    return pixels


METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="tiff",
    title="TIFF",
    summary="TIFF images of any depth, integer or floating, with up to 16 channels.",
    parameters=Parameters,
    run=read_tiff,
    facts=ReaderFacts(signature=rb"II[*+]\x00|MM\x00[*+]", suffixes=(".tif", ".tiff")),
    order=40,
)
