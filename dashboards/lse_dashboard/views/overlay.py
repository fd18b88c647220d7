"""Images, names, contours and rings over the points of a flat map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, ImageURL, MultiLine, Scatter, Text

from lse_dashboard.plots.overlay import Over
from lse_dashboard.theme import Theme

__all__ = ["IMAGE_PIXELS", "Overlay"]

IMAGE_PIXELS = 48


class Overlay:
    """Glyphs of a figure that show images at their points, names at their groups, contours, and rings around points.

    Parameters
    ----------
    figure
        Figure of Bokeh.
    theme
        Its colours.
    thumbnail
        URL of the image of a row.
    """

    def __init__(self, figure: Any, theme: Theme, thumbnail: Callable[[int], str]) -> None:
        self._thumbnail = thumbnail
        self._images = ColumnDataSource({"url": [], "x": [], "y": []})
        self._names = ColumnDataSource({"text": [], "x": [], "y": []})
        self._contours = ColumnDataSource({"xs": [], "ys": []})
        side = {"value": IMAGE_PIXELS, "units": "screen"}
        self._marks = ColumnDataSource({"x": [], "y": []})
        self._shown = Over()
        label: dict[str, Any] = {"border_radius": 4, "padding": (1, 5)}
        placed: dict[str, Any] = {"w": side, "h": side, "anchor": "center"}
        figure.add_glyph(self._contours, MultiLine(xs="xs", ys="ys", line_color=theme.text, line_alpha=0.7))
        figure.add_glyph(self._images, ImageURL(url="url", x="x", y="y", **placed))
        figure.add_glyph(
            self._names,
            Text(
                text="text",
                x="x",
                y="y",
                text_align="center",
                text_baseline="middle",
                text_font=value("Roboto, DejaVu Sans, sans-serif"),
                text_font_size="14px",
                text_font_style="bold",
                text_color=theme.text,
                background_fill_color=theme.ground,
                background_fill_alpha=0.75,
                **label,
            ),
            level="overlay",
        )
        ring = Scatter(x="x", y="y", size=15, fill_color=None, line_color=theme.text, line_width=2)
        figure.add_glyph(self._marks, ring, level="overlay")

    def show(self, over: Over) -> None:
        """Show something else over the points; what is there already is not sent, and not drawn, again."""
        shown, self._shown = self._shown, over
        if over.images != shown.images:
            self._images.data = {
                "url": [self._thumbnail(row) for row, _, _ in over.images],
                "x": [x for _, x, _ in over.images],
                "y": [y for _, _, y in over.images],
            }
        if over.names != shown.names:
            self._names.data = {
                "text": [one.label for one in over.names],
                "x": [one.x for one in over.names],
                "y": [one.y for one in over.names],
            }
        if over.contours or shown.contours:
            pieces = [piece for one in over.contours for piece in one.pieces]
            self._contours.data = {"xs": [piece[:, 0] for piece in pieces], "ys": [piece[:, 1] for piece in pieces]}

    def mark(self, points: npt.NDArray[np.floating]) -> None:
        """Put rings around points, shape (n, 2), and around no others."""
        self._marks.data = {"x": points[:, 0], "y": points[:, 1]}
