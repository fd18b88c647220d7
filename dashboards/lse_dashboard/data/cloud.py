"""The points of a projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.spatial import cKDTree

__all__ = ["Cloud", "NearestPoint", "inside_box", "inside_polygon"]

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
    """

    rows: npt.NDArray[np.int64]
    coordinates: Coordinates
    dropped: int = 0

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Cloud:
        """Read a table with the columns ``row``, ``x``, ``y`` and perhaps ``z``."""
        axes = [axis for axis in ("x", "y", "z") if axis in table.column_names]
        rows = table["row"].to_numpy().astype(np.int64)
        coordinates = np.column_stack([table[axis].to_numpy().astype(np.float32) for axis in axes])
        order = np.argsort(rows, kind="stable")
        order = order[np.isfinite(coordinates[order]).all(axis=1)]
        return cls(rows[order], np.ascontiguousarray(coordinates[order]), len(rows) - len(order))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.coordinates.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes that the points take."""
        return self.rows.nbytes + self.coordinates.nbytes

    def extent(self) -> tuple[float, float, float, float]:
        """Least x, least y, greatest x and greatest y of the points, 1 wide where they coincide."""
        if len(self) == 0:
            return (0.0, 0.0, 1.0, 1.0)
        low = self.coordinates[:, :2].min(axis=0).astype(float)
        high = self.coordinates[:, :2].max(axis=0).astype(float)
        flat = high - low <= 0
        low, high = np.where(flat, low - 0.5, low), np.where(flat, high + 0.5, high)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


class NearestPoint:
    """Finds the point of a 2-D cloud that lies nearest to a place, among those that are shown.

    Parameters
    ----------
    cloud
        The points.
    shown
        Which of them are shown, shape (n,).
    """

    def __init__(self, cloud: Cloud, shown: Mask) -> None:
        self._indices = np.flatnonzero(shown)
        points = cloud.coordinates[self._indices, :2]
        self._tree = cKDTree(points, balanced_tree=False, compact_nodes=False) if len(points) else None

    def find(self, x: float, y: float, radius: float) -> int | None:
        """Index of the nearest point within a radius in data units, None when there is none."""
        if self._tree is None:
            return None
        _, at = self._tree.query((x, y), distance_upper_bound=radius)
        return None if at == self._tree.n else int(self._indices[at])


def inside_box(coordinates: Coordinates, bounds: tuple[float, float, float, float]) -> Mask:
    """Which points lie in a box of least x, least y, greatest x and greatest y, edges included."""
    x0, y0, x1, y1 = bounds
    x, y = coordinates[:, 0], coordinates[:, 1]
    return np.asarray((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))


def inside_polygon(coordinates: Coordinates, polygon: npt.NDArray[np.float64]) -> Mask:
    """Which points lie in a polygon, by the even-odd rule.

    Parameters
    ----------
    coordinates
        Points, shape (n, 2 or more).
    polygon
        Corners in order, shape (m, 2); closed by itself.
    """
    inside = np.zeros(len(coordinates), dtype=bool)
    if len(polygon) < 3:
        return inside
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    near = np.flatnonzero(inside_box(coordinates, (low[0], low[1], high[0], high[1])))
    x, y = coordinates[near, 0].astype(float), coordinates[near, 1].astype(float)
    odd = np.zeros(len(near), dtype=bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)
        if crosses.any():
            odd[crosses] ^= x[crosses] < (x1 - x0) * (y[crosses] - y0) / (y1 - y0) + x0
    inside[near] = odd
    return inside
