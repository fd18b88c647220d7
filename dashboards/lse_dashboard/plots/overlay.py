"""What lies over the points of a map: some of their images, the names of their groups, contours of their density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from lse.pointcloud import Window as View
from lse.pointcloud.counting import Seen
from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud, Indices
from lse_dashboard.data.colouring import Colouring, Groups

__all__ = ["CONTOURS", "Contour", "Name", "Over", "density_contours", "group_names", "spread"]

CONTOURS = (0.95, 0.8, 0.5)
"""Shares of the points that contours enclose, the outermost first."""

# Points that are looked at to choose images and places of names, and to estimate a density; a fair sample of more.
_BUDGET = 100_000
# The density is estimated on a grid with so many cells along the longer side of the map, and smoothed over a few of
# them, so many where there are as many points as above.
_CELLS, _SMOOTHING = 256, 4.0
_MOST_NAMES = 60


@dataclass(frozen=True)
class Name:
    """A group and a place among its points."""

    label: str
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Contour:
    """The line of equal density that encloses a share of the points, in pieces of shape (k, 2)."""

    share: float
    pieces: Sequence[npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Over:
    """What lies over a view.

    Attributes
    ----------
    images
        Row and place of each.
    pictures
        Pixels of these, first row at the top, where they are drawn by what writes a figure.
    names, contours
        Of the groups, and of the density.
    """

    images: Sequence[tuple[int, float, float]] = ()
    pictures: Sequence[npt.NDArray[np.uint8]] = ()
    names: Sequence[Name] = ()
    contours: Sequence[Contour] = ()


def spread(cloud: Cloud, view: View, *, shown: PointSet, cell: int) -> Indices:
    """One shown point of each cell of a view, the one nearest to its middle.

    Parameters
    ----------
    cloud
        The points.
    view
        What is seen; cells stay where they are when it is moved.
    shown
        The points that are drawn.
    cell
        Side of a cell in pixels.

    Returns
    -------
    indices
        Of the points, ascending.
    """
    places, indices = _points(cloud.tiled.seen(view, budget=_BUDGET))
    (left, right), (bottom, top) = view.x_range, view.y_range
    inside = (places >= (left, bottom)).all(axis=1) & (places <= (right, top)).all(axis=1) & shown.has(indices)
    places, indices = places[inside] / (view.pixel * cell), indices[inside]
    cells = np.floor(places)
    nearest = np.argsort(np.square(places - cells - 0.5).sum(axis=1), kind="stable")
    _, first = np.unique(cells[nearest], axis=0, return_index=True)
    return np.sort(indices[nearest][first])


def group_names(cloud: Cloud, colouring: Colouring | None, *, shown: PointSet) -> list[Name]:
    """Each group with the point nearest to the median of its shown points, the largest 60; none of numbers.

    Groups that mean "none of these" have no name on the map.
    """
    if not isinstance(colouring, Groups) or not len(cloud):
        return []
    places, indices = _all_points(cloud)
    drawn = shown.has(indices)
    places, codes = places[drawn], colouring.codes[indices[drawn]]
    counts = np.bincount(codes, minlength=len(colouring.labels))
    names = []
    for code in np.argsort(-counts, kind="stable")[:_MOST_NAMES].tolist():
        if counts[code] and code not in colouring.faint:
            own = places[codes == code]
            place = own[np.argmin(np.square(own - np.median(own, axis=0)).sum(axis=1))]
            names.append(Name(colouring.labels[code], float(place[0]), float(place[1])))
    return names


def density_contours(cloud: Cloud, *, shown: PointSet) -> list[Contour]:
    """Lines of equal density that enclose half, 80 % and 95 % of the shown points of a flat cloud.

    The density is that of a fair sample of 100,000 points, counted on a grid and smoothed by a Gaussian whose standard
    deviation falls with the sixth root of their number (Scott 1992, Multivariate Density Estimation): 1.6 % of the
    longer side of the map for 100,000, 3 % for 2,000.  Points outside the core of the cloud do not count.  A contour is
    the highest level above which the share of the points lies (the highest-density region of Hyndman 1996, The American
    Statistician 50, 120).
    """
    from contourpy import LineType, contour_generator
    from scipy.ndimage import gaussian_filter

    places, indices = _all_points(cloud)
    places = places[shown.has(indices)]
    # The cells of a grid that reached to what lies far away would be as large as the map.
    x0, y0, x1, y1 = cloud.core
    places = places[((places >= (x0, y0)) & (places <= (x1, y1))).all(axis=1)]
    if len(places) < 2:
        return []
    cell = max(np.ptp(places, axis=0).max() / _CELLS, np.finfo(np.float32).tiny)
    smoothing = _SMOOTHING * (_BUDGET / len(places)) ** (1 / 6)
    margin = round(3 * smoothing)
    corner = places.min(axis=0) - margin * cell
    at = np.floor((places - corner) / cell).astype(int)
    shape = tuple(at.max(axis=0) + margin + 1)
    counts = np.bincount(np.ravel_multi_index((at[:, 0], at[:, 1]), shape), minlength=shape[0] * shape[1])
    density = gaussian_filter(counts.reshape(shape).astype(float), smoothing, mode="constant")
    x, y = (corner[axis] + (np.arange(shape[axis]) + 0.5) * cell for axis in (0, 1))
    lines = contour_generator(x, y, density.T, line_type=LineType.Separate)
    levels = np.quantile(density[at[:, 0], at[:, 1]], [1 - share for share in CONTOURS])
    return [
        Contour(share, cast("list[npt.NDArray[np.float64]]", lines.lines(level)))
        for share, level in zip(CONTOURS, levels, strict=True)
    ]


def _all_points(cloud: Cloud) -> tuple[npt.NDArray[np.float64], Indices]:
    """Places and indices of all points, of a fair sample where they are many."""
    if not len(cloud):
        return np.zeros((0, 2)), np.zeros(0, np.int64)
    x0, y0, x1, y1 = cloud.extent
    return _points(cloud.tiled.seen(View((x0, x1), (y0, y1), 1, 1), budget=_BUDGET))


def _points(seen: Seen) -> tuple[npt.NDArray[np.float64], Indices]:
    """Places and indices of the points that are seen."""
    spans = [np.arange(first, first + count) for first, count in zip(seen.spans.firsts, seen.spans.counts, strict=True)]
    at = np.concatenate(spans) if spans else np.zeros(0, np.int64)
    return seen.points[at, :2].astype(np.float64), at
