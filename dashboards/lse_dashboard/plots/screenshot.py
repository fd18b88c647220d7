"""The 2-D scatter plot as a figure with title, legend and provenance: PNG, or SVG and PDF with text as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lse.pointcloud import Window as View
from lse_dashboard import wording
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.gradient import Gradient
from lse_dashboard.plots.overlay import Over
from lse_dashboard.plots.palette import gradient_image, group_colours
from lse_dashboard.theme import Theme

__all__ = ["FORMATS", "write_figure"]

FORMATS = ("png", "svg", "pdf")
"""Suffixes of the files that can be written."""

# Pixels of the picture an inch: a map of a usual screen, drawn at twice its size, fills the width of a page.
_DPI = 300
# Widths and heights in units, which are a line of text.
_SIDE, _LINE = 14, 1.4
# Side in pixels of an image over the points: twice that of the page, as the map is.
_IMAGE = 96
# Letters of a label beside which its count has room.
_LONGEST = 14


@dataclass(frozen=True)
class _Page:
    """A figure of matplotlib that is measured in pixels from its top left corner."""

    figure: Any
    width: int
    height: int
    unit: int
    theme: Theme

    def text(self, x: float, y: float, text: str, *, size: float = 1, quiet: bool = False, right: bool = False) -> None:
        """Write a text whose top left, or top right, corner is given; its size is in units."""
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            text,
            color=self.theme.quiet if quiet else self.theme.text,
            fontsize=size * self.unit * 72 / _DPI,
            va="top",
            ha="right" if right else "left",
            parse_math=False,
        )

    def picture(self, pixels: npt.NDArray[np.uint8], x: float, y: float, *, framed: bool = False) -> Any:
        """Put pixels where their top left corner is given, one for one, first row at the bottom; their axes."""
        height, width = pixels.shape[:2]
        box = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(box, facecolor="none", xticks=[], yticks=[])
        axes.imshow(pixels, origin="lower", aspect="auto", interpolation="none")
        for edge in axes.spines.values():
            edge.set(visible=framed, color=self.theme.line, linewidth=0.5)
        return axes

    def lay_over(self, axes: Any, over: Over, view: View) -> None:
        """Draw images, names and contours on the axes of a picture of a view."""
        axes.autoscale(enable=False)
        (left, right), (bottom, top) = view.x_range, view.y_range
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        scale = np.array([(x1 - x0) / (right - left), (y1 - y0) / (top - bottom)])

        def placed(places: Any) -> npt.NDArray[np.float64]:
            return np.asarray((np.atleast_2d(places) - (left, bottom)) * scale + (x0, y0))

        half = _IMAGE / 2
        for (_, *place), pixels in zip(over.images, over.pictures, strict=True):
            ((x, y),) = placed(place)
            box = (x - half, x + half, y - half, y + half)
            grey = {"cmap": "grey", "vmin": 0, "vmax": 255}
            axes.imshow(pixels[::-1], origin="lower", aspect="auto", extent=box, zorder=1.5, **grey)
        for contour in over.contours:
            for piece in contour.pieces:
                axes.plot(*placed(piece).T, color=self.theme.text, alpha=0.7, linewidth=self.unit * 4 / _DPI)
        for name in over.names:
            ((x, y),) = placed((name.x, name.y))
            axes.text(
                x,
                y,
                name.label,
                color=self.theme.text,
                fontsize=self.unit * 72 / _DPI,
                fontweight="bold",
                ha="center",
                va="center",
                clip_on=True,
                parse_math=False,
                bbox={"facecolor": self.theme.ground, "alpha": 0.75, "linewidth": 0, "boxstyle": "round,pad=0.2"},
            )

    def dot(self, x: float, y: float, colour: str) -> None:
        """Draw a disc, a unit wide, whose top left corner is given."""
        from matplotlib.patches import Ellipse

        middle = ((x + self.unit / 2) / self.width, 1 - (y + self.unit / 2) / self.height)
        size = (self.unit / self.width, self.unit / self.height)
        self.figure.add_artist(Ellipse(middle, *size, color=colour, linewidth=0, transform=self.figure.transFigure))


def write_figure(
    path: Path,
    image: npt.NDArray[np.uint8],
    theme: Theme,
    *,
    title: str,
    caption: str,
    colouring: Colouring | None,
    hidden: frozenset[str] = frozenset(),
    right: int = 0,
    provenance: Sequence[tuple[str, str]] = (),
    over: tuple[Over, View] | None = None,
) -> Path:
    """Write a figure: the points as pixels, all else as text and lines where the format knows them.

    Parameters
    ----------
    path
        File to write; its suffix is one of `FORMATS`.
    image
        The cloud as `lse_dashboard.plots.scatter_2d.draw` draws it, first row at the bottom, shape (height, width, 4).
    theme
        Colours.
    title, caption
        Lines above and below the cloud.
    colouring
        Explained beside the cloud.
    hidden
        Labels of groups that are not drawn and therefore not explained.
    right
        Pixels at the right of the image that a fitted cloud leaves free: the legend begins there.
    provenance
        Where the map comes from, as titles and values: written below the caption, and into the file as metadata.
    over
        Images, names and contours that lie over the cloud, and the view that the image shows.

    Returns
    -------
    Path
        The file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Text stays text, which can be searched and edited.
    mpl.rcParams.update({"svg.fonttype": "none", "pdf.fonttype": 42})
    height, width = image.shape[:2]
    unit = max(1, round(height / 48))
    room = width - 2 * unit
    said = [line for title in provenance for line in _wrapped(": ".join(title), room, unit * 0.85, "   ")]
    top, bottom = unit * 4, unit * (3 + ceil(_LINE * len(said)))
    # Beside the picture where that leaves no room.
    legend = width if colouring is None else width - right if right else width + unit
    side = max(right, _SIDE * unit)
    across, down = max(width, legend + side), height + top + bottom
    figure = Figure(figsize=(across / _DPI, down / _DPI), dpi=_DPI, facecolor=theme.ground)
    page = _Page(figure, across, down, unit, theme)
    axes = page.picture(image, 0, top, framed=True)
    if over is not None:
        page.lay_over(axes, *over)
    page.text(unit, unit, title, size=1.5)
    page.text(unit, height + top + unit * 0.8, caption, quiet=True)
    for i, line in enumerate(said):
        page.text(unit, height + top + unit * (2.4 + _LINE * i), line, size=0.85, quiet=True)
    if isinstance(colouring, Groups):
        _groups(page, colouring, hidden, box=(legend, top + unit, side, height))
    elif isinstance(colouring, Gradient):
        _gradient(page, colouring, box=(legend, top + unit, side))
    figure.savefig(path, metadata=_metadata(path.suffix, title, provenance))
    return path


def _metadata(suffix: str, title: str, provenance: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Title and provenance under the keys that a format has for them."""
    if suffix == ".png":
        return {"Title": title, **dict(provenance)}
    return {"Title": title, {".svg": "Description", ".pdf": "Subject"}[suffix]: "; ".join(map(": ".join, provenance))}


def _wrapped(text: str, width: float, size: float, indent: str = "") -> list[str]:
    """A text as lines that are not wider than so many pixels, but for words that are."""
    line, *words = text.split()
    lines: list[str] = []
    for word in words:
        if _width(f"{line} {word}", size) > width:
            lines.append(line)
            line = f"{indent}{word}"
        else:
            line = f"{line} {word}"
    return [*lines, line]


def _width(text: str, size: float) -> float:
    """Width in pixels of a text of a size in pixels."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=size, usetex=False).get_extents().width)


def _groups(page: _Page, groups: Groups, hidden: frozenset[str], *, box: tuple[int, int, int, int]) -> None:
    (x, y, width, height), unit = box, page.unit
    page.text(x, y, groups.title, quiet=True)
    every = zip(groups.labels, group_colours(groups, page.theme), groups.counts, strict=True)
    entries = [entry for entry in every if entry[0] not in hidden and entry[2]]
    room = max(1, int(height / (unit * 1.7)) - 3)
    for i, (label, colour, count) in enumerate(entries[:room]):
        line = y + unit * (2 + 1.7 * i)
        page.dot(x, line, colour)
        page.text(x + unit * 1.6, line - unit * 0.1, _short(label))
        page.text(x + width - unit, line - unit * 0.1, f"{count:,}", quiet=True, right=True)
    if len(entries) > room:
        more = wording.Legend.MORE.format(count=len(entries) - room)
        page.text(x, y + unit * (2 + 1.7 * room), more, quiet=True)


def _gradient(page: _Page, gradient: Gradient, *, box: tuple[int, int, int]) -> None:
    (x, y, width), unit = box, page.unit
    bar, (low, middle, high) = width - 2 * unit, gradient.ends()
    page.text(x, y, gradient.title, quiet=True)
    page.picture(gradient_image(gradient.scale, bar, unit, page.theme), x, y + 2 * unit)
    page.text(x, y + unit * 3.4, low)
    if middle:
        page.text(x + (bar + _width(middle, unit)) / 2, y + unit * 3.4, middle, right=True)
    page.text(x + bar, y + unit * 3.4, high, right=True)
    said = [line for note in gradient.notes() for line in _wrapped(note, bar, unit * 0.85)]
    for i, line in enumerate(said):
        page.text(x, y + unit * (5.2 + _LINE * i), line, size=0.85, quiet=True)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
