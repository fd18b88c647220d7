"""What lies over the points of a map: some of their images, and the names of their groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lse.pointcloud import Window as View
from lse.pointcloud.counting import Seen
from lse_dashboard.data.cloud import Cloud, Mask
from lse_dashboard.data.colouring import Colouring, Groups

__all__ = ["Name", "group_names", "spread"]

# Points that are looked at to choose images and places of names; a fair sample where there are more.
_BUDGET = 100_000
_MOST_NAMES = 60

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Name:
    """A group and a place among its points."""

    label: str
    x: float
    y: float


def spread(cloud: Cloud, view: View, *, shown: Mask, cell: int) -> Indices:
    """One shown point of each cell of a view, the one nearest to its middle.

    Parameters
    ----------
    cloud
        The points.
    view
        What is seen; cells stay where they are when it is moved.
    shown
        Which points are drawn, shape (n,).
    cell
        Side of a cell in pixels.

    Returns
    -------
    indices
        Of the points, ascending.
    """
    places, indices = _points(cloud, cloud.tiled.seen(view, budget=_BUDGET))
    (left, right), (bottom, top) = view.x_range, view.y_range
    inside = (places >= (left, bottom)).all(axis=1) & (places <= (right, top)).all(axis=1) & shown[indices]
    places, indices = places[inside] / (view.pixel * cell), indices[inside]
    cells = np.floor(places)
    nearest = np.argsort(np.square(places - cells - 0.5).sum(axis=1), kind="stable")
    _, first = np.unique(cells[nearest], axis=0, return_index=True)
    return np.sort(indices[nearest][first])


def group_names(cloud: Cloud, colouring: Colouring | None, *, shown: Mask) -> list[Name]:
    """Each group with the point nearest to the median of its shown points, the largest 60; none of numbers.

    Groups that mean "none of these" have no name on the map.
    """
    if not isinstance(colouring, Groups) or not len(cloud):
        return []
    x0, y0, x1, y1 = cloud.extent()
    places, indices = _points(cloud, cloud.tiled.seen(View((x0, x1), (y0, y1), 1, 1), budget=_BUDGET))
    drawn = shown[indices]
    places, codes = places[drawn], colouring.codes[indices[drawn]]
    counts = np.bincount(codes, minlength=len(colouring.labels))
    names = []
    for code in np.argsort(-counts, kind="stable")[:_MOST_NAMES].tolist():
        if counts[code] and code not in colouring.faint:
            own = places[codes == code]
            place = own[np.argmin(np.square(own - np.median(own, axis=0)).sum(axis=1))]
            names.append(Name(colouring.labels[code], float(place[0]), float(place[1])))
    return names


def _points(cloud: Cloud, seen: Seen) -> tuple[npt.NDArray[np.float64], Indices]:
    """Places and indices of the points that are seen."""
    spans = [np.arange(first, first + count) for first, count in zip(seen.spans.firsts, seen.spans.counts, strict=True)]
    at = np.concatenate(spans) if spans else np.zeros(0, np.int64)
    return seen.points[at, :2].astype(np.float64), np.asarray(cloud.tiled.rows[at]).astype(np.int64)
