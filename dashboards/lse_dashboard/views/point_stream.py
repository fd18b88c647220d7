"""The points of a 3-D map on their way to the browser, which asks for those that its camera needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lse.pointcloud.parts import Part
from lse.pointcloud.solid import choose_detail, packed_points
from lse.pointcloud.tiles import Spans
from lse_dashboard.plots.scatter_3d import MAX_POINTS, Solid

__all__ = ["PointStream", "camera_of"]

# Numbers before what follows: version of the colours, spans, points drawn, points in view, whether these are all.
_HEADER = 8


@dataclass(frozen=True)
class _Shown:
    solid: Solid
    cloud: int
    paint: int


class PointStream:
    """Answers what the browser asks about the points of one map, in any thread.

    A question is JSON, with the version of the cloud as ``cloud`` and one of

    - ``tiles``: a ``camera`` of 16 numbers and a ``budget``; the answer has first point, number of points, level and
      box of each tile to draw;
    - ``points``: first point and number of points, in turns; the answer has their places, see
      `lse.pointcloud.solid.packed_points`, and then their colours as two bytes each;
    - ``codes``: the same; the answer has their colours alone.

    Before each answer come eight numbers of four bytes: version of the colours, number of tiles, points drawn, points
    in view, whether these are all, and zeros.
    """

    def __init__(self) -> None:
        self._shown: _Shown | None = None
        self._last = 0

    @property
    def solid(self) -> Solid | None:
        """What is shown."""
        return None if self._shown is None else self._shown.solid

    def show(self, solid: Solid | None) -> tuple[int, int]:
        """Answer about these points from now on; versions of the cloud and of its colours."""
        before, self._last = self._shown, self._last + 1
        if solid is None:
            self._shown = None
            return 0, 0
        same = before is not None and before.solid.part is solid.part
        self._shown = _Shown(solid, before.cloud if same and before is not None else self._last, self._last)
        return self._shown.cloud, self._shown.paint

    def answer(self, question: bytes) -> bytes | None:
        """Answer a question; None where it is none, or about a cloud that is no longer shown."""
        shown = self._shown
        try:
            asked = json.loads(question)
            if shown is None or asked["cloud"] != shown.cloud:
                return None
            if "tiles" in asked:
                return _tiles(shown, camera_of(asked["tiles"]["camera"]), int(asked["tiles"]["budget"]))
            part = shown.solid.part
            spans = _spans(part, asked["points"] if "points" in asked else asked["codes"])
        except (ValueError, KeyError, TypeError, OverflowError):
            return None
        places = packed_points(part, spans).astype("<u8").tobytes() if "points" in asked else b""
        codes = shown.solid.coded.at(part.places(spans))
        return _header(shown.paint, len(spans.tiles)) + places + codes.astype("<u2").tobytes()


def camera_of(values: Any) -> npt.NDArray[np.float64]:
    """The matrix of a camera, given its rows one after the other.

    Raises
    ------
    ValueError, TypeError
        They are not 16 finite numbers.
    """
    camera = np.array(values, np.float64).reshape(4, 4)
    if not np.isfinite(camera).all():
        raise ValueError(values)
    return camera


def _tiles(shown: _Shown, camera: npt.NDArray[np.float64], budget: int) -> bytes:
    part = shown.solid.part
    detail = choose_detail(part, camera, max(0, min(budget, MAX_POINTS)))
    spans = detail.spans
    boxes = part.tiles.boxes[spans.tiles].reshape(-1, 6)
    header = _header(shown.paint, len(spans.tiles), detail.drawn, detail.in_view, int(spans.exact))
    numbers = (spans.firsts, spans.counts, part.tiles.levels[spans.tiles])
    return header + b"".join(_u4(one) for one in numbers) + boxes.astype("<f4").tobytes()


def _spans(part: Part, given: Any) -> Spans:
    """Spans of points, each within a tile."""
    pairs = np.array(given, np.int64).reshape(-1, 2)
    firsts, counts = pairs.T
    if counts.sum() > 2 * MAX_POINTS or (pairs < 0).any():
        raise ValueError(given)
    tiles = np.searchsorted(part.tiles.firsts, firsts, side="right") - 1
    if (tiles < 0).any() or (firsts + counts > part.tiles.firsts[tiles] + part.tiles.counts[tiles]).any():
        raise ValueError(given)
    return Spans(tiles, firsts, counts)


def _header(*numbers: int) -> bytes:
    return _u4(np.array([*numbers, *[0] * (_HEADER - len(numbers))]))


def _u4(numbers: npt.NDArray[np.integer]) -> bytes:
    return numbers.astype("<u4").tobytes()
