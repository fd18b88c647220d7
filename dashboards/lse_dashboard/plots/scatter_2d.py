"""The 2-D scatter plot as a picture, through the tiles of its cloud."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import ref

import numpy as np
import numpy.typing as npt

from lse.pointcloud import Window as View
from lse.pointcloud.coded import Coded, Codes
from lse.pointcloud.counting import rasterise
from lse.pointcloud.sets import PointSet
from lse.pointcloud.shading import Layer, Picture, shade
from lse_dashboard.data.cloud import Cloud, fitting_size
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.gradient import Gradient
from lse_dashboard.plots.palette import gradient_image, group_colours, rgb
from lse_dashboard.theme import Theme

__all__ = ["FIRST_POINTS", "Frame", "Painted", "View", "draw", "drawn", "fitted_view", "painted"]

# Points of the first picture of a view that has more.
FIRST_POINTS = 1_000_000
# Steps of the scale of numbers.
_SCALE_STEPS = 24
# Points of the usual size are drawn so small that side by side they would cover no more than this share of the view.
_CROWDED = 0.3
_DIM = 0.25
# Pictures of so few points are small however they are compressed.
_FEW = 5_000


@dataclass(frozen=True, eq=False)
class Painted:
    """The points of a cloud with their colours.

    Attributes
    ----------
    cloud
        The points.
    coded
        Colour of each point; those that are selected are raised above all others, which are dimmed.
    colours
        Red, green and blue of each colour, shape (colours, 3).
    steps
        Where not 0, colours are steps of a scale, and the last is that of a missing number.
    shared
        What others who look at the cloud see, too, by which its pictures are kept; None where they are this one's own.
    """

    cloud: Cloud
    coded: Coded
    colours: npt.NDArray[np.uint8]
    steps: int = 0
    shared: tuple[object, ...] | None = None


@dataclass(frozen=True)
class Frame:
    """A picture of a view.

    Attributes
    ----------
    view
        What it shows.
    picture
        How it looks, first row at the bottom.
    points
        Points in view from which it was drawn, about.
    exact
        Whether these are all points in view, not a sample.
    discs
        Whether points are larger than a pixel.
    """

    view: View
    picture: Picture
    points: int
    exact: bool
    discs: bool = False

    def png(self) -> bytes:
        """The picture as a PNG file."""
        return self.picture.png(level=4 if self.discs and self.points > _FEW else 1)


def fitted_view(
    extent: tuple[float, float, float, float],
    width: int,
    height: int,
    *,
    margin: float = 0.04,
    corner: tuple[int, int] = (0, 0),
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
    corner
        Width and height in pixels of what lies over the view in its upper right corner: the extent is beside it or
        below it, whichever is larger.
    """
    x0, y0, x1, y1 = extent
    beside = (max(width - corner[0], width // 2), height)
    below = (width, max(height - corner[1], height // 2))

    def pixel_in(room: tuple[int, int]) -> float:
        return max((x1 - x0) / room[0], (y1 - y0) / room[1]) / (1 - 2 * margin)

    room = min(beside, below, key=pixel_in)
    pixel = pixel_in(room)
    left = (x0 + x1) / 2 - pixel * room[0] / 2
    bottom = (y0 + y1) / 2 - pixel * room[1] / 2
    return View((left, left + pixel * width), (bottom, bottom + pixel * height), width, height)


def painted(
    cloud: Cloud, colouring: Colouring | None, theme: Theme, *, shown: PointSet, selected: PointSet | None = None
) -> Painted:
    """Give the shown points of a cloud their colours.

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
    """
    codes, colours, steps = _coloured(colouring, cloud, theme)
    whole = len(shown) == len(cloud)
    coded = Coded(codes, len(colours), None if whole else shown, selected)
    return Painted(cloud, coded, colours, steps, (theme.mode, _key(colouring)) if whole and selected is None else None)


def draw(points: Painted, view: View, *, point_size: int = 3, budget: int | None = None) -> Frame:
    """Draw a view.

    Every shown point in the view counts: a pixel has the colour of most of its points, or that of the mean of their
    numbers, and is the less transparent the more they are. A selection lies on top of all other points.

    Parameters
    ----------
    points
        What is drawn.
    view
        What is seen, on how many pixels.
    point_size
        Diameter of a point in pixels where the whole cloud is in view. Points grow when few are in view, and shrink
        where they would cover each other.
    budget
        Most points to draw, about: a fair sample where there are more. All of them where not given.
    """
    cloud = points.cloud.tiled
    margin = view.pixel * (point_size + 6)
    seen = cloud.seen(view, budget=budget, margin=margin)
    count = max(round(cloud.tiles.estimate(seen.spans, view)), 1)
    wanted = max(1, point_size + fitting_size(count) - fitting_size(len(cloud)))
    room = (_CROWDED * view.width * view.height / count) ** 0.5
    diameter = min(wanted, room * max(1, point_size / fitting_size(len(cloud))))
    pixels = rasterise(seen, points.coded, diameter=diameter, steps=points.steps)
    # Where points crowd, the lone ones must not hide how full the others are.
    least = 0.8 if diameter > 1.5 else 0.45
    layers: tuple[Layer, ...] = (Layer(points.colours, least),)
    if points.coded.raised is not None:
        layers = (Layer(points.colours, least * _DIM, _DIM), *layers)
    return Frame(view, shade(pixels, layers), count, seen.spans.exact, pixels.discs)


def drawn(points: Painted, view: View, *, point_size: int = 3, budget: int | None = None) -> tuple[Frame, bytes]:
    """The picture that `draw` makes and its PNG file, once for all who look at the same."""

    def make() -> _Kept:
        frame = draw(points, view, point_size=point_size, budget=budget)
        return _Kept(frame, frame.png())

    shared = points.shared
    kept = make() if shared is None else points.cloud.once(("frame", *shared, view, point_size, budget), make)
    return kept.frame, kept.file


@dataclass(frozen=True, eq=False)
class _Kept:
    """A picture and its PNG file."""

    frame: Frame
    file: bytes

    @property
    def nbytes(self) -> int:
        return self.frame.picture.indices.nbytes + len(self.file)


def _coloured(colouring: Colouring | None, cloud: Cloud, theme: Theme) -> tuple[Codes, npt.NDArray[np.uint8], int]:
    """Code of each point, colour of each code, and the steps of a scale."""
    if isinstance(colouring, Groups):
        colours = [rgb(colour) for colour in group_colours(colouring, theme)]
        return colouring.codes.astype(np.uint16, copy=False), np.array(colours, np.uint8).reshape(-1, 3), 0
    if isinstance(colouring, Gradient):
        scale = gradient_image(colouring.scale, _SCALE_STEPS, 1, theme)[0]
        codes = cloud.once(("steps", _key(colouring)), lambda: colouring.steps(_SCALE_STEPS))
        return codes, np.concatenate([scale, rgb(theme.grey)[None]]), _SCALE_STEPS
    return cloud.once("one colour", lambda: np.zeros(len(cloud), np.uint16)), rgb(theme.accent)[None], 0


def _key(colouring: Colouring | None) -> ref[Colouring] | None:
    """A colouring as part of a key, by which it is not kept: labels are read anew after each change."""
    return None if colouring is None else ref(colouring)
