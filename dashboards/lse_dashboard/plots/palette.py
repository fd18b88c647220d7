"""Colours of groups and of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.theme import Theme

__all__ = ["gradient_css", "gradient_image", "group_colours", "point_colours", "rgb"]

RGB = npt.NDArray[np.uint8]


def group_colours(groups: Groups, theme: Theme) -> tuple[str, ...]:
    """Colour of each group as ``#rrggbb``; faint groups are grey.

    A group's colour depends on its place among all groups and on nothing else, so that it stays the same whatever is
    hidden and whichever projection is shown.  Few groups get colours for any colour vision; after 256 groups colours
    come again.
    """
    count = len(groups.labels) - len(groups.faint)
    colours = theme.few if count <= len(theme.few) else theme.many
    return tuple(theme.grey if i in groups.faint else colours[i % len(colours)] for i in range(len(groups.labels)))


def point_colours(colouring: Colouring | None, count: int, theme: Theme) -> RGB:
    """Colour of each point, shape (count, 3)."""
    if colouring is None:
        return np.broadcast_to(rgb(theme.accent), (count, 3)).copy()
    if isinstance(colouring, Groups):
        colours = [rgb(colour) for colour in group_colours(colouring, theme)]
        return np.array(colours, dtype=np.uint8).reshape(-1, 3)[colouring.codes]
    scale = _scale(theme)
    share = (np.clip(colouring.values, colouring.low, colouring.high) - colouring.low) / (
        colouring.high - colouring.low
    )
    missing = np.isnan(share)
    at = np.where(missing, 0.0, share) * (len(scale) - 1)
    return np.where(missing[:, None], rgb(theme.grey), scale[at.round().astype(int)]).astype(np.uint8)


def gradient_css(theme: Theme) -> str:
    """The colour scale of numbers as a CSS gradient from left to right."""
    stops = gradient_image(13, 1, theme)[0]
    return f"linear-gradient(90deg, {', '.join(f'rgb({r},{g},{b})' for r, g, b in stops)})"


def gradient_image(width: int, height: int, theme: Theme) -> RGB:
    """The colour scale of numbers from left to right, shape (height, width, 3)."""
    scale = _scale(theme)
    line = scale[np.linspace(0, len(scale) - 1, width).round().astype(int)]
    return np.broadcast_to(line, (height, width, 3)).copy()


def rgb(colour: str) -> RGB:
    """Red, green and blue of ``#rrggbb``, shape (3,)."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), dtype=np.uint8)


def _scale(theme: Theme) -> RGB:
    """Viridis without the end that would drown in the ground: its darkest sixth, or its brightest eighth."""
    from bokeh.palettes import Viridis256

    colours = Viridis256[44:] if theme.mode == "dark" else Viridis256[:224]
    return np.array([rgb(colour) for colour in colours], dtype=np.uint8)
