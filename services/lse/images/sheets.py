"""Sheets of small pictures: rows of tiles with labels, headings and captions, as PNG."""

from __future__ import annotations

import functools
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COOL", "WARM", "Row", "Sheet", "Tile", "draw_sheet", "shrunk"]

# What brings images together, and what sets them apart.
WARM, COOL = (255, 122, 40), (52, 152, 255)

_PAPER, _INK, _FAINT = (255, 255, 255), (28, 32, 38), (108, 114, 124)
_MARGIN, _GAP = 28, 6
_SMALLEST, _LARGEST = 32, 168
# A sheet has a megapixel of tiles at most, to fit into an answer beside the arrays, and is no wider than a screen.
_TILE_PIXELS, _WIDEST = 2**20, 1700


@dataclass(frozen=True)
class Tile:
    """A small picture.

    Attributes
    ----------
    pixels
        Shape (height, width, 3), uint8.
    caption
        A few words below it.
    """

    pixels: NDArray[np.uint8]
    caption: str = ""


@dataclass(frozen=True)
class Row:
    """Tiles beside each other.

    Attributes
    ----------
    tiles
        From left to right.
    label, note
        What it shows, at its left, and a second line.
    """

    tiles: tuple[Tile, ...]
    label: str = ""
    note: str = ""


@dataclass(frozen=True)
class Sheet:
    """A picture of rows of tiles.

    Attributes
    ----------
    title, subtitle
        Above all.
    rows
        From top to bottom.
    headings
        Above the columns.
    scale
        Words at both ends of a scale of colours from cool to warm, below all; none where empty.
    footnote
        Below all.
    """

    title: str
    subtitle: str
    rows: tuple[Row, ...]
    headings: tuple[str, ...] = ()
    scale: tuple[str, str] | None = None
    footnote: str = ""


def draw_sheet(sheet: Sheet) -> bytes:
    """Draw a sheet.

    Returns
    -------
    bytes
        PNG; tiles are enlarged or reduced to the side that suits their count.
    """
    columns = max(len(row.tiles) for row in sheet.rows)
    side = _tile_side(len(sheet.rows), columns)
    small, plain, bold, title = _font(12), _font(14), _font(14, bold=True), _font(20, bold=True)
    labels = max(max(bold.getlength(row.label), small.getlength(row.note)) for row in sheet.rows)
    left = _MARGIN + (round(labels) + 20 if labels else 0)
    heights = [side + _GAP + (26 if any(tile.caption for tile in row.tiles) else 0) for row in sheet.rows]
    body = columns * (side + _GAP) - _GAP
    width = round(max(left + body, _MARGIN + max(440, title.getlength(sheet.title)))) + _MARGIN
    subtitle = _wrapped(sheet.subtitle, plain, width - 2 * _MARGIN)
    footnote = _wrapped(sheet.footnote, small, width - 2 * _MARGIN)
    top = _MARGIN + 32 + 20 * len(subtitle) + 14 + (22 if sheet.headings else 0)
    bottom = top + sum(heights) - _GAP
    height = bottom + (46 if sheet.scale else 0) + (12 + 17 * len(footnote) if footnote else 0) + _MARGIN
    picture = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(picture)
    pen.text((_MARGIN, _MARGIN), sheet.title, font=title, fill=_INK, anchor="lt")
    for number, line in enumerate(subtitle):
        pen.text((_MARGIN, _MARGIN + 32 + 20 * number), line, font=plain, fill=_FAINT, anchor="lt")
    # Where columns are narrow, some of them go without a heading.
    every = max(1, math.ceil((max(map(small.getlength, sheet.headings), default=0) + 8) / (side + _GAP)))
    heading_font = plain if max(map(plain.getlength, sheet.headings), default=0) <= side else small
    for column, heading in list(enumerate(sheet.headings))[::every]:
        middle = left + column * (side + _GAP) + side // 2
        pen.text((middle, top - 11), heading, font=heading_font, fill=_INK, anchor="ms")
    for number, row in enumerate(sheet.rows):
        above = top + sum(heights[:number])
        middle = above + side // 2
        pen.text((_MARGIN, middle - (9 if row.note else 0)), row.label, font=bold, fill=_INK, anchor="lm")
        pen.text((_MARGIN, middle + 10), row.note, font=small, fill=_FAINT, anchor="lm")
        for column, tile in enumerate(row.tiles):
            across = left + column * (side + _GAP)
            picture.paste(_resized(tile.pixels, side), (across, above))
            caption = _shortened(tile.caption, small, side)
            pen.text((across + side // 2, above + side + 3), caption, font=small, fill=_FAINT, anchor="ma")
    if sheet.scale is not None:
        _draw_scale(picture, pen, (left, bottom + 22), sheet.scale)
    for number, line in enumerate(footnote):
        pen.text((_MARGIN, height - _MARGIN - 17 * (len(footnote) - number) + 4), line, font=small, fill=_FAINT)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def shrunk(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels (height, width, 3), reduced to the side of the largest tile where they have more."""
    if max(pixels.shape[:2]) <= _LARGEST:
        return pixels
    tile = Image.fromarray(pixels)
    tile.thumbnail((_LARGEST, _LARGEST), Image.Resampling.BICUBIC)
    return np.asarray(tile)


def _tile_side(rows: int, columns: int) -> int:
    side = min((_TILE_PIXELS / (rows * columns)) ** 0.5, _WIDEST / columns - _GAP)
    return int(np.clip(side, _SMALLEST, _LARGEST))


def _resized(pixels: NDArray[np.uint8], side: int) -> Image.Image:
    height, width = pixels.shape[:2]
    fitting = (max(1, side * width // max(height, width)), max(1, side * height // max(height, width)))
    tile = Image.fromarray(np.ascontiguousarray(pixels)).resize(fitting, Image.Resampling.BICUBIC)
    if fitting == (side, side):
        return tile
    square = Image.new("RGB", (side, side), _PAPER)
    square.paste(tile, ((side - fitting[0]) // 2, (side - fitting[1]) // 2))
    return square


def _draw_scale(picture: Image.Image, pen: ImageDraw.ImageDraw, place: tuple[int, int], words: tuple[str, str]) -> None:
    font, (across, down), length = _font(12), place, 160
    ramp = np.abs(np.linspace(-1, 1, length))[:, None]
    colours = np.where(np.arange(length)[:, None] < length // 2, COOL, WARM)
    bar = (ramp * colours + (1 - ramp) * 205).astype(np.uint8)
    across += round(font.getlength(words[0])) + 10
    picture.paste(Image.fromarray(np.repeat(bar[None], 12, axis=0)), (across, down))
    pen.text((across - 10, down + 6), words[0], font=font, fill=_INK, anchor="rm")
    pen.text((across + length + 10, down + 6), words[1], font=font, fill=_INK, anchor="lm")


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Text that fits, without its middle where it does not: names of images differ at their ends."""
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if font.getlength(short) <= width:
            return short
    return ""


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


@functools.cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    # The font that comes with matplotlib (which captum brings): Pillow's own has no letters beyond English.
    import matplotlib as mpl

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(mpl.get_data_path()) / "fonts" / "ttf" / name), size)
