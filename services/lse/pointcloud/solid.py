"""Three-dimensional clouds: which points to draw for a camera, how they are sent, and a picture of them.

A camera is a matrix M of shape (4, 4): a place p in data units is seen at ``M @ (p, 1)``, in the clip coordinates of
OpenGL, so that x / w and y / w go from -1 to 1 across the view and upwards, and w is the depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.cloud import PointCloud
from lse.pointcloud.coded import HIDDEN, Coded, Codes, write_codes
from lse.pointcloud.parts import Part
from lse.pointcloud.sets import arrays_of, write_members
from lse.pointcloud.tiles import Spans

__all__ = ["Camera", "Detail", "Splats", "choose_detail", "packed_points", "splat"]

Camera = NDArray[np.float64]

_STEPS = (1 << 21) - 1
"""Steps across a tile in which coordinates are sent."""
_HALVINGS = 40


@dataclass(frozen=True)
class Detail:
    """Points to draw for a camera.

    Attributes
    ----------
    spans
        First points of the tiles in view, by their number in the part; exact where these are all points of theirs.
    drawn
        Number of these that lie in view.
    in_view
        Number of points of the part that lie in view.
    """

    spans: Spans
    drawn: int
    in_view: int


@dataclass(frozen=True)
class Splats:
    """A picture of points, the nearest in front.

    Attributes
    ----------
    codes
        Code of the point in each pixel, `HIDDEN` for none, shape (height, width), first row at the bottom.
    depths
        Depth of that point, infinite for none, shape (height, width).
    """

    codes: Codes
    depths: NDArray[np.float32]


def choose_detail(part: Part, camera: Camera, budget: int) -> Detail:
    """Points to draw for a camera.

    Of what is in view as many points are drawn as the budget allows. Where that is not all, the share that is drawn
    falls with the square of the depth, as the area does that a piece of the cloud covers on the screen; at one depth
    the points are a fair sample.

    Parameters
    ----------
    part
        Points in three dimensions.
    camera
        From where they are seen.
    budget
        Most points to draw, about.
    """
    tiles, cloud = part.tiles, part.cloud
    low, high = tiles.boxes[:, 0].astype(np.float64), tiles.boxes[:, 1].astype(np.float64)
    most, least = _ends(_planes(camera), low, high)
    seen = np.flatnonzero((most >= 0).all(axis=1))
    counts = tiles.counts[seen]
    if counts.sum() > budget:
        # Of a tile that reaches behind the camera, the depth of the middle of what lies ahead.
        back, front = _ends(camera[3:], low[seen], high[seen])
        depth = np.maximum((np.maximum(front, 0) + back)[:, 0] / 2, 1e-9)
        counts = _sampled(counts, tiles.levels[seen], depth, tiles.shares, budget, seen)
    inside, drawn = int(tiles.counts[seen].sum()), int(counts.sum())
    edge = np.flatnonzero((least[seen] < 0).any(axis=1))
    at, members = part.origins[seen[edge]], arrays_of(part.shown)
    planes = np.ascontiguousarray(_planes(camera))
    outside, missed = _outside(
        cloud.points, *members, cloud.tiles.firsts[at], cloud.tiles.counts[at], counts[edge], planes
    )
    some = counts > 0
    spans = Spans(seen[some], tiles.firsts[seen][some], counts[some], exact=drawn == inside)
    return Detail(spans, drawn - missed, inside - outside)


def packed_points(part: Part, spans: Spans) -> NDArray[np.uint64]:
    """Coordinates of points in 8 bytes each: 21 bits an axis, x lowest, in steps of the box of the tile.

    A coordinate is ``low + step * (high - low) / (2²¹ - 1)``: as near as float32 has it in a box far from zero, and
    beyond what a screen shows in any.
    """
    out = np.empty(spans.total, np.uint64)
    _pack(part.cloud.points, part.places(spans), part.tiles.boxes, spans.tiles, spans.counts, out)
    return out


def splat(
    cloud: PointCloud, camera: Camera, coded: Coded, *, size: tuple[int, int], diameter: float, ends: tuple[int, int]
) -> Splats:
    """Draw all points in view as discs that hide what is behind them.

    Parameters
    ----------
    cloud
        Points in three dimensions.
    camera
        From where they are seen.
    coded
        What each point is drawn as.
    size
        Width and height in pixels.
    diameter
        Of a point, in pixels.
    ends
        Least code that is drawn, and the one after the greatest.
    """
    width, height = size
    low, high = cloud.tiles.boxes[:, 0].astype(np.float64), cloud.tiles.boxes[:, 1].astype(np.float64)
    seen = np.flatnonzero((_ends(_planes(camera), low, high)[0] >= 0).all(axis=1))
    out = np.full((height, width), HIDDEN, np.uint16)
    depths = np.full((height, width), np.inf, np.float32)
    firsts, counts = cloud.tiles.firsts[seen], cloud.tiles.counts[seen]
    matrix, (least, end) = np.ascontiguousarray(camera), ends
    _splat(cloud.points, coded.arrays, firsts, counts, matrix, float(diameter) / 2, least, end, out, depths)
    return Splats(out, depths)


def _planes(camera: Camera) -> NDArray[np.float64]:
    """Planes of what is in view, shape (6, 4): a place p is in view where none of ``planes @ (p, 1)`` is negative."""
    return np.concatenate([camera[3] + camera[:3], camera[3] - camera[:3]])


def _ends(
    planes: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Greatest and least value of each plane within each box, each of shape (t, planes)."""
    normals, shift = planes[:, :3], planes[:, 3]
    up, down = np.maximum(normals, 0).T, np.minimum(normals, 0).T
    return high @ up + low @ down + shift, low @ up + high @ down + shift


def _sampled(
    counts: NDArray[np.int64],
    levels: NDArray[np.uint8],
    depth: NDArray[np.float64],
    shares: tuple[float, ...],
    budget: int,
    tiles: NDArray[np.int64],
) -> NDArray[np.int64]:
    """First points of each tile to draw, about as many together as the budget."""
    ends = np.array(shares)
    begin, end = np.append(0, ends[:-1])[levels], ends[levels]

    def wanted(factor: float) -> NDArray[np.float64]:
        return np.asarray(counts * np.clip((factor / depth**2 - begin) / (end - begin), 0, 1))

    # The logarithm of a factor that gives nothing, and of one that gives all.
    nothing, everything = np.log(1e-12 * depth.min() ** 2), np.log(2 * depth.max() ** 2)
    for _ in range(_HALVINGS):
        middle = (nothing + everything) / 2
        if wanted(np.exp(middle)).sum() > budget:
            everything = middle
        else:
            nothing = middle
    # Rounding up or down by the place of the tile, so that small tiles are neither always nor never seen.
    rounding = (tiles * 0.6180339887498949) % 1.0
    return np.minimum((wanted(np.exp(nothing)) + rounding).astype(np.int64), counts)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _outside(points: Any, blocks: Any, bits: Any, firsts: Any, counts: Any, drawn: Any, planes: Any) -> Any:
    """Number of points of tiles that are not in view, and of these among the first ones that are drawn."""
    outside, missed = 0, 0
    member = np.ones(counts.max() if counts.shape[0] else 0, np.uint8)
    for span in range(firsts.shape[0]):
        own = member[: counts[span]]
        if blocks.shape[0]:
            write_members(blocks, bits, firsts[span], own)
        number = 0
        for place in range(counts[span]):
            if not own[place]:
                continue
            point = firsts[span] + place
            x, y, z = np.float64(points[point, 0]), np.float64(points[point, 1]), np.float64(points[point, 2])
            for plane in range(6):
                if planes[plane, 0] * x + planes[plane, 1] * y + planes[plane, 2] * z + planes[plane, 3] < 0:
                    outside += 1
                    missed += number < drawn[span]
                    break
            number += 1
    return outside, missed


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _pack(points: Any, places: Any, boxes: Any, tiles: Any, counts: Any, out: Any) -> None:
    at = 0
    for span in range(tiles.shape[0]):
        box = boxes[tiles[span]]
        for point in places[at : at + counts[span]]:
            packed = np.uint64(0)
            for axis in range(3):
                low, width = np.float64(box[0, axis]), np.float64(box[1, axis]) - np.float64(box[0, axis])
                share = (np.float64(points[point, axis]) - low) / width if width > 0 else 0.0
                packed |= np.uint64(share * _STEPS + 0.5) << np.uint64(21 * axis)
            out[at] = packed
            at += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _splat(
    points: Any,
    coded: Any,
    firsts: Any,
    counts: Any,
    camera: Any,
    radius: float,
    least: int,
    end: int,
    out: Any,
    depths: Any,
) -> None:
    height, width = out.shape
    codes = np.empty(counts.max() if counts.shape[0] else 0, np.uint16)
    for span in range(firsts.shape[0]):
        begin = firsts[span]
        write_codes(coded, begin, codes[: counts[span]])
        for point in range(begin, begin + counts[span]):
            code = codes[point - begin]
            if code < least or code >= end:
                continue
            x, y, z = np.float64(points[point, 0]), np.float64(points[point, 1]), np.float64(points[point, 2])
            w = camera[3, 0] * x + camera[3, 1] * y + camera[3, 2] * z + camera[3, 3]
            if w <= 0 or camera[2, 0] * x + camera[2, 1] * y + camera[2, 2] * z + camera[2, 3] < -w:
                continue
            across = (camera[0, 0] * x + camera[0, 1] * y + camera[0, 2] * z + camera[0, 3]) / w
            up = (camera[1, 0] * x + camera[1, 1] * y + camera[1, 2] * z + camera[1, 3]) / w
            middle_x, middle_y = (across + 1) / 2 * width, (up + 1) / 2 * height
            if not (-radius <= middle_x < width + radius and -radius <= middle_y < height + radius):
                continue
            for row in range(max(0, int(middle_y - radius)), min(height, int(middle_y + radius) + 1)):
                for column in range(max(0, int(middle_x - radius)), min(width, int(middle_x + radius) + 1)):
                    apart = (column + 0.5 - middle_x) ** 2 + (row + 0.5 - middle_y) ** 2
                    # The pixel in which a point lies is drawn however small the point is.
                    own = column == int(middle_x) and row == int(middle_y)
                    if (own or apart <= radius * radius) and w < depths[row, column]:
                        depths[row, column] = w
                        out[row, column] = code
