"""The images of a training run: kept in memory when they fit, else read ahead of the training in pools of chunks."""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lse.platform.errors import CancelledError, InvalidArgumentError
from lse.platform.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lse.platform.progress import ProgressCallback, ShouldStop

__all__ = ["ArrayLike", "ImageStatistics", "TrainingImages"]

MEMORY_LIMIT = 2 * 1024**3
POOL_BYTES = 256 * 1024**2
_BLOCK_BYTES = 64 * 1024**2


class ArrayLike(Protocol):
    """What images are read from: a `numpy.ndarray` or a `zarr.Array` of shape (n, channels, height, width)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        ...

    def __getitem__(self, key: slice, /) -> object:
        """Rows of the array."""
        ...


@dataclass(frozen=True)
class ImageStatistics:
    """What one pass over the images gives.

    Attributes
    ----------
    mean, std
        Of each band over all pixels of all images; `std` is 1 for a constant band.
    digest
        Hash of every pixel, in hexadecimal.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str


class TrainingImages:
    """Images in the order in which a run numbers them.

    Parameters
    ----------
    array
        Shape (rows, channels, height, width).
    rows
        Rows to train on, all when None.
    memory_limit
        Largest size that is kept in memory, in bytes.
    pool_bytes
        Size of a pool: images are shuffled within pools of whole chunks, and pools are shuffled.

    Raises
    ------
    InvalidArgumentError
        When there are fewer than two images, or a row does not exist.
    """

    def __init__(
        self,
        array: ArrayLike,
        rows: NDArray[np.int64] | None = None,
        *,
        memory_limit: int = MEMORY_LIMIT,
        pool_bytes: int = POOL_BYTES,
    ) -> None:
        self._array = array
        self._rows = np.arange(array.shape[0]) if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
        if len(self._rows) < 2:
            raise InvalidArgumentError(
                f"Training needs at least two images and there {'is one' if len(self._rows) else 'are none'}; "
                "ingest more images into the dataset.",
                reason="TOO_FEW_IMAGES",
                images=len(self._rows),
            )
        if self._rows[0] < 0 or self._rows[-1] >= array.shape[0]:
            raise InvalidArgumentError(
                f"Rows to train on must lie between 0 and {array.shape[0] - 1}.", reason="ROWS_OUT_OF_RANGE"
            )
        image_bytes = int(np.prod(array.shape[1:])) * 4
        self.shape = (len(self._rows), *array.shape[1:])
        self._in_memory = len(self._rows) * image_bytes <= memory_limit
        chunk = int(getattr(array, "chunks", (256,))[0])
        # Blocks and pools hold whole chunks, so that no chunk is decompressed twice in an epoch.
        self._block = chunk * max(1, _BLOCK_BYTES // (chunk * image_bytes))
        pool = chunk * max(1, pool_bytes // (chunk * image_bytes))
        self._pools = np.split(np.arange(len(self)), np.searchsorted(self._rows, np.arange(pool, array.shape[0], pool)))
        self._pools = [pool for pool in self._pools if len(pool)]
        self._memory: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Count of images."""
        return len(self._rows)

    def read(self, on_progress: ProgressCallback, should_stop: ShouldStop) -> ImageStatistics:
        """Pass once over all images: keep them if they fit into memory, and measure them.

        Raises
        ------
        InvalidArgumentError
            When a pixel is not finite, or all images are one constant.
        CancelledError
            When asked to stop.
        """
        channels = self.shape[1]
        memory = np.empty(self.shape, dtype=np.float32) if self._in_memory else None
        shift: NDArray[np.float64] | None = None
        total, squares, pixels = np.zeros(channels), np.zeros(channels), 0
        digest = hashlib.blake2b(repr(self.shape).encode(), digest_size=16)
        for positions in self._blocks():
            if should_stop():
                raise CancelledError("The training was cancelled.", reason="TRAINING_CANCELLED")
            block = self._load(positions)
            if not np.isfinite(block).all():
                count = int((~np.isfinite(block).all(axis=(1, 2, 3))).sum())
                raise InvalidArgumentError(
                    f"At least {count} of the prepared images hold values that are not finite; "
                    "choose a NaN policy in the recipe that fills or rejects them.",
                    reason="IMAGES_NOT_FINITE",
                    images=count,
                )
            digest.update(block.tobytes())
            if memory is not None:
                memory[positions] = block
            if shift is None:
                # Sums about a value within the data keep their precision in one pass.
                shift = block.mean(axis=(0, 2, 3), dtype=np.float64)
            centred = block.astype(np.float64) - shift.reshape(1, -1, 1, 1)
            total += centred.sum(axis=(0, 2, 3))
            squares += np.square(centred).sum(axis=(0, 2, 3))
            pixels += block.shape[0] * block.shape[2] * block.shape[3]
            on_progress(Progress("reading images", int(positions[-1]) + 1, len(self), "images"))
        assert shift is not None
        offset = total / pixels
        std = np.sqrt(np.maximum(squares / pixels - offset**2, 0))
        mean = shift + offset
        constant = std <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
        if constant.all():
            raise InvalidArgumentError(
                "All pixels of all prepared images are equal, so there is nothing to learn; check crop and stretch of "
                "the recipe.",
                reason="IMAGES_ALL_EQUAL",
            )
        self._memory = memory
        return ImageStatistics(tuple(mean.tolist()), tuple(np.where(constant, 1.0, std).tolist()), digest.hexdigest())

    def batches(self, *, seed: int, batch_size: int, first_step: int, steps: int) -> Iterator[NDArray[np.float32]]:
        """Yield the batches of steps `first_step` to `steps` - 1, which depend on the seed and the step alone.

        Every image comes once an epoch; the batches of an epoch differ in size by at most one image.
        """
        per_epoch = self.steps_per_epoch(batch_size)
        bounds = np.linspace(0, len(self), per_epoch + 1).astype(int)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="training-images") as reader:
            step = first_step
            while step < steps:
                epoch, first = divmod(step, per_epoch)
                last = min(per_epoch, first + steps - step)
                yield from self._epoch_batches(reader, (seed, epoch), bounds[first : last + 1])
                step += last - first

    def steps_per_epoch(self, batch_size: int) -> int:
        """Batches in which every image comes once; each has two images or more, which batch normalisation needs."""
        return min(-(-len(self) // batch_size), len(self) // 2)

    def _epoch_batches(
        self, reader: ThreadPoolExecutor, seed: tuple[int, int], bounds: NDArray[np.int64]
    ) -> Iterator[NDArray[np.float32]]:
        random = np.random.default_rng(seed)
        if self._memory is not None:
            order = random.permutation(len(self))
            for start, stop in itertools.pairwise(bounds):
                yield self._memory[order[start:stop]]
            return
        pools = [self._pools[index] for index in random.permutation(len(self._pools))]
        orders = [random.permutation(len(pool)) for pool in pools]
        ends = np.cumsum([len(pool) for pool in pools])
        loaded: dict[int, Future[NDArray[np.float32]]] = {}
        for start, stop in itertools.pairwise(bounds):
            first, last = np.searchsorted(ends, [start, stop - 1], side="right").tolist()
            for index in [index for index in loaded if index < first]:
                del loaded[index]
            for index in range(first, min(last + 2, len(pools))):  # one pool ahead
                if index not in loaded:
                    loaded[index] = reader.submit(self._load, pools[index])
            parts = []
            for index in range(first, last + 1):
                begin = int(ends[index]) - len(pools[index])
                chosen = orders[index][max(start - begin, 0) : stop - begin]
                parts.append(loaded[index].result()[chosen])
            yield np.concatenate(parts)

    def _blocks(self) -> Iterator[NDArray[np.int64]]:
        starts = np.searchsorted(self._rows, np.arange(self._block, self._array.shape[0], self._block))
        yield from (block for block in np.split(np.arange(len(self)), starts) if len(block))

    def _load(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Images of ascending positions, read from the array as one slice."""
        rows = self._rows[positions]
        block = np.asarray(self._array[int(rows[0]) : int(rows[-1]) + 1], dtype=np.float32)
        return np.ascontiguousarray(block if len(block) == len(rows) else block[rows - rows[0]])
