"""Arrays of images of NumPy (``.npy``, ``.npz``), HDF5 and ASDF, one row an image, with what else is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lse.images.formats import Extensions, MetadataValue, ReadError, ReadLimits, SourceImage
from lse.images.formats.asdf import image_stack
from lse.images.formats.npy import MOST_CHANNELS, image_of_array, npy_header
from lse.images.sky import card_position
from lse.images.stacks.stack import Stack, StackFacts
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD", "ArrayStack", "open_arrays"]

# What the array of images is called where a file has several that may be it.
_USUAL = ("images", "image", "data", "cutouts", "x", "x_train", "arr_0")
_SHOWN = 6


def open_arrays(file: IO[bytes]) -> Stack:
    """Open an array of images, or the arrays of a file of which one is of images."""
    begin = file.read(6)
    file.seek(0)
    if begin.startswith(b"\x89HDF"):
        return ArrayStack(_hdf5(file), "HDF5")
    if begin == b"#ASDF ":
        arrays, opened = image_stack(file)
        return ArrayStack(arrays, "ASDF", opened)
    if begin.startswith(b"\x93NUMPY"):
        return ArrayStack({"images": _mapped(file)}, "NumPy")
    found = np.load(file, allow_pickle=False)
    return ArrayStack({key: found[key] for key in found.files}, "NumPy")


def _mapped(file: IO[bytes]) -> NDArray[Any]:
    """Array of a ``.npy`` file, of which only what is used is read."""
    shape, column_major, dtype = npy_header(file)
    if dtype.hasobject:
        return np.empty(0)
    order: Literal["C", "F"] = "F" if column_major else "C"
    return np.memmap(file, dtype=dtype, mode="r", offset=file.tell(), shape=shape, order=order)


def _hdf5(file: IO[bytes]) -> Mapping[str, Any]:
    """Datasets of a file by path.

    Links are not followed, and what is stored outside is left out: such a file may point at any other.
    """
    import h5py  # loaded with the files that need it

    opened = h5py.File(file, "r")
    found: dict[str, Any] = {}
    opened.visititems(lambda path, item: found.update({path: item}) if isinstance(item, h5py.Dataset) else None)
    return {path: item for path, item in found.items() if not (item.external or item.is_virtual)}


class ArrayStack:
    """The array of images of a file, and its arrays of one value an image.

    Parameters
    ----------
    arrays
        NumPy, HDF5 or Zarr arrays by name.
    kind
        Name of the format.
    opened
        What would be closed where nothing else held it.
    """

    def __init__(self, arrays: Mapping[str, Any], kind: str, opened: Any = None) -> None:
        self._opened = opened
        self._arrays = arrays
        self._kind = kind
        self._separator = "." if kind == "ASDF" else "/"
        self._stack = self._chosen()

    def _chosen(self) -> str | None:
        stacks = [name for name, array in self._arrays.items() if _is_stack(array)]
        if len(stacks) < 2:
            return next(iter(stacks), None)
        words = {name: name.rpartition(self._separator)[2].lower() for name in stacks}
        usual = next((name for word in _USUAL for name in stacks if words[name] == word), None)
        if usual is None:
            shown = ", ".join(f"{name} {self._arrays[name].shape}" for name in stacks[:_SHOWN])
            message = f"The file has several arrays of images ({shown}): call the one to read 'images'."
            raise ReadError(message, reason="EXTENSION_MISSING", name="images", hdu="images")
        return usual

    def images(self) -> Sequence[str] | None:
        """See `Stack.images`."""
        if self._stack is not None:
            return list(map(str, range(self._arrays[self._stack].shape[0])))
        # An HDF5 file or a Zarr store of one image has one row; other files of one image are read as they are.
        return ["0"] if self._kind in ("HDF5", "Zarr") and self._single() else None

    def _single(self) -> str | None:
        found = [name for name, array in self._arrays.items() if array.ndim in (2, 3) and array.dtype.kind in "buif"]
        return found[0] if len(found) == 1 else None

    def read(self, image: str, name: str, limits: ReadLimits, extensions: Extensions) -> SourceImage:
        """See `Stack.read`."""
        del extensions
        row = int(image)
        stack = self._stack or self._single()
        assert stack is not None  # it had images
        array = self._arrays[stack]
        shape = array.shape[1:] if self._stack else array.shape
        limits.check_pixels(math.prod(shape), name)
        found = image_of_array(np.asarray(array[row] if self._stack else array[...]), name, self._kind)
        if not self._stack:
            return found
        facts: dict[str, MetadataValue] = {}
        for key, values in self._arrays.items():
            if key != stack and values.shape == array.shape[:1] and values.dtype.kind in "biufSUO":
                value = _scalar(values[row])
                if value is not None:
                    facts[f"header.{key.rpartition(self._separator)[2].lower()}"] = value
        return replace(found, metadata={**found.metadata, **facts, **position_of(facts)})


def position_of(facts: Mapping[str, MetadataValue]) -> dict[str, MetadataValue]:
    """Position of columns that are called ``ra`` and ``dec``, in degrees."""
    return {**card_position({"RA": facts.get("header.ra"), "DEC": facts.get("header.dec")}, {})}


def _is_stack(array: Any) -> bool:
    """Whether an array has more than one image.

    It has where there are four dimensions, or three none of which can be that of channels: they are large, or squares
    remain beside a first one that is too large.
    """
    if array.dtype.kind not in "buif" or min(array.shape, default=0) < 1:
        return False
    shape = tuple(map(int, array.shape))
    if len(shape) != 3:
        return len(shape) == 4
    return shape[0] > MOST_CHANNELS and (shape[2] > MOST_CHANNELS or shape[1] == shape[2])


def _scalar(value: Any) -> MetadataValue | None:
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value  # Zarr gives arrays without axes
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) else None


METHOD: Method[Callable[[IO[bytes]], Stack], StackFacts] = Method(
    id="arrays",
    title="Arrays",
    summary="Arrays of images of NumPy (.npy, .npz), HDF5 and ASDF, one row an image.",
    parameters=Parameters,
    run=open_arrays,
    facts=StackFacts(
        signature=rb"\x93NUMPY|PK\x03\x04|\x89HDF\r\n\x1a\n|#ASDF ",
        suffixes=(".npy", ".npz", ".h5", ".hdf5", ".hdf", ".asdf"),
    ),
    order=20,
)
