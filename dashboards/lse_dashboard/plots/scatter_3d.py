"""The 3-D scatter plot: what the browser draws, and the same view as a picture for a figure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lse.pointcloud.coded import HIDDEN, Coded
from lse.pointcloud.parts import Part
from lse.pointcloud.sets import PointSet
from lse.pointcloud.solid import Camera, splat
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring
from lse_dashboard.plots.palette import rgb
from lse_dashboard.plots.scatter_2d import painted
from lse_dashboard.theme import Theme

__all__ = ["MAX_POINTS", "Solid", "picture", "solid"]

MAX_POINTS = 1_000_000
"""The most points that a browser is given at a time; of larger clouds these are the ones that its camera needs."""

# How much of its colour the farthest point has lost to the ground, and a point that is not selected.
_FOG = 0.4
_DIM = 0.8
# A figure is drawn in pixels that are so much smaller, for smooth edges.
_FINER = 2


@dataclass(frozen=True)
class Solid:
    """The points of a cloud as the browser draws them.

    Attributes
    ----------
    part
        The points that it is given: all of the map up to `MAX_POINTS`, of a larger one those that are not hidden.
    coded
        Colour of each point of the map; those that are selected are raised above all others, which are dimmed.
    colours
        Red, green and blue of each colour, shape (colours, 3).
    """

    part: Part
    coded: Coded
    colours: npt.NDArray[np.uint8]


def solid(
    cloud: Cloud,
    colouring: Colouring | None,
    theme: Theme,
    *,
    shown: PointSet,
    selected: PointSet | None = None,
    before: Solid | None = None,
) -> Solid:
    """Give the points of a cloud their colours.

    Parameters
    ----------
    cloud
        The points.
    colouring
        What gives them their colour.
    theme
        The colours.
    shown
        The points that are drawn.
    selected
        The points that are selected; None where there is no selection.
    before
        What was drawn of the same cloud before: its points are kept where the same ones are shown.
    """
    points = painted(cloud, colouring, theme, shown=shown, selected=selected)
    kept = points.coded.shown if len(cloud) > MAX_POINTS else None
    part = None if before is None else before.part
    if part is None or part.cloud is not cloud.tiled or part.shown is not kept:
        part = Part.of(cloud.tiled, kept)
    return Solid(part, points.coded, points.colours)


def picture(
    points: Solid, camera: Camera, theme: Theme, *, size: tuple[int, int], diameter: float
) -> npt.NDArray[np.uint8]:
    """Draw all points in view, the nearest in front, and the paler the farther away they are.

    Parameters
    ----------
    points
        What is drawn.
    camera
        From where it is seen; see `lse.pointcloud.solid`.
    theme
        Of which the ground is taken.
    size
        Width and height in pixels.
    diameter
        Of a point, in pixels.

    Returns
    -------
    pixels
        Shape (height, width, 4), first row at the bottom.
    """
    (width, height), colours = size, points.colours.astype(np.float32)
    fine = np.zeros((height * _FINER, width * _FINER, 4), np.float32)
    ground, count = rgb(theme.ground).astype(np.float32), len(colours)
    # Depth is measured in the units of the camera, in which the cloud is a ball around its middle.
    low, high = np.reshape(points.part.cloud.extent, (2, 3))
    middle = float(camera[3, :3] @ ((low + high) / 2) + camera[3, 3])
    around = float(np.linalg.norm(camera[3, :3]) * np.linalg.norm(high - low) / 2) or 1.0
    for ends in ((0, count), (count, 2 * count)):
        drawn = splat(
            points.part.cloud,
            camera,
            points.coded,
            size=(width * _FINER, height * _FINER),
            diameter=diameter * _FINER,
            ends=ends,
        )
        at = drawn.codes != HIDDEN
        near, far = max(0.0, middle - around), middle + around
        faded = _FOG * np.clip((drawn.depths[at] - near) / (far - near), 0, 1)[:, None]
        if points.coded.raised is not None and not ends[0]:
            faded = 1 - (1 - faded) * (1 - _DIM)
        fine[at, :3] = colours[drawn.codes[at] % count] * (1 - faded) + ground * faded
        fine[at, 3] = 255
    fine[..., :3] *= fine[..., 3:] / 255
    mean = fine.reshape(height, _FINER, width, _FINER, 4).mean(axis=(1, 3))
    cover = np.maximum(mean[..., 3:], 1) / 255
    return np.concatenate([np.clip(mean[..., :3] / cover, 0, 255), mean[..., 3:]], axis=-1).round().astype(np.uint8)
