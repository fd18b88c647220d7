"""The 2-D scatter plot as a picture, through the tiles of its cloud."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lse.pointcloud import Window as View
from lse.pointcloud.counting import HIDDEN, Codes, rasterise
from lse.pointcloud.shading import Layer, Picture, shade
from lse_dashboard.data.cache import BoundedCache
from lse_dashboard.data.cloud import Cloud, Mask, fitting_size
from lse_dashboard.data.colouring import Colouring, Gradient, Groups
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
# Pictures of one cloud in its colours that are kept.
_FRAME_BYTES = 16 << 20


@dataclass(frozen=True)
class Painted:
    """The points of a cloud with their colours.

    Attributes
    ----------
    cloud
        The points.
    codes
        Colour of each point in the order of ``cloud.tiled``, shape (n,); those of selected points come after all
        others; `HIDDEN` for a point that is not drawn.
    colours
        Red, green and blue of each colour, shape (colours, 3).
    steps
        Where not 0, colours are steps of a scale, and the last is that of a missing number.
    selection
        Whether there is one: all other points are dimmed.
    made_of
        Colouring, shown and selected points, which live as long as this.
    frames
        Pictures that were drawn lately, by what they show, for all who look at the same.
    """

    cloud: Cloud
    codes: Codes
    colours: npt.NDArray[np.uint8]
    steps: int = 0
    selection: bool = False
    made_of: tuple[object, ...] = ()
    frames: BoundedCache[tuple[Frame, bytes]] = field(
        default_factory=lambda: BoundedCache(
            _FRAME_BYTES, lambda drawn: drawn[0].picture.indices.nbytes + len(drawn[1])
        ),
        repr=False,
        compare=False,
    )


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


def painted(
    cloud: Cloud, colouring: Colouring | None, theme: Theme, *, shown: Mask, selected: Mask | None = None
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
        Which points are drawn, shape (n,).
    selected
        Which points are selected, shape (n,); None where there is no selection.

    Returns
    -------
    painted
        One for all who ask for the same, as long as somebody has it.
    """
    made_of = colouring, shown, selected
    # What it is made of lives as long as it does, so that nothing else can have the same place in memory meanwhile.
    key = (theme.mode, *map(id, made_of))
    found: Painted | None = cloud.painted.get(key)
    if found is None:
        codes, colours, steps = _coloured(colouring, len(cloud), theme)
        if selected is not None:
            codes = codes + np.where(selected, np.uint16(len(colours)), np.uint16(0))
        codes = np.where(shown, codes, np.uint16(HIDDEN))
        made = Painted(cloud, cloud.tiled.in_order(codes), colours, steps, selected is not None, made_of)
        found = cloud.painted.setdefault(key, made)
    return found


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
    pixels = rasterise(
        seen,
        codes=points.codes,
        categories=len(points.colours),
        diameter=diameter,
        steps=points.steps,
        layers=2 if points.selection else 1,
    )
    # Where points crowd, the lone ones must not hide how full the others are.
    least = 0.8 if diameter > 1.5 else 0.45
    layers: tuple[Layer, ...] = (Layer(points.colours, least),)
    if points.selection:
        layers = (Layer(points.colours, least * _DIM, _DIM), *layers)
    return Frame(view, shade(pixels, layers), count, seen.spans.exact, pixels.discs)


def drawn(points: Painted, view: View, *, point_size: int = 3, budget: int | None = None) -> tuple[Frame, bytes]:
    """The picture that `draw` makes and its PNG file, once for all who look at the same."""

    def make() -> tuple[Frame, bytes]:
        frame = draw(points, view, point_size=point_size, budget=budget)
        return frame, frame.png()

    return points.frames.get_or_make((view, point_size, budget), make)


def _coloured(colouring: Colouring | None, count: int, theme: Theme) -> tuple[Codes, npt.NDArray[np.uint8], int]:
    """Code of each point, colour of each code, and the steps of a scale."""
    if isinstance(colouring, Groups):
        colours = [rgb(colour) for colour in group_colours(colouring, theme)]
        return colouring.codes.astype(np.uint16), np.array(colours, np.uint8).reshape(-1, 3), 0
    if isinstance(colouring, Gradient):
        share = (np.clip(colouring.values, colouring.low, colouring.high) - colouring.low) / (
            colouring.high - colouring.low
        )
        codes = np.where(np.isnan(share), _SCALE_STEPS, np.nan_to_num(share) * (_SCALE_STEPS - 1) + 0.5)
        scale = gradient_image(_SCALE_STEPS, 1, theme)[0]
        return codes.astype(np.uint16), np.concatenate([scale, rgb(theme.grey)[None]]), _SCALE_STEPS
    return np.zeros(count, np.uint16), rgb(theme.accent)[None], 0
