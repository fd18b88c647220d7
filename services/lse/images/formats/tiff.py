"""TIFF images: Pillow where it keeps every value, tifffile for deep, floating and many-channel ones."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.library_warnings import collected_notes
from lse.images.formats.raster import read_raster
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
from lse.methods import Method
from lse.parameters import Parameters

if TYPE_CHECKING:
    import tifffile

__all__ = ["METHOD", "read_tiff"]

_WHITE_IS_ZERO = 0  # PhotometricInterpretation
_RGB = 2
_MAX_CHANNELS = 16


def read_tiff(content: bytes, name: str, limits: ReadLimits, extensions: Extensions | None = None) -> SourceImage:
    """Decode the first page, or those that are asked for by their numbers, of any depth, integer or floating.

    A page is grey, RGB or has up to 16 channels; several pages of one size give the channels of each.

    Raises
    ------
    ReadError
        ``IMAGE_TOO_LARGE``, ``DIMENSIONS_UNSUPPORTED``, ``COMPRESSION_UNSUPPORTED``, ``COLOUR_UNSUPPORTED``,
        ``EXTENSION_MISSING`` or ``EXTENSION_MISMATCH``.
    """
    import tifffile  # loaded when an image is read

    # It logs a line for every tag that is odd; what makes a file unreadable is raised and told with the file.
    tifffile.logger().setLevel(logging.CRITICAL)
    extensions = extensions or Extensions()
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        wanted = extensions.images or (0,)
        whole = bool(extensions.images) or extensions.mask is not None
        count = len(tiff.pages) if whole else 1  # which follows the chain of pages through the file
        if extensions.mask is not None or any(not isinstance(page, int) or not 0 <= page < count for page in wanted):
            message = (
                f"{name} has {count} pages, which have numbers from 0 and no names: choose among them in the recipe "
                "(hdu), without a mask."
            )
            raise ReadError(message, reason="EXTENSION_MISSING", name=name, hdu=", ".join(map(str, wanted)))
        pages: list[Any] = [tiff.pages[int(page)] for page in wanted]
        sizes = [int(page.imagewidth) * int(page.imagelength) * int(page.samplesperpixel) for page in pages]
        limits.check_pixels(sum(sizes), name)
        images = [_page(tiff, int(number), content, name, limits) for number in wanted]
    return _together(images, wanted, name) if extensions.images else images[0]


def _page(tiff: tifffile.TiffFile, number: int, content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    page: Any = tiff.pages[number]
    bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
    if bits <= 8 and int(page.samplesperpixel) <= 4 and page.photometric not in (8, 9, 10) and _is_unsigned(page):
        return read_raster(content, name, limits, kind="TIFF", frame=number)
    return _read_deep(tiff, number, content, name, limits)


def _together(images: Sequence[SourceImage], wanted: Sequence[int | str], name: str) -> SourceImage:
    """One image of the channels of several pages."""
    shapes = [f"{image.pixels.shape[2]} x {image.pixels.shape[1]}" for image in images]
    if len(set(shapes)) > 1:
        text = ", ".join(shapes)
        message = f"{name} has pages of different sizes ({text}): choose some of one size in the recipe (hdu)."
        raise ReadError(message, reason="EXTENSION_MISMATCH", name=name, shapes=text)
    pixels = np.concatenate([image.pixels for image in images])
    if len(pixels) > _MAX_CHANNELS:
        message = f"{name} gives {len(pixels)} channels and at most {_MAX_CHANNELS} are read: choose some of its pages."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, channels=len(pixels))
    channels = images[0].channels
    if len(images) > 1:
        single = len(pixels) == len(images)
        channels = tuple(f"page{page}" for page in wanted) if single else channel_names(len(pixels))
    metadata = {key: value for key, value in images[0].metadata.items() if key != "frames"}
    metadata["bands"] = ", ".join(f"page {page}" for page in wanted)
    return SourceImage(pixels=pixels, channels=channels, metadata=metadata)


def _is_unsigned(page: Any) -> bool:
    return page.dtype is None or page.dtype.kind in "ub"


def _read_deep(tiff: tifffile.TiffFile, number: int, content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    page: Any = tiff.pages[number]
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
        return read_raster(content, name, limits, kind="TIFF", frame=number)
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
        metadata["frames"] = len(tiff.pages)  # of which one is read
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
    facts=ReaderFacts(signature=rb"II[*+]\x00|MM\x00[*+]", suffixes=(".tif", ".tiff"), extensions=True),
    order=40,
)
