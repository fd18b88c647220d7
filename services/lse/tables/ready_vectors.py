"""Ready vectors from a file, joined to the images of a dataset by name."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError

__all__ = ["SUFFIXES", "read_vectors"]

SUFFIXES = (".parquet", ".npy", ".npz", ".h5", ".hdf5")

_MOST_DIMENSIONS = 65_536  # what Qdrant takes
# What names and vectors are usually called.
_NAMES = ("name", "names", "image", "images", "image_name", "image_names", "id", "ids")
_VECTORS = ("vector", "vectors", "embedding", "embeddings", "feature", "features", "latent", "latents")


def read_vectors(data: bytes | Path, file_name: str, names: Sequence[str]) -> NDArray[np.float32]:
    """Vectors in the order of the images.

    Parameters
    ----------
    data
        Content of the file, or where it is.
    file_name
        Its name; the suffix tells the format.  ``.parquet``: a column ``name`` and a column ``vector`` of lists, or one
        number column a dimension.  ``.npz``: arrays ``names`` and ``vectors``.  ``.npy``: vectors alone, one an image
        in the order of the rows.  ``.h5`` and ``.hdf5``: a dataset of names, 1-D texts, and one of vectors, 2-D
        numbers, in any group; where there are several of a kind, those called ``names`` and ``vectors``.  The singular
        does as well, and so do ``image``, ``id``, ``embedding``, ``feature`` and ``latent``.
    names
        Names of the images, in the order of the rows.

    Returns
    -------
    ndarray
        float32, shape (n, D).

    Raises
    ------
    InvalidArgumentError
        If the file cannot be read, or does not have one finite vector for every image.
    """
    try:
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as file:
            keys, vectors = _read(file, file_name, names)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, pa.ArrowException) as error:
        raise _wrong(f"{file_name} cannot be read as vectors ({error}).") from error
    if vectors.ndim != 2 or len(vectors) != len(keys) or not np.issubdtype(vectors.dtype, np.number):
        raise _wrong(
            f"{file_name} has vectors of shape {vectors.shape} for {len(keys)} images: give a row of numbers each."
        )
    row_of = {key: row for row, key in enumerate(keys)}
    if len(row_of) < len(keys):
        twice = next(key for row, key in enumerate(keys) if row_of[key] != row)
        raise _wrong(f"{file_name} has more than one vector for '{twice}': give one for every image.")
    missing = [name for name in names if name not in row_of]
    if missing:
        raise _wrong(
            f"{file_name} has no vector for {len(missing)} of the {len(names)} images, such as '{missing[0]}': "
            "give one for every image."
        )
    ordered = np.ascontiguousarray(vectors[[row_of[name] for name in names]], dtype=np.float32)
    if not np.isfinite(ordered).all():
        raise _wrong(f"{file_name} has vectors with NaN or infinity: give finite numbers.")
    return ordered


def _read(file: IO[bytes], file_name: str, names: Sequence[str]) -> tuple[list[str], NDArray[np.floating]]:
    if file_name.endswith(".parquet"):
        return _from_table(pq.read_table(file), file_name)
    if file_name.endswith(".npz"):
        with np.load(file, allow_pickle=False) as arrays:
            keys = [str(name) for name in arrays[_called(arrays.files, _NAMES, file_name)]]
            return keys, np.asarray(arrays[_called(arrays.files, _VECTORS, file_name)])
    if file_name.endswith(".npy"):
        return list(names), np.load(file, allow_pickle=False)
    if file_name.endswith((".h5", ".hdf5")):
        return _from_hdf5(file, file_name)
    raise _wrong(f"{file_name} is of no known format: give one of {', '.join(SUFFIXES)}.")


def _from_table(table: pa.Table, file_name: str) -> tuple[list[str], NDArray[np.floating]]:
    name = _called(table.column_names, _NAMES, file_name)
    keys = [str(key) for key in table[name].to_pylist()]
    lists = [column for column in table.column_names if pa.types.is_nested(table.schema.field(column).type)]
    if lists:
        column = lists[0] if len(lists) == 1 else _called(lists, _VECTORS, file_name)
        return keys, np.asarray(table[column].to_pylist(), dtype=np.float32)
    return keys, np.column_stack([table[column].to_numpy() for column in table.column_names if column != name])


def _called(there: Sequence[str], usual: Sequence[str], file_name: str) -> str:
    """The first of the usual names that is there."""
    for name in usual:
        if name in there:
            return name
    raise _wrong(f"{file_name} has {', '.join(there) or 'nothing'}: call the {usual[1]} of the images '{usual[1]}'.")


def _from_hdf5(data: IO[bytes], file_name: str) -> tuple[list[str], NDArray[np.floating]]:
    import h5py

    with h5py.File(data, "r") as file:
        found: dict[str, h5py.Dataset] = {}
        # Links are not followed, and what is stored outside is not read: such a file may point at any other.
        file.visititems(lambda path, item: found.update({path: item}) if isinstance(item, h5py.Dataset) else None)
        inside = {path: item for path, item in found.items() if not (item.external or item.is_virtual)}
        texts = {path: item for path, item in inside.items() if item.ndim == 1 and item.dtype.kind in "OS"}
        numbers = {path: item for path, item in inside.items() if item.ndim == 2 and item.dtype.kind in "fiu"}
        shown = ", ".join(f"{path} {item.dtype} {item.shape}" for path, item in found.items()) or "no dataset"
        keys = _one_of(texts, _NAMES, f"{file_name} needs one dataset of image names, 1-D texts, and has {shown}")
        vectors = _one_of(numbers, _VECTORS, f"{file_name} needs one dataset of vectors, 2-D numbers, and has {shown}")
        if len(keys) != len(vectors):
            raise _wrong(f"{file_name} has {len(keys)} names and {len(vectors)} vectors: give a name for every vector.")
        if vectors.shape[1] > _MOST_DIMENSIONS:  # a few bytes can declare any
            raise _wrong(
                f"{file_name} has vectors of {vectors.shape[1]:,} dimensions: at most {_MOST_DIMENSIONS:,} are read."
            )
        return [str(name) for name in keys.asstr()[...]], np.asarray(vectors[...])


def _one_of(datasets: Mapping[str, Any], usual: Sequence[str], problem: str) -> Any:
    """The one dataset, or of several the one with a usual name."""
    if len(datasets) == 1:
        return next(iter(datasets.values()))
    named = [item for path, item in datasets.items() if path.rpartition("/")[2].lower() in usual]
    if len(named) != 1:
        raise _wrong(f"{problem}: call it '{usual[1]}'.")
    return named[0]


def _wrong(message: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="VECTORS_FILE_INVALID")
