"""Which points of a cloud lie near a place, in a box, or in a lasso."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lse.pointcloud import picking
from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud

__all__ = ["inside_box", "inside_polygon", "nearest"]


def nearest(cloud: Cloud, x: float, y: float, radius: float, *, shown: PointSet) -> int | None:
    """Index of the shown point nearest to a place within a radius in data units, None when there is none."""
    return picking.nearest(cloud.tiled, (x, y), radius, shown=shown)


def inside_box(cloud: Cloud, bounds: tuple[float, float, float, float]) -> PointSet:
    """Points in a box of least x, least y, greatest x and greatest y, edges included."""
    return picking.inside_box(cloud.tiled, bounds).points_of(cloud.tiled)


def inside_polygon(cloud: Cloud, polygon: npt.NDArray[np.float64]) -> PointSet:
    """Points in a polygon, by the even-odd rule.

    Parameters
    ----------
    cloud
        The points.
    polygon
        Corners in order, shape (m, 2); closed by itself.
    """
    return picking.inside_polygon(cloud.tiled, polygon).points_of(cloud.tiled)
