"""The 2-D scatter plot as a PNG file with its title and legend."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from lse_dashboard import wording
from lse_dashboard.data.colouring import Colouring, Gradient, Groups
from lse_dashboard.plots.palette import gradient_image, group_colours
from lse_dashboard.theme import Theme

__all__ = ["picture_with_title"]


def picture_with_title(
    image: npt.NDArray[np.uint8],
    theme: Theme,
    *,
    title: str,
    caption: str,
    colouring: Colouring | None,
    hidden: frozenset[str] = frozenset(),
    right: int = 0,
    provenance: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Compose a PNG.

    Parameters
    ----------
    image
        The cloud as `lse_dashboard.plots.scatter_2d.shade` draws it, first row at the bottom, shape
        (height, width, 4).
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
        Where the map comes from, as titles and values: written below the caption, and into the file as text.
    """
    height, width = image.shape[:2]
    unit = max(1, round(height / 48))
    said = _lines(provenance, width - 2 * unit, _font(unit * 0.85))
    top, bottom, side = unit * 4, unit * (3 + ceil(1.4 * len(said))), unit * 13
    legend = width if colouring is None else width - right
    page = Image.new("RGB", (max(width, legend + side), height + top + bottom), theme.ground)
    cloud = Image.fromarray(np.ascontiguousarray(image[::-1]))
    page.paste(cloud, (0, top), cloud)
    draw = ImageDraw.Draw(page)
    draw.text((unit, unit), title, fill=theme.text, font=_font(unit * 1.5))
    draw.text((unit, height + top + unit * 0.8), caption, fill=theme.quiet, font=_font(unit))
    for i, line in enumerate(said):
        draw.text((unit, height + top + unit * (2.4 + 1.4 * i)), line, fill=theme.quiet, font=_font(unit * 0.85))
    if isinstance(colouring, Groups):
        _groups(draw, colouring, hidden, theme, box=(legend, top, height), unit=unit)
    elif isinstance(colouring, Gradient):
        draw.text((legend, top), colouring.title, fill=theme.quiet, font=_font(unit))
        bar = Image.fromarray(gradient_image(side - 2 * unit, unit, theme))
        page.paste(bar, (legend, top + 2 * unit))
        draw.text((legend, top + unit * 3.4), colouring.text(colouring.low), fill=theme.text, font=_font(unit))
        end = (legend + side - 2 * unit, top + unit * 3.4)
        draw.text(end, colouring.text(colouring.high), fill=theme.text, font=_font(unit), anchor="ra")
    buffer = io.BytesIO()
    info = PngInfo()
    for name, value in (("Title", title), *provenance):
        info.add_itxt(name, value)
    page.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _lines(provenance: Sequence[tuple[str, str]], width: int, font: Any) -> list[str]:
    """Titles and values as lines that are not wider than so many pixels, but for words that are."""
    lines: list[str] = []
    for name, value in provenance:
        line = f"{name}:"
        for word in value.split():
            if font.getlength(f"{line} {word}") > width:
                lines.append(line)
                line = f"   {word}"
            else:
                line = f"{line} {word}"
        lines.append(line)
    return lines


def _groups(
    draw: ImageDraw.ImageDraw,
    groups: Groups,
    hidden: frozenset[str],
    theme: Theme,
    *,
    box: tuple[int, int, int],
    unit: int,
) -> None:
    x, y, height = box
    draw.text((x, y), groups.title, fill=theme.quiet, font=_font(unit))
    every = zip(groups.labels, group_colours(groups, theme), groups.counts, strict=True)
    entries = [entry for entry in every if entry[0] not in hidden and entry[2]]
    room = max(1, int(height / (unit * 1.7)) - 2)
    for i, (label, colour, count) in enumerate(entries[:room]):
        line = y + unit * (2 + 1.7 * i)
        draw.ellipse((x, line, x + unit, line + unit), fill=colour)
        at = (x + unit * 1.6, line - unit * 0.1)
        draw.text(at, _short(label), fill=theme.text, font=_font(unit))
        end = at[0] + draw.textlength(f"{_short(label)}  ", font=_font(unit))
        draw.text((end, at[1]), f"{count:,}", fill=theme.quiet, font=_font(unit))
    if len(entries) > room:
        line = y + unit * (2 + 1.7 * room)
        more = wording.Legend.MORE.format(count=len(entries) - room)
        draw.text((x, line), more, fill=theme.quiet, font=_font(unit))


def _short(text: str) -> str:
    return text if len(text) <= 18 else f"{text[:17]}…"


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
