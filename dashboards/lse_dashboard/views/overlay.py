"""Images and names over the points of a flat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, ImageURL, Text

from lse_dashboard.plots.overlay import Name
from lse_dashboard.theme import Theme

__all__ = ["IMAGE_PIXELS", "Overlay"]

IMAGE_PIXELS = 48


class Overlay:
    """Glyphs of a figure that show images at their points and names at their groups.

    Parameters
    ----------
    figure
        Figure of Bokeh.
    theme
        Its colours.
    """

    def __init__(self, figure: Any, theme: Theme) -> None:
        self._images = ColumnDataSource({"url": [], "x": [], "y": []})
        self._names = ColumnDataSource({"text": [], "x": [], "y": []})
        side = {"value": IMAGE_PIXELS, "units": "screen"}
        label: dict[str, Any] = {"border_radius": 4, "padding": (1, 5)}
        placed: dict[str, Any] = {"w": side, "h": side, "anchor": "center"}
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

    def show(self, images: Sequence[tuple[str, float, float]], names: Sequence[Name]) -> None:
        """Show other images, given the URL and place of each, and other names."""
        self._images.data = {name: [one[at] for one in images] for at, name in enumerate(("url", "x", "y"))}
        self._names.data = {
            "text": [one.label for one in names],
            "x": [one.x for one in names],
            "y": [one.y for one in names],
        }
