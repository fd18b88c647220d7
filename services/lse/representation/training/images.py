"""The images of a training run: kept in memory when they fit, else read ahead of the training in pools of chunks."""

from __future__ import annotations

import hashlib
import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lse.errors import CancelledError, DataLossError, InvalidArgumentError
from lse.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from lse.progress import ProgressCallback, ShouldStop

__all__ = ["ArrayLike", "ImageStatistics", "TrainingImages", "held_out_rows", "open_images"]

MEMORY_LIMIT = 2 * 1024**3
POOL_BYTES = 256 * 1024**2
_BLOCK_BYTES = 64 * 1024**2
_CACHE_BYTES = 1024**2


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
    constant_bands
        Bands that have one value in all images, from 0.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str
    constant_bands: tuple[int, ...] = ()

    def check(self) -> None:
        """Refuse images with a band that shows nothing.

        Raises
        ------
        InvalidArgumentError
            ``BAND_CONSTANT``.
        """
        if self.constant_bands:
            which = ", ".join(str(band + 1) for band in self.constant_bands)
            raise InvalidArgumentError(
                f"Band {which} of {len(self.mean)} has the same value in all prepared images, as one does that is "
                "missing in every source; leave it out of the channels of the recipe.",
                reason="BAND_CONSTANT",
                bands=which,
            )


def open_images(url: str, storage_options: Mapping[str, Any] | None = None) -> ArrayLike:
    """Prepared images, shape (n, channels, size, size), of a Zarr array that is kept anywhere fsspec reads.

    Raises
    ------
    DataLossError
        When there is none.
    """
    import zarr

    local = url.startswith("file://")
    try:
        images: ArrayLike = zarr.open_array(
            url.removeprefix("file://"), mode="r", storage_options=None if local else dict(storage_options or {})
        )
    except FileNotFoundError as error:
        raise DataLossError(f"There are no images at {url}.", reason="ARTIFACT_MISSING", uri=url) from error
    return images


def held_out_rows(count: int, held_out: int, *, seed: int) -> NDArray[np.int64]:
    """Which of `count` images a run of a seed holds out, ascending."""
    return np.sort(np.random.default_rng((seed, 1)).permutation(count)[:held_out])


class TrainingImages:
    """Images in the order in which a run numbers them: those to learn from, and those held out to measure the loss.

    Parameters
    ----------
    array
        Shape (rows, channels, height, width).
    rows
        Rows to use, all when None.
    held_out
        Count of images to hold out; they are kept in memory.
    seed
        Of the choice of the images to hold out.
    memory_limit
        Largest size that is kept in memory, in bytes.
    pool_bytes
        Size of a pool: images are shuffled within pools of whole chunks, and pools are shuffled.

    Raises
    ------
    InvalidArgumentError
        When fewer than two images are left to learn from, or a row does not exist.
    """

    def __init__(
        self,
        array: ArrayLike,
        rows: NDArray[np.int64] | None = None,
        *,
        held_out: int = 0,
        seed: int = 0,
        memory_limit: int = MEMORY_LIMIT,
        pool_bytes: int = POOL_BYTES,
    ) -> None:
        self._array = array
        self._rows = np.arange(array.shape[0]) if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
        count = len(self._rows) - held_out
        if count < 2:
            raise InvalidArgumentError(
                f"Training needs at least two images and there {'is one' if count == 1 else 'are none'}; "
                "ingest more images into the dataset.",
                reason="IMAGES_TOO_FEW",
                images=count,
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
        # Positions in `rows`, ascending.
        self._held_out = held_out_rows(len(self._rows), held_out, seed=seed)
        self._learnt = np.setdiff1d(np.arange(len(self._rows)), self._held_out)
        ends = np.searchsorted(self._rows[self._learnt], np.arange(pool, array.shape[0], pool))
        self._pools = [pool for pool in np.split(self._learnt, ends) if len(pool)]
        self._memory: NDArray[np.float32] | None = None
        self._held_out_images: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Count of images to learn from."""
        return len(self._learnt)

    @property
    def held_out(self) -> int:
        """Count of images held out."""
        return len(self._held_out)

    @property
    def memory(self) -> NDArray[np.float32] | None:
        """All images as they were read, (n, channels, height, width), where they fit into memory."""
        return self._memory

    def read(self, on_progress: ProgressCallback, should_stop: ShouldStop) -> ImageStatistics:
        """Pass once over all images, also those held out: keep them if they fit into memory, and measure them.

        Raises
        ------
        InvalidArgumentError
            When a pixel is not finite, or all images are one constant, or one and the same.
        CancelledError
            When asked to stop.
        """
        memory = np.empty(self.shape, dtype=np.float32) if self._in_memory else None
        aside = np.empty((self.held_out, *self.shape[1:]), dtype=np.float32)
        bands = _Bands()
        digest = hashlib.blake2b(repr(self.shape).encode(), digest_size=16)
        example: NDArray[np.float32] | None = None
        same = True
        for positions in self._blocks():
            if should_stop():
                raise CancelledError("The training was cancelled.")
            block = self._load(positions)
            _check_finite(block)
            digest.update(block.data.cast("B"))
            example = block[0] if example is None else example
            same = same and bool((block == example).all())
            if memory is not None:
                memory[positions[0] : positions[-1] + 1] = block
            first, last = np.searchsorted(self._held_out, [positions[0], positions[-1] + 1])
            aside[first:last] = block[self._held_out[first:last] - positions[0]]
            bands.add(block)
            on_progress(Progress("reading images", int(positions[-1]) + 1, self.shape[0], "images"))
        mean, std = bands.mean_and_std()
        constant = std <= 1e-7 * np.maximum(np.abs(mean), 1e-30)
        if constant.all():
            raise InvalidArgumentError(
                "All pixels of all prepared images are equal, so there is nothing to learn; check crop and stretch of "
                "the recipe.",
                reason="IMAGES_CONSTANT",
            )
        if same:
            raise InvalidArgumentError(
                "All prepared images are one and the same, so there is nothing to tell apart; check the sources.",
                reason="IMAGES_CONSTANT",
            )
        self._memory, self._held_out_images = memory, aside
        return ImageStatistics(
            tuple(mean.tolist()),
            tuple(np.where(constant, 1.0, std).tolist()),
            digest.hexdigest(),
            constant_bands=tuple(np.flatnonzero(constant).tolist()),
        )

    def orders(
        self, *, seed: int, batch_size: int, first_step: int, steps: int, rank: int = 0, ranks: int = 1
    ) -> Iterator[NDArray[np.int64]]:
        """Yield, for images in memory, the positions in `memory` of the batches that `batches` would give."""
        for random, bounds in self._epochs(
            seed, batch_size, first_step=first_step, steps=steps, rank=rank, ranks=ranks
        ):
            order = self._learnt[random.permutation(len(self))]
            for start, stop in itertools.pairwise(bounds):
                yield order[start:stop]

    def batches(
        self, *, seed: int, batch_size: int, first_step: int, steps: int, rank: int = 0, ranks: int = 1
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the batches of steps `first_step` to `steps` - 1, which depend on the seed and the step alone.

        Every image comes once an epoch; the batches of an epoch differ in size by at most one image.

        Parameters
        ----------
        seed
            Of the order.
        batch_size
            Images in a step, over all processes.
        first_step, steps
            Steps done before, and steps of the whole run.
        rank, ranks
            Number of this process, and count of the processes that share every epoch: each is given a stretch of the
            epoch's order, so that it reads few pools.
        """
        if self._memory is not None:
            orders = self.orders(
                seed=seed, batch_size=batch_size, first_step=first_step, steps=steps, rank=rank, ranks=ranks
            )
            yield from (self._memory[order] for order in orders)
            return
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="training-images") as reader:
            for random, bounds in self._epochs(
                seed, batch_size, first_step=first_step, steps=steps, rank=rank, ranks=ranks
            ):
                yield from self._pooled_batches(reader, random, bounds)

    def held_out_batches(self, batch_size: int, *, rank: int = 0, ranks: int = 1) -> Iterator[NDArray[np.float32]]:
        """Yield this process's share of the images held out, the same whenever it is asked for."""
        assert self._held_out_images is not None
        for start, stop in itertools.pairwise(self._bounds(self.held_out, batch_size, rank=rank, ranks=ranks)):
            yield self._held_out_images[start:stop]

    def steps_per_epoch(self, batch_size: int, *, ranks: int = 1) -> int:
        """Batches in which every image comes once; each process gets two images or more, for batch normalisation."""
        return len(self._bounds(len(self), batch_size, rank=0, ranks=ranks)) - 1

    def samples(self, count: int) -> NDArray[np.float32]:
        """Images to look at, (at most `count`, channels, height, width): held out ones, if there are enough."""
        if self._held_out_images is not None and self.held_out >= count:
            return self._held_out_images[:count]
        chosen = self._learnt[np.linspace(0, len(self) - 1, min(count, len(self))).astype(int)]
        if self._memory is not None:
            found: NDArray[np.float32] = self._memory[chosen]
            return found
        return np.concatenate([self._load(chosen[index : index + 1]) for index in range(len(chosen))])

    @staticmethod
    def _bounds(images: int, batch_size: int, *, rank: int, ranks: int) -> NDArray[np.int64]:
        """Where the batches of one process begin, and the last ends, in the order of an epoch."""
        steps = max(1, min(-(-images // batch_size), images // (2 * ranks)))
        first, last = images * rank // ranks, images * (rank + 1) // ranks
        return np.linspace(first, last, steps + 1).astype(int)

    def _epochs(
        self, seed: int, batch_size: int, *, first_step: int, steps: int, rank: int, ranks: int
    ) -> Iterator[tuple[np.random.Generator, NDArray[np.int64]]]:
        """Yield the random numbers of each epoch and the bounds of its batches that are still to come."""
        bounds = self._bounds(len(self), batch_size, rank=rank, ranks=ranks)
        per_epoch = len(bounds) - 1
        step = first_step
        while step < steps:
            epoch, first = divmod(step, per_epoch)
            last = min(per_epoch, first + steps - step)
            yield np.random.default_rng((seed, epoch)), bounds[first : last + 1]
            step += last - first

    def _pooled_batches(
        self, reader: ThreadPoolExecutor, random: np.random.Generator, bounds: NDArray[np.int64]
    ) -> Iterator[NDArray[np.float32]]:
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
        yield from (block for block in np.split(np.arange(len(self._rows)), starts) if len(block))

    def _load(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Images of ascending positions, read from the array as one slice."""
        rows = self._rows[positions]
        block = np.asarray(self._array[int(rows[0]) : int(rows[-1]) + 1], dtype=np.float32)
        return np.ascontiguousarray(block if len(block) == len(rows) else block[rows - rows[0]])


class _Bands:
    """Mean and standard deviation of every band over blocks of images, in one pass."""

    def __init__(self) -> None:
        # Sums about a value within the data keep their precision.
        self._about: NDArray[np.float64] | None = None
        self._sum: NDArray[np.float64] | float = 0.0
        self._squares: NDArray[np.float64] | float = 0.0
        self._pixels = 0

    def add(self, block: NDArray[np.float32]) -> None:
        """Take in images, (n, channels, height, width)."""
        if self._about is None:
            self._about = block.mean(axis=(0, 2, 3), dtype=np.float64)
        # Images whose copies in double precision stay in the processor's cache.
        few = max(1, _CACHE_BYTES // (8 * block[0].size))
        for start in range(0, len(block), few):
            centred = block[start : start + few].astype(np.float64) - self._about.reshape(1, -1, 1, 1)
            self._sum += centred.sum(axis=(0, 2, 3))
            self._squares += np.einsum("ncij,ncij->c", centred, centred)
        self._pixels += block.shape[0] * block.shape[2] * block.shape[3]

    def mean_and_std(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of what was taken in, each of shape (channels,)."""
        assert self._about is not None
        offset = np.asarray(self._sum / self._pixels)
        return self._about + offset, np.sqrt(np.maximum(self._squares / self._pixels - offset**2, 0))


def _check_finite(block: NDArray[np.float32]) -> None:
    if not np.isfinite(block).all():
        count = int((~np.isfinite(block).all(axis=(1, 2, 3))).sum())
        raise InvalidArgumentError(
            f"At least {count} of the prepared images hold values that are not finite; "
            "choose a NaN policy in the recipe that fills or rejects them.",
            reason="IMAGES_NOT_FINITE",
            images=count,
        )
