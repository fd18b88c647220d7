"""Some points of a cloud, numbered as if there were no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.cloud import PointCloud
from lse.pointcloud.sets import PointSet, arrays_of, write_members
from lse.pointcloud.tiles import Spans, Tiles

__all__ = ["Part"]


@dataclass(frozen=True, eq=False)
class Part:
    """Some points of a cloud, or all of them, numbered in its order; none of them is copied.

    Attributes
    ----------
    cloud
        The cloud.
    shown
        Which of its points; None for all.
    tiles
        The tiles that have such points, with the numbers of these points alone.
    origins
        Which tile of the cloud each of them is, shape (t,).

    Examples
    --------
    >>> from lse.pointcloud import build_cloud
    >>> cloud = build_cloud(np.eye(3, dtype=np.float32))
    >>> part = Part.of(cloud, PointSet.of(np.array([True, False, True])))
    >>> len(part), part.places(part.tiles.all_spans).tolist()
    (2, [0, 2])
    """

    cloud: PointCloud
    shown: PointSet | None
    tiles: Tiles
    origins: NDArray[np.int64]

    @classmethod
    def of(cls, cloud: PointCloud, shown: PointSet | None = None) -> Part:
        """The points of a set; all of the cloud where none is given."""
        tiles = cloud.tiles
        if shown is None:
            return cls(cloud, None, tiles, np.arange(len(tiles)))
        counts = np.empty(len(tiles), np.int64)
        _count(*arrays_of(shown), tiles.firsts, tiles.counts, counts)
        own = np.flatnonzero(counts)
        counts = counts[own]
        firsts = np.cumsum(counts) - counts
        return cls(cloud, shown, Tiles(tiles.levels[own], firsts, counts, tiles.boxes[own], tiles.shares), own)

    def __len__(self) -> int:
        return self.tiles.all_spans.total

    def places(self, spans: Spans) -> NDArray[np.int64]:
        """Where the points of spans are in the cloud, one after the other, shape (k,)."""
        found, tiles = np.empty(spans.total, np.int64), self.cloud.tiles
        skipped, origins = spans.firsts - self.tiles.firsts[spans.tiles], self.origins[spans.tiles]
        _list(*arrays_of(self.shown), tiles.firsts[origins], tiles.counts[origins], skipped, spans.counts, found)
        return found

    def place(self, point: int) -> int:
        """Where a point is in the cloud, given its number from 0 to ``len(self) - 1``."""
        tile = np.searchsorted(self.tiles.firsts, [point], side="right") - 1
        return int(self.places(Spans(tile, np.array([point]), np.array([1])))[0])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _count(blocks: Any, bits: Any, firsts: Any, counts: Any, found: Any) -> None:
    member = np.empty(counts.max() if counts.shape[0] else 0, np.uint8)
    for tile in range(firsts.shape[0]):
        own = member[: counts[tile]]
        write_members(blocks, bits, firsts[tile], own)
        found[tile] = own.sum()


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _list(blocks: Any, bits: Any, firsts: Any, counts: Any, skipped: Any, wanted: Any, found: Any) -> None:
    member = np.ones(counts.max() if counts.shape[0] else 0, np.uint8)
    at = 0
    for span in range(firsts.shape[0]):
        own = member[: counts[span]]
        if blocks.shape[0]:
            write_members(blocks, bits, firsts[span], own)
        number, end = -skipped[span], at + wanted[span]
        for place in range(own.shape[0]):
            if at == end:
                break
            if own[place]:
                if number >= 0:
                    found[at] = firsts[span] + place
                    at += 1
                number += 1
