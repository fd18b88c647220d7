"""What a test knows of images, in the order of the points of a cloud, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lse.pointcloud.sets import PointSet
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring, moved

__all__ = ["coloured", "mask_of", "points_where"]

ColouringT = TypeVar("ColouringT", bound=Colouring)


def points_where(cloud: Cloud, chosen: Sequence[bool] | npt.NDArray[np.bool_]) -> PointSet:
    """The points of some images, given whether each image of the cloud is chosen, by ascending row."""
    return PointSet.of(np.asarray(chosen, bool)[_places(cloud)])


def mask_of(cloud: Cloud, points: PointSet) -> npt.NDArray[np.bool_]:
    """Whether each image of the cloud is among some points, by ascending row."""
    return points.mask()[np.argsort(cloud.rows)]


def coloured(cloud: Cloud, colouring: ColouringT) -> ColouringT:
    """A colouring of the points of a cloud, given that of its images by ascending row."""
    found = moved(colouring, _places(cloud))
    assert isinstance(found, type(colouring))
    return found


def _places(cloud: Cloud) -> npt.NDArray[np.int64]:
    """Of the image of each point, how many have smaller rows."""
    return np.argsort(np.argsort(cloud.rows))
