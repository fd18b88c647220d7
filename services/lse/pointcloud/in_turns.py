"""What a build of a cloud by parts works with: threads that take turns, and the files of which they write parts."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lse.hardware import usable_cores
from lse.progress import Monitor

__all__ = ["CloudFiles", "Turns"]

_ItemT = TypeVar("_ItemT")
_MadeT = TypeVar("_MadeT")


@dataclass(frozen=True)
class Turns:
    """Work on blocks and parts by threads, with the results in their order."""

    pool: ThreadPoolExecutor
    monitor: Monitor

    def each(self, stage: str, work: Callable[[_ItemT], _MadeT], items: Sequence[_ItemT]) -> Iterator[_MadeT]:
        """Results of items, of which a few more than there are threads are in memory."""
        left = iter(items)
        waiting = deque(self.pool.submit(work, item) for item in islice(left, usable_cores() + 1))
        done = 0
        while waiting:
            yield waiting.popleft().result()
            done += 1
            self.monitor.report(stage, done, len(items), unit="parts")
            waiting.extend(self.pool.submit(work, item) for item in islice(left, 1))


class CloudFiles:
    """The arrays of a cloud by point, of which parts are written and read by several threads."""

    def __init__(self, folder: Path, dimension: int, columns: int) -> None:
        names = [("points.f32", "<f4", dimension), ("rows.u32", "<u4", 1)]
        names += [(f"column-{index}.u16", "<u2", 1) for index in range(columns)]
        self._arrays = [(folder / name, np.dtype(dtype), width) for name, dtype, width in names]
        self._files = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666) for path, _, _ in self._arrays]

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            os.close(file)

    def write(self, first: int, values: Iterable[NDArray[Any]]) -> None:
        """Write values of points that follow each other, of each array."""
        for file, (_, dtype, width), own in zip(self._files, self._arrays, values, strict=True):
            data = np.ascontiguousarray(own, dtype).data.cast("B")
            at = first * dtype.itemsize * width
            while data:  # the system writes at most 2 GB at a time
                written = os.pwrite(file, data, at)
                data, at = data[written:], at + written

    def read(self, first: int, count: int) -> list[NDArray[Any]]:
        """Values of points that follow each other, of each array."""
        return [
            np.fromfile(path, dtype, count * width, offset=first * dtype.itemsize * width).reshape(
                (count, width) if width > 1 else (count,)
            )
            for path, dtype, width in self._arrays
        ]
