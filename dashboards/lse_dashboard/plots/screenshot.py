"""The 2-D cloud as a PNG file with its title and legend."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from lse_dashboard.data.colouring import Colouring, Gradient, Groups
from lse_dashboard.plots.palette import BACKGROUND, gradient_image, group_colours

__all__ = ["picture_with_title"]

_TEXT = (222, 229, 238)
_QUIET = (138, 150, 166)


def picture_with_title(
    image: npt.NDArray[np.uint8],
    *,
    title: str,
    caption: str,
    colouring: Colouring | None,
    hidden: frozenset[str] = frozenset(),
    right: int = 0,
) -> bytes:
    """Compose a PNG.

    Parameters
    ----------
    image
        The cloud as `lse_dashboard.plots.flat.shade` draws it, first row at the bottom, shape (height, width, 4).
    title, caption
        Lines above and below the cloud.
    colouring
        Explained beside the cloud.
    hidden
        Labels of groups that are not drawn and therefore not explained.
    right
        Pixels at the right of the image that a fitted cloud leaves free: the legend begins there.
    """
    height, width = image.shape[:2]
    unit = max(1, round(height / 48))
    top, bottom, side = unit * 4, unit * 3, unit * 13
    legend = width if colouring is None else width - right
    page = Image.new("RGB", (max(width, legend + side), height + top + bottom), BACKGROUND)
    cloud = Image.fromarray(np.ascontiguousarray(image[::-1]))
    page.paste(cloud, (0, top), cloud)
    draw = ImageDraw.Draw(page)
    draw.text((unit, unit), title, fill=_TEXT, font=_font(unit * 1.5))
    draw.text((unit, height + top + unit * 0.8), caption, fill=_QUIET, font=_font(unit))
    if isinstance(colouring, Groups):
        _groups(draw, colouring, hidden, box=(legend, top, height), unit=unit)
    elif isinstance(colouring, Gradient):
        draw.text((legend, top), colouring.title, fill=_QUIET, font=_font(unit))
        bar = Image.fromarray(gradient_image(side - 2 * unit, unit))
        page.paste(bar, (legend, top + 2 * unit))
        draw.text((legend, top + unit * 3.4), f"{colouring.low:.4g}", fill=_TEXT, font=_font(unit))
        end = (legend + side - 2 * unit, top + unit * 3.4)
        draw.text(end, f"{colouring.high:.4g}", fill=_TEXT, font=_font(unit), anchor="ra")
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _groups(
    draw: ImageDraw.ImageDraw, groups: Groups, hidden: frozenset[str], *, box: tuple[int, int, int], unit: int
) -> None:
    x, y, height = box
    draw.text((x, y), groups.title, fill=_QUIET, font=_font(unit))
    entries = [
        (label, colour, count)
        for label, colour, count in zip(groups.labels, group_colours(groups), groups.counts, strict=True)
        if label not in hidden
    ]
    room = max(1, int(height / (unit * 1.7)) - 2)
    for i, (label, colour, count) in enumerate(entries[:room]):
        line = y + unit * (2 + 1.7 * i)
        draw.ellipse((x, line, x + unit, line + unit), fill=colour)
        draw.text((x + unit * 1.6, line - unit * 0.1), f"{_short(label)}  {count:,}", fill=_TEXT, font=_font(unit))
    if len(entries) > room:
        line = y + unit * (2 + 1.7 * room)
        draw.text((x, line), f"and {len(entries) - room} more", fill=_QUIET, font=_font(unit))


def _short(text: str) -> str:
    return text if len(text) <= 18 else f"{text[:17]}…"


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)
