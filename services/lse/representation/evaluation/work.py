"""Images read and encoded in batches for a judgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import CancelledError
from lse.progress import Progress
from lse.representation.evaluation.nuisances import image_properties

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.training.images import ArrayLike

__all__ = ["Bounds", "Encode", "Work", "sampled"]

# Vectors (n, dimension) of prepared images (n, channels, size, size), both float32.
Encode = Callable[["NDArray[np.float32]"], "NDArray[np.float32]"]


@dataclass(frozen=True)
class Bounds:
    """Images that each part of a judgement looks at, at most; what is left out is said in a note.

    Attributes
    ----------
    images
        Encoded for the shape of the space, and as many again that have a class.
    changed
        Encoded again after each change, and drawn again.
    audited
        In the nuisance audit.
    pixel_bytes
        Memory of the pixels that stand beside the vectors as a baseline.
    batch
        Encoded at once.
    """

    images: int = 20_000
    changed: int = 1_000
    audited: int = 5_000
    pixel_bytes: int = 1 << 30
    batch: int = 256


def sampled(count: int, most: int, *, seed: int) -> NDArray[np.intp]:
    """Ascending numbers below `count`: all, or a random `most` of them."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, size=most, replace=False))


class Work:
    """Reads and encodes images in batches, reports, and stops when asked."""

    def __init__(
        self,
        images: ArrayLike,
        encode: Encode,
        bounds: Bounds,
        on_progress: ProgressCallback | None,
        should_stop: ShouldStop | None,
    ) -> None:
        self.bounds = bounds
        self.images = images.shape[0]
        self.image_bytes = int(np.prod(images.shape[1:])) * 4
        self._array = images
        self._encode = encode
        self._on_progress = on_progress
        self._should_stop = should_stop

    def starts(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Report, and stop when asked."""
        if self._should_stop is not None and self._should_stop():
            raise CancelledError("The evaluation was cancelled.")
        if self._on_progress is not None:
            self._on_progress(Progress(stage, done, total, "images" if total else "steps"))

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Images of ascending rows."""
        if len(rows) == self.images:
            return np.asarray(self._array[:], dtype=np.float32)
        # Zarr reads the chunks that have one of the rows, and no other.
        taken = self._array.oindex[rows] if hasattr(self._array, "oindex") else self._array[rows]  # type: ignore[index]
        return np.asarray(taken, dtype=np.float32)

    def encode(self, images: NDArray[np.float32], *, stage: str) -> NDArray[np.float32]:
        """Vectors of images in memory."""
        found = []
        for first in range(0, len(images), self.bounds.batch):
            self.starts(stage, first, len(images))
            found.append(self._encode(np.ascontiguousarray(images[first : first + self.bounds.batch], np.float32)))
        return np.concatenate(found)

    def encode_rows(
        self, rows: NDArray[np.intp], *, measured: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        """Vectors of ascending rows, and the properties of the measured ones among them."""
        found: list[NDArray[np.float32]] = []
        properties: list[dict[str, NDArray[np.float32]]] = []
        for first in range(0, len(rows), self.bounds.batch):
            self.starts("encoding", first, len(rows))
            batch = rows[first : first + self.bounds.batch]
            images = self.read(batch)
            found.append(self._encode(np.ascontiguousarray(images)))
            if (wanted := np.isin(batch, measured)).any():
                properties.append(image_properties(images[wanted]))
        merged = {key: np.concatenate([each[key] for each in properties]) for key in properties[0]}
        return np.concatenate(found), merged
