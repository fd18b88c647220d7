"""A map as one HTML file that needs neither a server nor a network: points, colours, names, thumbnails."""

from __future__ import annotations

import io
import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.gradient import Gradient
from lse_dashboard.data.images import Rows
from lse_dashboard.plots.palette import gradient_css, group_colours, point_colours
from lse_dashboard.theme import Theme

__all__ = ["BUDGET", "Fetch", "offline_map"]

Fetch = Callable[[Rows], Sequence[bytes]]
"""Thumbnails of some rows, as image files."""

# Bytes of the whole file: what mail programs and repositories of papers still take.
BUDGET = 25_000_000
# The rest is for what cannot be foreseen: groups, provenance, sheets that are not full.
_FILLED = 0.94
_SHEET = 1024
# Side in pixels and quality of WebP of thumbnails, best first.
_CHOICES = ((96, 75), (64, 75), (48, 60), (32, 60), (32, 40), (24, 40), (16, 35))
_TRIAL = 512
_FETCHED = 200
_TEMPLATE = Path(__file__).with_suffix(".html")


@dataclass(frozen=True)
class _Tiles:
    """How thumbnails are kept: side in pixels, quality of WebP, and of how many points."""

    side: int
    quality: int
    count: int


def offline_map(
    cloud: Cloud,
    names: Callable[[Rows], Sequence[str]],
    colouring: Colouring | None,
    fetch: Fetch,
    *,
    theme: Theme,
    title: str,
    provenance: Sequence[tuple[str, str]],
    budget: int = BUDGET,
) -> str:
    """Write a map as HTML.

    Parameters
    ----------
    cloud
        Points; of solid clouds the first two coordinates are drawn.
    names
        Names of the images at some rows.
    colouring
        What gives the points their colour, None for nothing.
    fetch
        Gets thumbnails.
    theme
        Colours.
    title
        What the map shows.
    provenance
        Where it comes from, as titles and values.
    budget
        Most bytes of the file.  Thumbnails are made smaller and then left out to keep to it; the page says so.
    """
    rows = np.sort(cloud.rows).astype(np.int64)  # names that follow each other take less
    order = cloud.indices(rows)
    low, high = cloud.coordinates[:, :2].min(axis=0), cloud.coordinates[:, :2].max(axis=0)
    span = float(max((high - low).max(), 1e-12))
    places = np.round((cloud.coordinates[order, :2] - low) / span * 65535).astype("<u2")
    codes, groups = _groups(cloud, colouring, theme)
    packed = zlib.compress("\n".join(name.replace("\n", " ") for name in names(rows)).encode(), 9)
    document: dict[str, object] = {
        "title": title,
        "provenance": list(provenance),
        "count": len(cloud),
        "places": _text(places.tobytes()),
        "codes": _text(codes[order].tobytes()),
        "groups": groups,
        "scale": _scale(colouring, theme),
        "names": _text(packed),
        "words": {key.lower(): value for key, value in vars(wording.OfflineMap).items() if key.isupper()},
        "theme": {**theme.css(), "mode": theme.mode},
    }
    template = _TEMPLATE.read_text(encoding="utf-8")
    # In base 64 four bytes hold three, and beside each thumbnail four bytes say whose it is.
    left = int(_FILLED * budget) - len(template) - len(_json(document))
    tiles = _fitting(rows, fetch, left * 3 // 4 - 4 * len(cloud))
    chosen = _spread(len(cloud), tiles.count)
    document["tiles"] = {**asdict(tiles), "sheet": _SHEET, "which": _text(chosen.astype("<u4").tobytes())}
    document["sheets"] = [_text(sheet) for sheet in _sheets(rows[chosen], fetch, tiles)]
    return template.replace("__MAP__", _json(document))


def _json(document: dict[str, object]) -> str:
    """Text that cannot end the script that it stands in."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _groups(
    cloud: Cloud, colouring: Colouring | None, theme: Theme
) -> tuple[npt.NDArray[np.uint16], list[dict[str, object]]]:
    """Group of each point, and the groups; numbers become the colours that they have on the map."""
    if isinstance(colouring, Groups):
        every = zip(colouring.labels, group_colours(colouring, theme), colouring.counts, strict=True)
        listed = [{"label": label, "colour": colour, "count": count} for label, colour, count in every]
        return colouring.codes.astype("<u2"), listed
    colours = point_colours(colouring, len(cloud), theme).astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
    distinct, codes = np.unique(colours, return_inverse=True)
    return codes.astype("<u2"), [{"colour": f"#{int(colour):06x}"} for colour in distinct]


def _scale(colouring: Colouring | None, theme: Theme) -> dict[str, object] | None:
    """What the colours of numbers mean."""
    if not isinstance(colouring, Gradient):
        return None
    css = gradient_css(colouring.scale, theme)
    return {"title": colouring.title, "css": css, "ends": colouring.ends(), "notes": colouring.notes()}


def _fitting(rows: Rows, fetch: Fetch, room: int) -> _Tiles:
    """The largest and best thumbnails of all points that fit into so many bytes; of fewer points where none fits."""
    trial = rows[_spread(len(rows), min(_TRIAL, len(rows)))]
    pictures = list(_pictures(trial, fetch))
    each = 1.0
    for side, quality in _CHOICES:
        trial_sheets = _pasted(iter(pictures), _Tiles(side, quality, len(pictures)))
        # A trial is not all: a tenth is kept free.
        each = 1.1 * max(1, sum(len(sheet) for sheet in trial_sheets)) / max(1, len(pictures))
        if each * len(rows) <= room:
            return _Tiles(side, quality, len(rows))
    return _Tiles(side, quality, max(0, int(room / each)))


def _sheets(rows: Rows, fetch: Fetch, tiles: _Tiles) -> Iterator[bytes]:
    """Thumbnails side by side on square pictures, in the order of the rows."""
    return _pasted(_pictures(rows, fetch), tiles)


def _pasted(pictures: Iterator[Image.Image], tiles: _Tiles) -> Iterator[bytes]:
    across = _SHEET // tiles.side
    sheet, filled = Image.new("RGB", (_SHEET, _SHEET)), 0
    for picture in pictures:
        small = picture.resize((tiles.side, tiles.side), Image.Resampling.BOX)
        sheet.paste(small, (filled % across * tiles.side, filled // across * tiles.side))
        filled += 1
        if filled == across**2:
            yield _webp(sheet, tiles.quality)
            sheet, filled = Image.new("RGB", (_SHEET, _SHEET)), 0
    if filled:
        yield _webp(sheet, tiles.quality)


def _pictures(rows: Rows, fetch: Fetch) -> Iterator[Image.Image]:
    for start in range(0, len(rows), _FETCHED):
        for data in fetch(rows[start : start + _FETCHED]):
            yield Image.open(io.BytesIO(data)).convert("RGB")


def _webp(sheet: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def _spread(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Positions of so many of `count` things, evenly spread."""
    return np.linspace(0, count - 1, wanted).round().astype(np.int64) if wanted < count else np.arange(count)


def _text(data: bytes) -> str:
    return b64encode(data).decode()
