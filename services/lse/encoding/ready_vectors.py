"""Ready vectors from a file, joined to the images of a dataset by name."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lse.platform.errors import InvalidArgumentError

__all__ = ["SUFFIXES", "read_vectors"]

SUFFIXES = (".parquet", ".npy", ".npz")


def read_vectors(data: bytes, file_name: str, names: Sequence[str]) -> NDArray[np.float32]:
    """Vectors in the order of the images.

    Parameters
    ----------
    data
        Content of the file.
    file_name
        Its name; the suffix tells the format.  ``.parquet``: a column ``name`` and a column ``vector`` of lists, or one
        number column a dimension.  ``.npz``: arrays ``name`` and ``vectors``.  ``.npy``: vectors alone, one an image
        in the order of the rows.
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
        if file_name.endswith(".parquet"):
            keys, vectors = _from_table(pq.read_table(io.BytesIO(data)))
        elif file_name.endswith(".npz"):
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                keys, vectors = [str(name) for name in arrays["name"]], np.asarray(arrays["vectors"])
        elif file_name.endswith(".npy"):
            keys, vectors = list(names), np.load(io.BytesIO(data), allow_pickle=False)
        else:
            raise _wrong(f"{file_name} is of no known format: give one of {', '.join(SUFFIXES)}.")
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise _wrong(f"{file_name} cannot be read as vectors ({error}).") from error
    if vectors.ndim != 2 or len(vectors) != len(keys) or not np.issubdtype(vectors.dtype, np.number):
        raise _wrong(
            f"{file_name} has vectors of shape {vectors.shape} for {len(keys)} images: give a row of numbers each."
        )
    row_of = {key: row for row, key in enumerate(keys)}
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


def _from_table(table: pa.Table) -> tuple[list[str], NDArray[np.floating]]:
    keys = [str(name) for name in table["name"].to_pylist()]
    if "vector" in table.column_names:
        return keys, np.asarray(table["vector"].to_pylist(), dtype=np.float32)
    columns = [name for name in table.column_names if name != "name"]
    return keys, np.column_stack([table[name].to_numpy() for name in columns])


def _wrong(message: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="INVALID_VECTORS_FILE")
