"""Colours on the explorer's dark ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lse_dashboard.data.colouring import Colouring, Groups

__all__ = ["BACKGROUND", "FAINT", "gradient_css", "gradient_image", "group_colours", "point_colours"]

RGB = npt.NDArray[np.uint8]

BACKGROUND = "#0d1117"
FAINT = "#5d6878"

# Of like weight on the dark ground; neighbours differ in hue and in lightness, for those who see few hues.
_FIRST = (
    "#5aa9f7",
    "#f2a154",
    "#6fcf97",
    "#eb6f85",
    "#b08cf2",
    "#e6cf5a",
    "#56ccd4",
    "#ee8fc6",
    "#a8c957",
    "#c99b78",
    "#8b9bff",
    "#ff8561",
)


def group_colours(groups: Groups) -> tuple[str, ...]:
    """Colour of each group as ``#rrggbb``; faint groups are grey.

    After the first twelve come their tints, then their shades, then all again.
    """
    colours = [
        *_FIRST,
        *(_mixed(colour, 255, 0.45) for colour in _FIRST),
        *(_mixed(colour, 0, 0.4) for colour in _FIRST),
    ]
    return tuple(FAINT if code in groups.faint else colours[code % len(colours)] for code in range(len(groups.labels)))


def point_colours(colouring: Colouring | None, count: int) -> RGB:
    """Colour of each point, shape (count, 3)."""
    if colouring is None:
        return np.broadcast_to(_rgb(_FIRST[0]), (count, 3)).copy()
    if isinstance(colouring, Groups):
        return np.array([_rgb(colour) for colour in group_colours(colouring)], dtype=np.uint8)[colouring.codes]
    scale = _gradient_colours()
    share = (np.clip(colouring.values, colouring.low, colouring.high) - colouring.low) / (
        colouring.high - colouring.low
    )
    missing = np.isnan(share)
    at = np.where(missing, 0.0, share) * (len(scale) - 1)
    return np.where(missing[:, None], _rgb(FAINT), scale[at.round().astype(int)]).astype(np.uint8)


def gradient_css() -> str:
    """The colour scale of numbers as a CSS gradient from left to right."""
    stops = _gradient_colours()[:: len(_gradient_colours()) // 12]
    return f"linear-gradient(90deg, {', '.join(f'rgb({r},{g},{b})' for r, g, b in stops)})"


def gradient_image(width: int, height: int) -> RGB:
    """The colour scale of numbers from left to right, shape (height, width, 3)."""
    scale = _gradient_colours()
    line = scale[np.linspace(0, len(scale) - 1, width).round().astype(int)]
    return np.broadcast_to(line, (height, width, 3)).copy()


def _gradient_colours() -> RGB:
    from bokeh.palettes import Viridis256

    # The darkest sixth of viridis would drown in the dark ground.
    return np.array([_rgb(colour) for colour in Viridis256[44:]], dtype=np.uint8)


def _mixed(colour: str, level: int, share: float) -> str:
    """Colour with a share of a grey level."""
    return "#" + "".join(f"{round((1 - share) * int(part) + share * level):02x}" for part in _rgb(colour))


def _rgb(colour: str) -> RGB:
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), dtype=np.uint8)
