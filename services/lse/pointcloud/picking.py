"""Finding points by place: the nearest one, and those within a box or a polygon, through the tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.cloud import PointCloud
from lse.pointcloud.sets import PointSet, arrays_of, holds
from lse.pointcloud.tiles import Spans

__all__ = ["Picked", "inside_box", "inside_outline", "inside_polygon", "nearest"]


@dataclass(frozen=True)
class Picked:
    """Points of a cloud within a shape.

    Attributes
    ----------
    whole
        Tiles that lie within the shape as a whole, of which no point was looked at.
    points
        Points of the other tiles, by their place in the cloud, shape (p,).
    """

    whole: Spans
    points: NDArray[np.int64]

    def __len__(self) -> int:
        return self.whole.total + len(self.points)

    def points_of(self, cloud: PointCloud) -> PointSet:
        """The same as a set of points of the cloud."""
        whole = PointSet.runs(self.whole.firsts, self.whole.counts, len(cloud))
        return whole | PointSet.at(self.points, len(cloud))

    def counts(self, cloud: PointCloud, column: str) -> NDArray[np.int64]:
        """Points of each category of a column, shape (categories,): of whole tiles by what is known of them."""
        chosen = cloud.columns[column]
        own = chosen.codes[self.points]
        edge = np.bincount(own[own < len(chosen.labels)], minlength=len(chosen.labels))
        total: NDArray[np.int64] = chosen.counts[self.whole.tiles].sum(axis=0) + edge
        return total


def nearest(
    cloud: PointCloud, place: tuple[float, float], radius: float, *, shown: PointSet | None = None
) -> int | None:
    """Nearest point to a place within a radius, all in the plane of the first two coordinates.

    Parameters
    ----------
    cloud
        Where to look.
    place, radius
        In data units.
    shown
        The points that count; all where not given.

    Returns
    -------
    point
        Its place in the cloud, so that ``cloud.rows[point]`` is which of the given points it is; None where there is
        none.
    """
    x, y = place
    low, high = cloud.tiles.boxes[:, 0], cloud.tiles.boxes[:, 1]
    near = (low[:, 0] <= x + radius) & (high[:, 0] >= x - radius)
    near &= (low[:, 1] <= y + radius) & (high[:, 1] >= y - radius)
    tiles = np.flatnonzero(near)
    firsts, counts = cloud.tiles.firsts[tiles], cloud.tiles.counts[tiles]
    found = _nearest(cloud.points, cloud.rows, firsts, counts, float(x), float(y), float(radius), arrays_of(shown))
    return None if found < 0 else int(found)


def inside_box(cloud: PointCloud, box: tuple[float, float, float, float]) -> Picked:
    """Points within a box of least x, least y, greatest x and greatest y, its edge included."""
    x0, y0, x1, y1 = box
    corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return _inside(cloud, corners, polygon=False)


def inside_polygon(cloud: PointCloud, polygon: NDArray[np.float64]) -> Picked:
    """Points within a polygon, by the even-odd rule.

    Parameters
    ----------
    cloud
        Where to look.
    polygon
        Corners in order, shape (m, 2); closed by itself.
    """
    return _inside(cloud, np.ascontiguousarray(polygon, np.float64), polygon=True)


def inside_outline(cloud: PointCloud, camera: NDArray[np.float64], outline: NDArray[np.float64]) -> Picked:
    """Points in three dimensions that are seen within an outline on the screen, near or far, by the even-odd rule.

    Parameters
    ----------
    cloud
        Where to look.
    camera
        From where they are seen, shape (4, 4); see `lse.pointcloud.solid`.
    outline
        Corners in order, shape (m, 2), from -1 to 1 across the view and upwards; closed by itself.
    """
    tiles, corners = cloud.tiles, np.ascontiguousarray(outline, np.float64)
    matrix = np.ascontiguousarray(camera, np.float64)
    places = tiles.boxes.astype(np.float64)
    seen = np.stack(
        [
            _projected(matrix, places[:, x, 0], places[:, y, 1], places[:, z, 2])
            for x in (0, 1)
            for y in (0, 1)
            for z in (0, 1)
        ]
    )
    # A box of which a corner lies behind the camera has no outline: its points are looked at.
    ahead = np.asarray((seen[..., 2] > 0).all(axis=0))
    across = np.where(ahead[:, None], seen[..., :2], 0)
    sides: NDArray[np.int8] = np.where(ahead, _sides(across.min(axis=0), across.max(axis=0), corners), 0)
    full, cut = np.flatnonzero(sides == 1), np.flatnonzero(sides == 0)
    points = _points_outlined(cloud.points, tiles.firsts[cut], tiles.counts[cut], corners, matrix)
    return Picked(Spans(full, tiles.firsts[full], tiles.counts[full]), points)


def _projected(matrix: NDArray[np.float64], *place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place on the screen, x and y, and how far before the nearest that is seen, shape (t, 3)."""
    x, y, z, w = matrix[:, :3] @ np.stack(place) + matrix[:, 3:]
    ahead = np.where(w > 0, z + w, -1)
    return np.stack([x, y, ahead], axis=1) / np.where(w > 0, w, 1)[:, None]


def _inside(cloud: PointCloud, corners: NDArray[np.float64], *, polygon: bool) -> Picked:
    tiles, nothing = cloud.tiles, np.empty(0, np.int64)
    if len(corners) < 3:
        return Picked(Spans(nothing, nothing, nothing), nothing)
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    low, high = tiles.boxes[:, 0, :2].astype(np.float64), tiles.boxes[:, 1, :2].astype(np.float64)
    seen = np.asarray(np.logical_and(high >= (x0, y0), low <= (x1, y1)).all(axis=1))
    whole = np.asarray(np.logical_and(low >= (x0, y0), high <= (x1, y1)).all(axis=1))
    if polygon:
        candidates = np.flatnonzero(seen)
        sides = _sides(low[candidates], high[candidates], corners)
        seen[candidates] = sides >= 0
        whole[candidates] = sides == 1
    full, cut = np.flatnonzero(whole), np.flatnonzero(seen & ~whole)
    points = _points_inside(cloud.points, tiles.firsts[cut], tiles.counts[cut], corners, polygon)
    return Picked(Spans(full, tiles.firsts[full], tiles.counts[full]), points)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _nearest(points: Any, rows: Any, firsts: Any, counts: Any, x: float, y: float, radius: float, shown: Any) -> int:
    found, best = -1, radius * radius
    for span in range(firsts.shape[0]):
        for point in range(firsts[span], firsts[span] + counts[span]):
            apart_x, apart_y = points[point, 0] - x, points[point, 1] - y
            square = apart_x * apart_x + apart_y * apart_y
            # Of two points at the same place the first given is found, whatever their order here.
            nearer = square < best or (square == best and (found < 0 or rows[point] < rows[found]))
            if nearer and (shown[0].shape[0] == 0 or holds(shown[0], shown[1], point)):
                found, best = point, square
    return found


@numba.njit(inline="always")
def _is_inside(x: float, y: float, corners: Any) -> bool:
    odd = False
    last = corners.shape[0] - 1
    for corner in range(corners.shape[0]):
        y0, y1 = corners[last, 1], corners[corner, 1]
        if (y0 > y) != (y1 > y):
            x0, x1 = corners[last, 0], corners[corner, 0]
            if x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
                odd = not odd
        last = corner
    return odd


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sides(low: Any, high: Any, corners: Any) -> Any:
    """Of each box: 1 where it lies within a polygon as a whole, -1 where outside, 0 where an edge may cross it."""
    sides = np.zeros(low.shape[0], np.int8)
    for box in range(low.shape[0]):
        crossed = False
        last = corners.shape[0] - 1
        for corner in range(corners.shape[0]):
            crossed = _crosses(corners[last], corners[corner], low[box], high[box])
            if crossed:
                break
            last = corner
        if not crossed:
            sides[box] = 1 if _is_inside(low[box, 0], low[box, 1], corners) else -1
    return sides


@numba.njit
def _crosses(one: Any, other: Any, low: Any, high: Any) -> bool:
    """Whether a segment meets a box, with some room for rounding: a box too many costs time alone."""
    first, last = 0.0, 1.0
    for axis in range(2):
        room = 1e-9 * (abs(one[axis]) + abs(other[axis]) + abs(low[axis]) + abs(high[axis]))
        begin, end = low[axis] - room, high[axis] + room
        step = other[axis] - one[axis]
        if step == 0:
            if one[axis] < begin or one[axis] > end:
                return False
        else:
            enter, leave = (begin - one[axis]) / step, (end - one[axis]) / step
            if enter > leave:
                enter, leave = leave, enter
            first, last = max(first, enter - 1e-9), min(last, leave + 1e-9)
    return first <= last


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _points_inside(points: Any, firsts: Any, counts: Any, corners: Any, polygon: bool) -> Any:
    found = np.empty(counts.sum(), np.int64)
    count = 0
    x0, x1 = corners[:, 0].min(), corners[:, 0].max()
    y0, y1 = corners[:, 1].min(), corners[:, 1].max()
    for span in range(firsts.shape[0]):
        for point in range(firsts[span], firsts[span] + counts[span]):
            x, y = np.float64(points[point, 0]), np.float64(points[point, 1])
            if x0 <= x <= x1 and y0 <= y <= y1 and (not polygon or _is_inside(x, y, corners)):
                found[count] = point
                count += 1
    return found[:count].copy()


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _points_outlined(points: Any, firsts: Any, counts: Any, corners: Any, matrix: Any) -> Any:
    found = np.empty(counts.sum(), np.int64)
    count = 0
    for span in range(firsts.shape[0]):
        for point in range(firsts[span], firsts[span] + counts[span]):
            x, y, z = np.float64(points[point, 0]), np.float64(points[point, 1]), np.float64(points[point, 2])
            w = matrix[3, 0] * x + matrix[3, 1] * y + matrix[3, 2] * z + matrix[3, 3]
            depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3]
            if w <= 0 or depth <= -w:
                continue
            across = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]) / w
            up = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]) / w
            if _is_inside(across, up, corners):
                found[count] = point
                count += 1
    return found[:count].copy()
