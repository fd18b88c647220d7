"""FITS files of the commonest kind, one image with a tidy header, parsed in one pass.

Astropy reads every FITS file and mends many that are broken, which takes it several times as long.  Here is read only
what leaves nothing to decide; for all else `plain_image` gives None, and astropy is asked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.images.formats.source_image import MetadataValue

__all__ = ["STORED_TYPES", "PlainFits", "plain_image"]

_BLOCK, _CARD = 2880, 80
_MOST_BLOCKS = 30  # some thousand cards: longer headers are rare, and their time lies elsewhere
STORED_TYPES = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_COMMENTARY = ("COMMENT ", "HISTORY ", "        ")
_KEYWORD = re.compile(r"[A-Z0-9_-]+ *")
# A text without quotes in it, a truth value, a whole number, or a number; then a comment.
_VALUE = re.compile(
    r" *(?:'([^']*)'|([TF])|([+-]?\d+)|([+-]?(?:\d+\.\d*|\.\d+|\d+(?=[ED]))(?:[ED][+-]?\d+)?))?(?: *| */ *(.*?) *)"
)


@dataclass(frozen=True)
class PlainFits:
    """The image of a file that has one.

    Attributes
    ----------
    cards
        Typed values of the header, the first of each keyword; texts without the spaces around them.
    comments
        Comments of these cards.
    raw
        Stored values (H, W) in the order of the file, the bottom row first.
    """

    cards: dict[str, MetadataValue]
    comments: dict[str, str]
    raw: NDArray[Any]


def plain_image(content: bytes) -> PlainFits | None:
    """Image of a FITS file that consists of a primary image of two axes, besides those of length one.

    Parameters
    ----------
    content
        The whole file.

    Returns
    -------
    PlainFits or None
        None of any other file, and of any header with something that the standard leaves open or forbids.
    """
    header = _header(content)
    if header is None:
        return None
    text, begin = header
    found = _cards(text)
    if found is None:
        return None
    cards, comments = found
    axes, bits = _axes(cards, text), cards.get("BITPIX")
    dtype = STORED_TYPES.get(bits) if type(bits) is int else None
    if dtype is None or axes is None or not _scaling_is_tidy(cards):
        return None
    count = axes[0] * axes[1]
    stored = count * int(dtype[2:])
    if len(content) != begin + -(-stored // _BLOCK) * _BLOCK:
        return None  # it ends too early, or something follows
    raw = np.frombuffer(content, np.dtype(dtype), count, begin).reshape(axes)
    return PlainFits(cards, comments, raw)


def _header(content: bytes) -> tuple[str, int] | None:
    """Header as text without its END, and where the data begin."""
    for block in range(1, _MOST_BLOCKS + 1):
        last = content[(block - 1) * _BLOCK : block * _BLOCK]
        if len(last) < _BLOCK:
            return None
        end = last.rfind(b"END     ")
        if end >= 0 and end % _CARD == 0 and not last[end + 3 :].strip(b" "):
            whole = content[: (block - 1) * _BLOCK + end]
            return (whole.decode("ascii"), block * _BLOCK) if whole.isascii() else None
    return None


def _cards(text: str) -> tuple[dict[str, MetadataValue], dict[str, str]] | None:
    values: dict[str, MetadataValue] = {}
    comments: dict[str, str] = {}
    for start in range(0, len(text), _CARD):
        card = _card(text[start : start + _CARD])
        if card is None:
            return None
        keyword, value, comment = card
        if value is not None and keyword not in values:
            values[keyword] = value
            comments[keyword] = comment
    return values, comments


@lru_cache(maxsize=8192)  # the files of a survey have most cards in common
def _card(text: str) -> tuple[str, MetadataValue | None, str] | None:
    """Keyword, value and comment of a card; None of one that is not tidy."""
    keyword = text[:8]
    if keyword in _COMMENTARY:
        return keyword, None, ""
    match = _VALUE.fullmatch(text, 10)
    if match is None or text[8:10] != "= " or not _KEYWORD.fullmatch(keyword) or not text.isprintable():
        return None
    string, truth, whole, number, comment = match.groups()
    value: MetadataValue | None = None
    if string is not None:
        if string.endswith("&"):
            return None  # may go on in the next card
        value = string.strip()
    elif truth is not None:
        value = truth == "T"
    elif whole is not None:
        value = int(whole)
    elif number is not None:
        value = float(number.replace("D", "E"))
        if not math.isfinite(value):
            return None
    return keyword.rstrip(" "), value, comment or ""


def _axes(cards: dict[str, MetadataValue], text: str) -> tuple[int, int] | None:
    """Height and width, where the cards that say them are first and in their order and the other axes have length 1."""
    count = cards.get("NAXIS")
    if type(count) is not int or not 2 <= count <= 9 or cards.get("SIMPLE") is not True or "GROUPS" in cards:
        return None
    named = ("SIMPLE", "BITPIX", "NAXIS", *(f"NAXIS{axis}" for axis in range(1, count + 1)))
    if any(text[number * _CARD : number * _CARD + 8].rstrip() != name for number, name in enumerate(named)):
        return None
    lengths = [cards.get(name) for name in named[3:]]
    if any(type(length) is not int for length in lengths) or any(length != 1 for length in lengths[2:]):
        return None
    width, height = int(str(lengths[0])), int(str(lengths[1]))
    return (height, width) if min(height, width) >= 2 else None


def _scaling_is_tidy(cards: dict[str, MetadataValue]) -> bool:
    scaling = all(type(cards.get(keyword, 1)) in (int, float) for keyword in ("BSCALE", "BZERO"))
    whole = int(str(cards["BITPIX"])) > 0
    return scaling and ("BLANK" not in cards or (whole and type(cards["BLANK"]) is int))
