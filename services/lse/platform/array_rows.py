"""Some rows of a Zarr array, in any order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

__all__ = ["ArrayRows"]


class ArrayRows:
    """Rows of an array, read a chunk at a time; those of the last chunk are at hand.

    Attributes
    ----------
    shape, dtype
        Those of the array.
    """

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.shape = array.shape
        self.dtype = array.dtype
        self._step = step = array.chunks[0]
        self._chunk = lru_cache(maxsize=1)(lambda index: np.asarray(array[index * step : (index + 1) * step]))

    def __getitem__(self, rows: NDArray[np.int64]) -> np.ndarray:
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        chunks = rows // self._step
        for index in np.unique(chunks).tolist():
            here = chunks == index
            found[here] = self._chunk(index)[rows[here] - index * self._step]
        return found
