"""Where points go when another map of the same images is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lse.pointcloud import Window as View
from lse_dashboard.data.cloud import Cloud

__all__ = ["Flight", "flight"]

# So many points are followed by eye, and take a few tens of kilobytes.
_POINTS = 2000


@dataclass(frozen=True, eq=False)
class Flight:
    """Points on their way.

    Attributes
    ----------
    indices
        Which points of the new map they are.
    places
        Where they leave and where they arrive, as shares of the width and height of the plot from its top left corner:
        x and y before, x and y after; shape (n, 4).
    """

    indices: npt.NDArray[np.int64]
    places: npt.NDArray[np.float32]


def flight(before: Cloud, old_view: View, now: Cloud, new_view: View, *, seed: int = 0) -> Flight | None:
    """A random 2,000 points that both flat maps have, from where they were in view to where they will be.

    None where none was in view.
    """
    at = before.indices(now.rows)
    common = np.flatnonzero(at >= 0)
    leaving = _shares(before.coordinates[at[common], :2], old_view)
    seen = (leaving >= 0).all(axis=1) & (leaving <= 1).all(axis=1)
    common, leaving = common[seen], leaving[seen]
    if not len(common):
        return None
    if len(common) > _POINTS:
        some = np.sort(np.random.default_rng(seed).choice(len(common), _POINTS, replace=False))
        common, leaving = common[some], leaving[some]
    arriving = _shares(now.coordinates[common, :2], new_view)
    return Flight(common, np.hstack([leaving, arriving]).astype(np.float32))


def _shares(points: npt.NDArray[np.float32], view: View) -> npt.NDArray[np.float64]:
    (left, right), (bottom, top) = view.x_range, view.y_range
    x, y = points.astype(np.float64).T
    return np.column_stack([(x - left) / (right - left), (top - y) / (top - bottom)])
