"""Colours of groups and of numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.gradient import Scale
from lse_dashboard.theme import Theme

__all__ = ["gradient_css", "gradient_image", "group_colours", "point_colours", "rgb"]

RGB = npt.NDArray[np.uint8]

# Least contrast of a colour with the ground, as WCAG 2 measures it: colours that would drown are left out.
_CONTRAST = {"dark": 1.97, "light": 1.62}


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
    colours = [*_scale(colouring.scale, theme), rgb(theme.grey)]
    return np.array(colours, dtype=np.uint8)[colouring.steps(len(colours) - 1)]


def gradient_css(scale: Scale, theme: Theme) -> str:
    """The colour scale of numbers as a CSS gradient from left to right."""
    stops = gradient_image(scale, 13, 1, theme)[0]
    return f"linear-gradient(90deg, {', '.join(f'rgb({r},{g},{b})' for r, g, b in stops)})"


def gradient_image(scale: Scale, width: int, height: int, theme: Theme) -> RGB:
    """The colour scale of numbers from left to right, shape (height, width, 3)."""
    colours = _scale(scale, theme)
    line = colours[np.linspace(0, len(colours) - 1, width).round().astype(int)]
    return np.broadcast_to(line, (height, width, 3)).copy()


def rgb(colour: str) -> RGB:
    """Red, green and blue of ``#rrggbb``, shape (3,)."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), dtype=np.uint8)


def _scale(scale: Scale, theme: Theme) -> RGB:
    """Colours of a scale without the end that would drown in the ground, shape (colours, 3).

    They are those of matplotlib, and of Kovesi, "Good colour maps: how to design them" (2015, arXiv:1509.03700):
    perceptually uniform, and told apart by people who do not see red and green.  The middle of the diverging ones is
    as far from the ground as can be.
    """
    if scale.colours == "diverging":
        import colorcet

        named = tuple(colorcet.bwy if theme.mode == "dark" else colorcet.bky)
    else:
        from bokeh.palettes import cividis, inferno, magma, viridis

        named = {"viridis": viridis, "cividis": cividis, "magma": magma, "inferno": inferno}[scale.colours](256)
    colours = np.array([rgb(colour) for colour in named], dtype=np.uint8)
    pair = np.sort([_luminance(colours), np.broadcast_to(_luminance(rgb(theme.ground)), len(colours))], axis=0)
    seen = colours[(pair[1] + 0.05) / (pair[0] + 0.05) >= _CONTRAST[theme.mode]]
    return np.flip(seen, axis=0) if scale.reversed else seen


def _luminance(colours: RGB) -> npt.NDArray[np.float64]:
    """Relative luminance, as WCAG 2 defines it."""
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))
