"""NumPy array files (``.npy``): cutouts as pipelines write them, by NumPy."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

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

__all__ = ["METHOD", "MOST_CHANNELS", "image_of_array", "npy_header", "read_npy"]

MOST_CHANNELS = 16
# Numbers of channels that images mostly have.
_USUAL = (1, 3, 4)


def read_npy(content: bytes, name: str, limits: ReadLimits) -> SourceImage:
    """Read an array of shape (H, W), (C, H, W) or (H, W, C) with up to 16 channels; row 0 is the top one.

    Of three dimensions the channels are the first or the last, see `_channels_first`.  Values that are not finite are
    missing.  Arrays of Python objects are refused: no code of a file is run.

    Raises
    ------
    ReadError
        ``DIMENSIONS_UNSUPPORTED``, ``VALUES_UNSUPPORTED``, ``IMAGE_TRUNCATED``, ``IMAGE_TOO_LARGE``, or what
        decoding raises.
    """
    file = io.BytesIO(content)
    shape, _, dtype = npy_header(file)
    if dtype.kind not in "buif":
        message = f"{name} holds {dtype} values, which are not read: save it as an array of real numbers."
        raise ReadError(message, reason="VALUES_UNSUPPORTED", name=name, dtype=dtype)
    limits.check_pixels(math.prod(shape), name)
    if len(content) - file.tell() < math.prod(shape) * dtype.itemsize:
        message = f"{name} ends in the middle of its values: get the file again."
        raise ReadError(message, reason="IMAGE_TRUNCATED", name=name)
    return image_of_array(np.load(io.BytesIO(content), allow_pickle=False), name, "NumPy")


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of the array of a file, which is then read up to its values."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, column_major, dtype = read_header(file)
    return shape, column_major, dtype


def image_of_array(array: NDArray[Any], name: str, kind: str) -> SourceImage:
    """Image of an array of shape (H, W), (C, H, W) or (H, W, C), see `read_npy`.

    Parameters
    ----------
    array
        Real numbers.
    name
        How messages call it.
    kind
        Name of the format that it is from.

    Raises
    ------
    ReadError
        ``DIMENSIONS_UNSUPPORTED``.
    """
    shape, dtype = array.shape, array.dtype
    if array.ndim == 2:
        array = array[np.newaxis]
    elif array.ndim == 3 and not _channels_first(shape, name):
        array = np.moveaxis(array, -1, 0)
    if array.ndim != 3 or not 1 <= len(array) <= MOST_CHANNELS or min(array.shape[1:]) < 2:
        text = " x ".join(map(str, shape)) or "a single value"
        message = f"{name} is an array of {text}: save one image of up to {MOST_CHANNELS} channels per file."
        raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=text)
    pixels = narrowed(array)
    metadata: dict[str, MetadataValue] = {
        "format": kind,
        "width": pixels.shape[2],
        "height": pixels.shape[1],
        "bit_depth": dtype.itemsize * 8,
        "floating": dtype.kind == "f",
    }
    return SourceImage(pixels=pixels, channels=channel_names(len(pixels)), metadata=metadata)


def _channels_first(shape: tuple[int, ...], name: str) -> bool:
    """Whether the first of three dimensions is that of the channels; if not, the last is.

    Channels are at most 16.  Where the first and the last dimension are, they are the one beside which a square
    remains, or else the one that is 1, 3 or 4.

    Raises
    ------
    ReadError
        ``DIMENSIONS_UNSUPPORTED``: either may be.
    """
    first, middle, last = shape
    if max(first, last) > MOST_CHANNELS:
        return first <= MOST_CHANNELS
    for one, other in (((middle == last), (first == middle)), (first in _USUAL, last in _USUAL)):
        if one != other:
            return one
    text = " x ".join(map(str, shape))
    message = (
        f"{name} is an array of {text}, of which the first or the last number may be that of channels: "
        "save an array of one channel (rows x columns)."
    )
    raise ReadError(message, reason="DIMENSIONS_UNSUPPORTED", name=name, shape=text)


METHOD: Method[Callable[..., SourceImage], ReaderFacts] = Method(
    id="npy",
    title="NumPy",
    summary="NumPy array files of one image each, of any real type, with up to 16 channels.",
    parameters=Parameters,
    run=read_npy,
    facts=ReaderFacts(signature=rb"\x93NUMPY", suffixes=(".npy",)),
    order=50,
)
