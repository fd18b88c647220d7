"""The 2-D cloud as an image, by Datashader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lse_dashboard.data.cloud import Coordinates, Mask

__all__ = ["View", "fitted_view", "shade"]

RGBA = npt.NDArray[np.uint8]
# Up to this many points an image is drawn twice as large and averaged down, which rounds the points.
_SMOOTH_POINTS = 200_000
# Datashader's density heuristic ends spreading where points crowd; a high threshold keeps sparse clouds readable.
_SPREAD_THRESHOLD = 0.97


@dataclass(frozen=True)
class View:
    """The part of the plane that is shown, and on how many pixels.

    Attributes
    ----------
    x_range, y_range
        Least and greatest coordinate.
    width, height
        Pixels.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: int
    height: int

    @property
    def pixel(self) -> float:
        """Size of a pixel in data units."""
        return (self.x_range[1] - self.x_range[0]) / self.width


def fitted_view(
    extent: tuple[float, float, float, float], width: int, height: int, *, margin: float = 0.04, right: int = 0
) -> View:
    """View that holds an extent with the same scale on both axes.

    Parameters
    ----------
    extent
        Least x, least y, greatest x, greatest y.
    width, height
        Pixels.
    margin
        Share of the view left free on each side.
    right
        Pixels left free at the right besides, for what lies over the view there.
    """
    x0, y0, x1, y1 = extent
    free = max(width - right, width // 2)
    pixel = max((x1 - x0) / free, (y1 - y0) / height) / (1 - 2 * margin)
    left = (x0 + x1) / 2 - pixel * free / 2
    bottom = (y0 + y1) / 2 - pixel * height / 2
    return View((left, left + pixel * width), (bottom, bottom + pixel * height), width, height)


def shade(
    coordinates: Coordinates,
    colours: npt.NDArray[np.uint8],
    view: View,
    *,
    shown: Mask,
    selected: Mask | None = None,
    point_size: int = 3,
) -> RGBA:
    """Draw the shown points.

    Every shown point within the view counts: the colour of a pixel is the mean colour of its points, its opacity
    grows with their number.  Where a selection is given, the other points are dimmed and it lies on top.

    Parameters
    ----------
    coordinates
        Shape (n, 2).
    colours
        Shape (n, 3).
    view
        What is drawn on how many pixels.
    shown
        Which points are drawn, shape (n,).
    selected
        Which points are selected, shape (n,); None where there is no selection.
    point_size
        Diameter of a lone point in pixels; crowded points are drawn smaller.

    Returns
    -------
    image
        Straight (not premultiplied) alpha, first row at the bottom, shape (height, width, 4).
    """
    if selected is None:
        return _layer(coordinates[shown], colours[shown], view, point_size)
    below, above = shown & ~selected, shown & selected
    ground = _layer(coordinates[below], colours[below], view, max(1, point_size - 1))
    ground[..., 3] = (ground[..., 3] * 0.16).astype(np.uint8)
    return _over(_layer(coordinates[above], colours[above], view, point_size), ground)


def _layer(coordinates: Coordinates, colours: npt.NDArray[np.uint8], view: View, point_size: int) -> RGBA:
    import datashader as ds
    import datashader.transfer_functions as tf
    import pandas as pd

    if len(coordinates) == 0:
        return np.zeros((view.height, view.width, 4), dtype=np.uint8)
    factor = 2 if len(coordinates) <= _SMOOTH_POINTS else 1
    frame = pd.DataFrame(
        {
            "x": coordinates[:, 0],
            "y": coordinates[:, 1],
            "red": colours[:, 0],
            "green": colours[:, 1],
            "blue": colours[:, 2],
        }
    )
    canvas = ds.Canvas(
        plot_width=view.width * factor, plot_height=view.height * factor, x_range=view.x_range, y_range=view.y_range
    )
    sums = canvas.points(
        frame,
        "x",
        "y",
        agg=ds.summary(count=ds.count(), red=ds.sum("red"), green=ds.sum("green"), blue=ds.sum("blue")),
    )
    count = sums["count"].to_numpy()
    filled = count > 0
    if not filled.any():
        return np.zeros((view.height, view.width, 4), dtype=np.uint8)
    image = np.zeros((*count.shape, 4), dtype=np.uint8)
    for channel, name in enumerate(("red", "green", "blue")):
        image[..., channel][filled] = np.round(sums[name].to_numpy()[filled] / count[filled])
    image[..., 3][filled] = _opacity(count[filled])
    packed = tf.Image(image.view(np.uint32)[..., 0], coords=sums["count"].coords, dims=sums["count"].dims)
    spread = tf.dynspread(packed, threshold=_SPREAD_THRESHOLD, max_px=max(0, round((point_size * factor - 1) / 2)))
    drawn = np.ascontiguousarray(spread.to_numpy()).view(np.uint8).reshape(*count.shape, 4)
    return _averaged(drawn, factor)


def _opacity(count: npt.NDArray[np.uint32]) -> npt.NDArray[np.float64]:
    """Opacity in 0 to 255 of pixels by their number of points: clear for one, full for the fullest, logarithmic."""
    top = np.log1p(float(count.max()))
    least = 0.8 if count.max() < 8 else 0.45
    opacity: npt.NDArray[np.float64] = 255 * (least + (0.97 - least) * np.log1p(count) / top)
    return opacity


def _averaged(image: RGBA, factor: int) -> RGBA:
    """Mean of blocks of factor x factor pixels, colours weighted by their opacity."""
    if factor == 1:
        return image
    height, width = image.shape[0] // factor, image.shape[1] // factor
    blocks = image.reshape(height, factor, width, factor, 4).astype(np.float32)
    alpha = blocks[..., 3:]
    total = alpha.sum(axis=(1, 3))
    colour = (blocks[..., :3] * alpha).sum(axis=(1, 3)) / np.maximum(total, 1)
    return np.concatenate([colour, total / factor**2], axis=-1).round().astype(np.uint8)


def _over(top: RGBA, bottom: RGBA) -> RGBA:
    """Compose two images of straight alpha."""
    a, b = (image[..., 3:].astype(np.float32) / 255 for image in (top, bottom))
    alpha = a + b * (1 - a)
    colour = (top[..., :3] * a + bottom[..., :3] * b * (1 - a)) / np.maximum(alpha, 1e-6)
    return np.concatenate([colour, alpha * 255], axis=-1).round().astype(np.uint8)
