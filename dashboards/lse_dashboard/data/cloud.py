"""The points of a projection."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from lse.pointcloud import PointCloud, build_cloud
from lse.pointcloud.picking import inside_box
from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cache import BoundedCache

__all__ = ["Cloud", "Coordinates", "Extent", "Indices", "fitting_size"]

MadeT = TypeVar("MadeT")
# What nobody looks at any more is kept up to this size.
_DERIVED_BYTES = 64 << 20
_NOWHERE = 0xFFFFFFFF

Extent = tuple[float, float, float, float]
"""Least x, least y, greatest x and greatest y."""
Coordinates = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cloud:
    """Points of the images of an experiment, in tiles.

    What belongs to the points is in the order of the tiles, and the index of a point is its place there: what was
    mapped into memory is used as it is.

    Attributes
    ----------
    tiled
        The points, by which they are drawn and found; its rows are those of the images.
    derived
        What was made for these points: one copy for all who look at the cloud.
    """

    tiled: PointCloud
    derived: BoundedCache[Any] = field(
        default_factory=lambda: BoundedCache(_DERIVED_BYTES, attrgetter("nbytes")), repr=False
    )

    @classmethod
    def of(cls, rows: npt.NDArray[np.integer], coordinates: Coordinates) -> Cloud:
        """Put points into tiles, given the row of the image of each, shape (n,), and places, shape (n, 2 or 3)."""
        tiled = build_cloud(coordinates)
        count = int(rows.max()) + 1 if len(rows) else 0
        return cls(replace(tiled, rows=tiled.in_order(rows).astype(np.uint32), source_count=count))

    def __len__(self) -> int:
        return len(self.tiled)

    @property
    def rows(self) -> npt.NDArray[np.uint32]:
        """Row of the image of each point, shape (n,)."""
        return self.tiled.rows

    @property
    def coordinates(self) -> Coordinates:
        """Place of each point, shape (n, 2) or (n, 3)."""
        return self.tiled.points

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return self.tiled.dimension

    @property
    def dropped(self) -> int:
        """How many images have no point because a coordinate is not finite."""
        return self.tiled.source_count - len(self)

    @property
    def nbytes(self) -> int:
        """Bytes that the points take, with those by which images are found."""
        return self.coordinates.nbytes + self.rows.nbytes + 4 * self.tiled.source_count

    def once(self, key: Hashable, make: Callable[[], MadeT]) -> MadeT:
        """What `make` makes for these points, once for all who look at them while anybody has it."""
        made: MadeT = self.derived.get_or_make(key, make)
        return made

    @cached_property
    def every(self) -> PointSet:
        """All points."""
        return PointSet.all_of(len(self))

    def indices(self, rows: npt.NDArray[np.integer]) -> Indices:
        """Index of the point of each of some images, -1 where it has none, shape (k,)."""
        inside = (rows >= 0) & (rows < self.tiled.source_count)
        found = self._places[rows if inside.all() else np.where(inside, rows, 0)]
        return np.where(inside & (found != _NOWHERE), found, np.int64(-1)).astype(np.int64)

    def index(self, row: int) -> int | None:
        """Index of the point of an image, None where it has none."""
        at = int(self.indices(np.array([row]))[0])
        return None if at < 0 else at

    def points_of(self, rows: npt.NDArray[np.integer]) -> PointSet:
        """The points of some images."""
        at = self.indices(rows)
        return PointSet.at(at[at >= 0], len(self))

    def has_images_of(self, other: Cloud) -> bool:
        """Whether another cloud has points of the same images."""
        if self is other:
            return True
        if (len(self), self.dropped) != (len(other), other.dropped):
            return False
        return not self.dropped or bool((self.indices(other.rows) >= 0).all())

    @cached_property
    def extent(self) -> Extent:
        """That of all points, 1 wide where they coincide."""
        return _wide(self.tiled.extent)

    @cached_property
    def core(self) -> Extent:
        """The extent without the few points that lie far away from all others, see `lse.pointcloud.PointCloud.core`."""
        return _wide(self.tiled.core)

    @cached_property
    def far(self) -> int:
        """How many points lie outside the `core`."""
        return 0 if self.core == self.extent else len(self) - len(inside_box(self.tiled, self.core))

    @cached_property
    def _places(self) -> npt.NDArray[np.uint32]:
        """Index of the point of each image, shape (source_count + 1,); in a file, so that memory is left to others."""
        with tempfile.TemporaryFile(prefix="lse-explorer-") as file:
            places = np.memmap(file, np.uint32, "w+", shape=(self.tiled.source_count + 1,))
        places[:] = _NOWHERE
        places[self.rows] = np.arange(len(self), dtype=np.uint32)
        return places


def _wide(extent: tuple[float, ...]) -> Extent:
    """The first two axes of an extent, 1 wide where they have no width."""
    low, high = np.reshape(extent, (2, -1))[:, :2]
    equal = high - low <= 0
    low, high = np.where(equal, low - 0.5, low), np.where(equal, high + 0.5, high)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def fitting_size(count: int) -> int:
    """Diameter in pixels at which a cloud of so many points is readable."""
    return 6 if count < 600 else 5 if count < 6_000 else 4 if count < 30_000 else 2 if count < 200_000 else 1
