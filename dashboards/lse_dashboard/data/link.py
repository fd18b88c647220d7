"""What a link to a view says: enough to open the same map, colours, filters, selection and image anywhere."""

from __future__ import annotations

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import numpy as np

from lse.rows import bitmap_of_rows, rows_of_bitmap
from lse_dashboard.data.gradient import USUAL, Scale
from lse_dashboard.data.images import Rows

__all__ = ["Filter", "Link", "Viewport"]

Viewport = tuple[float, ...]
"""Of a flat map its middle x, middle y and width; of a solid one where the camera is, x, y and z, from what it turns
around, and where that is, from the middle of the cloud, both in units of the longest side of the cloud."""

Filter = Sequence[float | None] | Sequence[str] | None
"""What passes of a chart: two ends, None for no end, or labels of groups; None for all."""

# What servers and mail programs take without cutting it.
_LONGEST_ROWS = 4000
# A bitmap this large holds every row that an experiment can have; more is no honest link.
_LARGEST_BITMAP = 15 << 20


@dataclass(frozen=True, eq=False, kw_only=True)
class Link:
    """A view.

    Attributes
    ----------
    project, experiment, projection, second, colour_by, image
        What is open, `second` being the projection of the second map; empty where it is not said.
    scale
        How numbers become colours.
    clustering
        Empty for none, None where it is not said.
    hidden
        Labels of hidden groups, by what they group.
    selected, isolated
        Rows of the selection, and those that alone are shown; None where there is none.
    selection
        Name of a saved selection, in place of `selected`.
    viewport
        What is in view of the map.
    tab
        What the right column shows.
    point_size
        Diameter of points in pixels, None for what fits.
    theme
        ``dark`` or ``light``; empty where it is not said.
    over
        What lies over the points: ``images``, ``names``, ``contours``.
    filters
        What passes, by what is charted: two ends, None for no end, or labels; None for a chart alone.
    blind
        Whether what others and predictions say is not to be seen.
    """

    project: str = ""
    experiment: str = ""
    projection: str = ""
    second: str = ""
    clustering: str | None = None
    colour_by: str = ""
    scale: Scale = USUAL
    image: str = ""
    hidden: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    selected: Rows | None = None
    isolated: Rows | None = None
    selection: str = ""
    viewport: Viewport | None = None
    tab: str = ""
    point_size: int | None = None
    theme: str = ""
    over: tuple[str, ...] = ()
    filters: Mapping[str, Filter] = field(default_factory=dict)
    blind: bool = False

    @property
    def whole(self) -> bool:
        """Whether its sets of rows are small enough to be written into it."""
        return all(rows is None or len(_packed(rows)) <= _LONGEST_ROWS for rows in (self.selected, self.isolated))

    def query(self) -> str:
        """The link as the query of a URL, without what is not said; sets of rows that are too large are left out."""
        said: dict[str, str] = {
            "project": self.project,
            "experiment": self.experiment,
            "projection": self.projection,
            "second": self.second,
            "colour": self.colour_by,
            "image": self.image,
            "selection": self.selection,
            "tab": self.tab,
            "theme": self.theme,
            "over": ",".join(self.over),
            "blind": "1" if self.blind else "",
        }
        said = {key: value for key, value in said.items() if value}
        if self.clustering is not None:
            said["clustering"] = self.clustering
        for key, things in (("hidden", self.hidden), ("filters", self.filters), ("scale", self.scale.said())):
            if things:
                said[key] = json.dumps(things, ensure_ascii=False, separators=(",", ":"))
        for key, rows in (("rows", self.selected), ("only", self.isolated)):
            if rows is not None and len(rows) and len(packed := _packed(rows)) <= _LONGEST_ROWS:
                said[key] = packed
        if self.viewport is not None:
            said["view"] = ",".join(f"{value:.6g}" for value in self.viewport)
        if self.point_size is not None:
            said["size"] = str(self.point_size)
        return urlencode(said)

    @classmethod
    def of(cls, query: str) -> Link:
        """Read the query of a URL."""
        return cls.parse(dict(parse_qsl(query, keep_blank_values=True)))

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Link:
        """Read the parameters of a URL; what cannot be read is as if it were not said."""
        size = query.get("size", "")
        return cls(
            project=query.get("project", ""),
            experiment=query.get("experiment", ""),
            projection=query.get("projection", ""),
            second=query.get("second", ""),
            clustering=query.get("clustering"),
            colour_by=query.get("colour", ""),
            scale=Scale.meant(_named(query.get("scale", ""))),
            image=query.get("image", ""),
            hidden=_hidden(query.get("hidden", "")),
            selected=_unpacked(query.get("rows", "")),
            isolated=_unpacked(query.get("only", "")),
            selection=query.get("selection", ""),
            viewport=_viewport(query.get("view", "")),
            tab=query.get("tab", ""),
            point_size=int(size) if size.isdecimal() and 1 <= int(size) <= 12 else None,
            theme=query.get("theme", ""),
            over=tuple(one for one in query.get("over", "").split(",") if one),
            filters={name: one for name, one in _named(query.get("filters", "")).items() if _is_filter(one)},
            blind=query.get("blind") == "1",
        )


def _packed(rows: Rows) -> str:
    return urlsafe_b64encode(zlib.compress(bitmap_of_rows(rows), 9)).decode().rstrip("=")


def _unpacked(text: str) -> Rows | None:
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        bitmap = zlib.decompressobj().decompress(packed, _LARGEST_BITMAP)
    except (binascii.Error, ValueError, zlib.error):
        return None
    rows = rows_of_bitmap(bitmap)
    return rows if len(rows) else None


def _named(text: str) -> dict[str, Any]:
    """What a JSON object holds; nothing of a text that is none."""
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _hidden(text: str) -> dict[str, tuple[str, ...]]:
    named = _named(text).items()
    return {title: tuple(str(label) for label in labels) for title, labels in named if isinstance(labels, list)}


def _is_filter(given: Any) -> bool:
    if given is None:
        return True
    ends = given if isinstance(given, list) and given else [False]
    numbers = all(one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in ends)
    return (len(ends) == 2 and numbers) or all(isinstance(one, str) for one in ends)


def _viewport(text: str) -> Viewport | None:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return values if len(values) in {3, 6} and bool(np.isfinite(values).all()) else None
