"""The points of a projection."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from lse.pointcloud import PointCloud, build_cloud
from lse_dashboard.data.cache import BoundedCache

__all__ = ["Cloud", "Coordinates", "Mask", "fitting_size"]

MadeT = TypeVar("MadeT")
# What nobody looks at any more is kept up to this size.
_DERIVED_BYTES = 64 << 20

Mask = npt.NDArray[np.bool_]
Coordinates = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cloud:
    """Coordinates of the images of an experiment.

    Attributes
    ----------
    rows
        Row of the image of each point, ascending, shape (n,).
    coordinates
        Shape (n, 2) or (n, 3).
    dropped
        How many points were left out because a coordinate is not finite.
    ready
        The points in tiles where they come so; see `tiled`.
    derived, painted
        What was made for these points, and what was made of it to be drawn: one copy for all who look at the cloud.
    """

    rows: npt.NDArray[np.int64]
    coordinates: Coordinates
    dropped: int = 0
    ready: PointCloud | None = field(default=None, repr=False, compare=False)
    derived: BoundedCache[Any] = field(
        default_factory=lambda: BoundedCache(_DERIVED_BYTES, attrgetter("nbytes")), repr=False, compare=False
    )
    # Weakly, for what is drawn refers to the cloud.
    painted: WeakValueDictionary[Hashable, Any] = field(default_factory=WeakValueDictionary, repr=False, compare=False)

    @classmethod
    def from_tiles(cls, tiles: PointCloud) -> Cloud:
        """Take a cloud that is in tiles already, whose rows are those of the images."""
        rows = np.sort(tiles.rows).astype(np.int64)
        dropped = tiles.source_count - len(rows)
        places = tiles.rows if not dropped else np.searchsorted(rows, tiles.rows).astype(np.uint32)
        coordinates = np.empty(tiles.points.shape, np.float32)
        coordinates[places] = tiles.points
        return cls(rows, coordinates, dropped, replace(tiles, rows=places, source_count=len(rows)))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.coordinates.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes that the points take, with those of their tiles."""
        return self.rows.nbytes + 2 * self.coordinates.nbytes + 4 * len(self)

    def once(self, key: Hashable, make: Callable[[], MadeT]) -> MadeT:
        """What `make` makes for these points, once for all who look at them while anybody has it."""
        made: MadeT = self.derived.get_or_make(key, make)
        return made

    @cached_property
    def every(self) -> Mask:
        """The mask of all points, which nobody may change: all have the same."""
        every = np.ones(len(self), bool)
        every.flags.writeable = False
        return every

    @cached_property
    def tiled(self) -> PointCloud:
        """The points in tiles, by which they are drawn and found; its rows are indices of these points."""
        return build_cloud(self.coordinates) if self.ready is None else self.ready

    def extent(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x and greatest y of the points, 1 wide where they coincide."""
        if len(self) == 0:
            return (0.0, 0.0, 1.0, 1.0)
        low = self.coordinates[:, :2].min(axis=0).astype(float)
        high = self.coordinates[:, :2].max(axis=0).astype(float)
        flat = high - low <= 0
        low, high = np.where(flat, low - 0.5, low), np.where(flat, high + 0.5, high)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def fitting_size(count: int) -> int:
    """Diameter in pixels at which a cloud of so many points is readable."""
    return 6 if count < 600 else 5 if count < 6_000 else 4 if count < 30_000 else 2 if count < 200_000 else 1
