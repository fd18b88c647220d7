"""Counting the points of a cloud in the pixels of a window.

A point falls into the pixel in which Datashader puts it, to the last bit. The window is cut into bands of rows, each
of which is counted by one thread from the tiles that lie in it: nothing is added by two threads at once, the memory
for many categories is bounded, and the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lse.hardware import usable_cores
from lse.pointcloud.coded import HIDDEN, Coded, Codes, write_codes
from lse.pointcloud.tiles import Spans
from lse.pointcloud.window import Window

__all__ = [
    "UNIT",
    "Pixels",
    "Seen",
    "count_categories",
    "count_points",
    "count_tiles",
    "rasterise",
]

UNIT = 64
"""What a whole point adds to a pixel where points are drawn as discs."""

# Numbers that a band may hold: as many as the cache of a core has room for.
_BAND_NUMBERS = 1 << 20
# Below, threads cost more than they save.
_THREADED_POINTS = 200_000


@dataclass(frozen=True)
class Seen:
    """Points of a cloud that are looked at.

    Attributes
    ----------
    points
        Coordinates of the whole cloud, shape (n, 2 or 3), float32.
    boxes
        Boxes of its tiles, shape (t, 2, 2 or 3), float32.
    spans
        Which of the points are counted.
    window
        Where they are counted.
    """

    points: NDArray[np.float32]
    boxes: NDArray[np.float32]
    spans: Spans
    window: Window

    def boxed_spans(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Spans as the kernels take them: with least and greatest y, then x, of the tile of each, shape (s, 4)."""
        own = self.boxes[self.spans.tiles][:, :, 1::-1].transpose(0, 2, 1).reshape(-1, 4)
        return self.spans.firsts, self.spans.counts, np.ascontiguousarray(own)


@dataclass(frozen=True)
class Pixels:
    """What each pixel of a window shows.

    Attributes
    ----------
    codes
        The most frequent category of the pixel's points or, of a mean, its step; `HIDDEN` where there is no point;
        shape (height, width), uint16, first row at the bottom.
    totals
        Points in the pixel, in `UNIT`, shape (height, width), uint32.
    discs
        Whether points were drawn as discs, so that a pixel may have a part of one.
    """

    codes: Codes
    totals: NDArray[np.uint32]
    discs: bool = False


def count_points(seen: Seen) -> NDArray[np.uint32]:
    """Points in each pixel, as ``datashader.Canvas.points(…, agg=count())`` counts them.

    Returns
    -------
    counts
        Shape (height, width), first row at the bottom.
    """
    counts = np.zeros((seen.window.height, seen.window.width), np.uint32)
    spans, mapping = seen.boxed_spans(), seen.window.mapping

    def band(low: int, high: int) -> None:
        _count(seen.points, spans, mapping, (low, high), counts[low:high])

    threads = _threads(seen.spans)
    _in_bands(band, _bands(seen.window, threads), threads)
    return counts


def count_categories(seen: Seen, codes: Codes, categories: int) -> NDArray[np.uint32]:
    """Points of each category in each pixel.

    Parameters
    ----------
    seen
        What is looked at.
    codes
        Category of each point of the cloud, shape (n,), below `categories`, or `HIDDEN`.
    categories
        Number of categories.

    Returns
    -------
    counts
        Shape (height, width, categories), first row at the bottom.
    """
    counts = np.zeros((seen.window.height, seen.window.width, categories), np.uint32)
    totals = np.zeros((seen.window.height, seen.window.width), np.uint32)
    spans, mapping, coded = seen.boxed_spans(), seen.window.mapping, Coded(codes, categories).arrays

    def band(low: int, high: int) -> None:
        held = counts[low:high].reshape(-1, categories), totals[low:high].reshape(-1)
        _add_points(seen.points, spans, mapping, (low, high), coded, (categories, 0), held)

    threads = _threads(seen.spans)
    _in_bands(band, _bands(seen.window, threads), threads)
    return counts


def rasterise(
    seen: Seen,
    coded: Coded,
    *,
    diameter: float = 1.0,
    steps: int = 0,
    top: int = -1,
    threads: int | None = None,
) -> Pixels:
    """What each pixel shows: the most frequent category of its points, or the mean of their steps, and their number.

    Parameters
    ----------
    seen
        What is looked at.
    coded
        What each point is drawn as. A pixel with any raised point shows those alone.
    diameter
        Diameter of a point in pixels. Up to 1.5, a point fills the pixel in which it lies; above, it is a disc whose
        edge covers pixels in part.
    steps
        Where not 0, the codes below it are steps of a scale, of which a pixel shows the mean; the code `steps` means
        that a point has no value. There is then one category more than `steps`.
    top
        Category that is shown wherever any of its points lies; -1 for none.
    threads
        Default: all usable cores for many points, one for few.
    """
    window, mapping, spans = seen.window, seen.window.mapping, seen.boxed_spans()
    shape = (window.height, window.width)
    radius = diameter / 2 if diameter > 1.5 else 0.0
    pixels = Pixels(np.empty(shape, np.uint16), np.empty(shape, np.uint32), radius > 0)
    categories, layers = coded.categories, coded.layers
    slots = layers * (3 if steps else categories)
    threads = threads or _threads(seen.spans)
    bands = _bands(window, threads, slots)
    most = max(high - low for low, high in bands) * window.width

    def scratch() -> tuple[Any, Any]:
        return np.zeros((most, slots), np.uint32), np.zeros(most, np.uint32)

    def band(low: int, high: int, held: tuple[Any, Any]) -> None:
        given = (seen.points, spans, mapping, (low, high), coded.arrays, (categories, steps), held)
        if radius:
            _add_discs(*given, np.float32(radius))
        else:
            _add_points(*given)
        out = pixels.codes[low:high].reshape(-1), pixels.totals[low:high].reshape(-1)
        _reduce(*held, categories, layers, steps, top, 1 if radius else UNIT, *out)

    _in_bands(band, bands, threads, scratch)
    return pixels


def count_tiles(codes: Codes, spans: Spans, categories: int) -> NDArray[np.int64]:
    """Points of each category in each span, shape (s, categories)."""
    counts = np.zeros((len(spans.firsts), categories), np.int64)
    _count_tiles(codes, spans.firsts, spans.counts, counts)
    return counts


def _threads(spans: Spans) -> int:
    return usable_cores() if spans.total >= _THREADED_POINTS else 1


def _bands(window: Window, threads: int, slots: int = 1) -> list[tuple[int, int]]:
    """First and end row of each band: several a thread, and with no more numbers each than a cache holds."""
    needed = -(-window.width * window.height * slots // _BAND_NUMBERS)
    count = min(max(needed, 1 if threads == 1 else 4 * threads), window.height)
    return list(pairwise(window.height * band // count for band in range(count + 1)))


def _in_bands(
    work: Callable[..., None], bands: list[tuple[int, int]], threads: int, scratch: Callable[[], Any] | None = None
) -> None:
    """Work on every band; a thread takes the next one when it is done, and has one scratch for all of its own."""
    left = iter(bands)

    def take() -> None:
        held = () if scratch is None else (scratch(),)
        for low, high in left:
            work(low, high, *held)

    if threads == 1:
        take()
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(take) for _ in range(threads)]:
            done.result()


@numba.njit(inline="always")
def _pixel(value: Any, low: float, high: float, scale: float, shift: float, pixels: int) -> int:
    """Pixel of a coordinate, -1 outside; a point on the upper end belongs to the last pixel, as Datashader has it."""
    if not low <= value <= high:
        return -1
    return min(int(value * scale + shift), pixels - 1)


@numba.njit(inline="always")
def _rows(box: Any, mapping: Any) -> Any:
    """First and last row of pixels in which points of a box may lie."""
    low = min(max(box[0], mapping[4]), mapping[5])
    high = min(max(box[1], mapping[4]), mapping[5])
    last_row = mapping[9] - 1
    return min(int(low * mapping[6] + mapping[7]), last_row), min(int(high * mapping[6] + mapping[7]), last_row)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _count(points: Any, spans: Any, mapping: Any, rows: Any, out: Any) -> None:
    """Count points in the rows of a band; a span is its first point, its number of points and its box."""
    low_x, high_x, scale_x, shift_x, low_y, high_y, scale_y, shift_y, width, height = mapping
    firsts, counts, boxes = spans
    for span in range(firsts.shape[0]):
        first, last = _rows(boxes[span], mapping)
        if last < rows[0] or first >= rows[1]:
            continue
        for point in range(firsts[span], firsts[span] + counts[span]):
            row = _pixel(points[point, 1], low_y, high_y, scale_y, shift_y, height)
            if rows[0] <= row < rows[1]:
                column = _pixel(points[point, 0], low_x, high_x, scale_x, shift_x, width)
                if column >= 0:
                    out[row - rows[0], column] += np.uint32(1)


@numba.njit(inline="always")
def _add(held: Any, at: int, code: int, weight: Any, scale: Any) -> None:
    """Add a point to a pixel: to its category or, of steps, to their number, their sum and those without one."""
    weights, totals = held
    categories, steps = scale
    totals[at] += weight
    if steps == 0:
        weights[at, code] += weight
        return
    layer = code // categories
    step = code - layer * categories
    if step == steps:
        weights[at, layer * 3 + 2] += weight
    else:
        weights[at, layer * 3] += weight
        weights[at, layer * 3 + 1] += weight * np.uint32(step)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_points(points: Any, spans: Any, mapping: Any, rows: Any, coded: Any, scale: Any, held: Any) -> None:
    low_x, high_x, scale_x, shift_x, low_y, high_y, scale_y, shift_y, width, height = mapping
    firsts, counts, boxes = spans
    first_row, end_row = rows
    codes = np.empty(counts.max() if counts.shape[0] else 0, np.uint16)
    for span in range(firsts.shape[0]):
        box = boxes[span]
        first, last = _rows(box, mapping)
        if last < first_row or first >= end_row:
            continue
        begin = firsts[span]
        write_codes(coded, begin, codes[: counts[span]])
        inside = low_x <= box[2] and box[3] <= high_x and low_y <= box[0] and box[1] <= high_y
        if inside and first >= first_row and last < end_row:
            # The tile lies within the band as a whole: its points need no check.
            for point in range(begin, begin + counts[span]):
                code = codes[point - begin]
                if code != HIDDEN:
                    row = min(int(points[point, 1] * scale_y + shift_y), height - 1) - first_row
                    column = min(int(points[point, 0] * scale_x + shift_x), width - 1)
                    _add(held, row * width + column, code, np.uint32(1), scale)
            continue
        for point in range(begin, begin + counts[span]):
            row = _pixel(points[point, 1], low_y, high_y, scale_y, shift_y, height)
            code = codes[point - begin]
            if first_row <= row < end_row and code != HIDDEN:
                column = _pixel(points[point, 0], low_x, high_x, scale_x, shift_x, width)
                if column >= 0:
                    _add(held, (row - first_row) * width + column, code, np.uint32(1), scale)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _add_discs(
    points: Any, spans: Any, mapping: Any, rows: Any, coded: Any, scale: Any, held: Any, radius: np.float32
) -> None:
    scale_x, shift_x, scale_y, shift_y, width = mapping[2], mapping[3], mapping[6], mapping[7], mapping[8]
    firsts, counts, boxes = spans
    first_row, end_row = rows
    reach = radius + np.float32(0.5)
    codes = np.empty(counts.max() if counts.shape[0] else 0, np.uint16)
    for span in range(firsts.shape[0]):
        if boxes[span, 1] * scale_y + shift_y < first_row - reach:
            continue
        if boxes[span, 0] * scale_y + shift_y > end_row + reach:
            continue
        begin = firsts[span]
        write_codes(coded, begin, codes[: counts[span]])
        for point in range(begin, begin + counts[span]):
            code = codes[point - begin]
            # Places in pixels, where the middle of the first pixel is at 0.
            x = np.float32(points[point, 0] * scale_x + shift_x) - np.float32(0.5)
            y = np.float32(points[point, 1] * scale_y + shift_y) - np.float32(0.5)
            if code == HIDDEN or not (-reach <= x <= width + reach and first_row - reach <= y <= end_row + reach):
                continue
            for row in range(max(first_row, int(np.ceil(y - reach))), min(end_row, int(np.floor(y + reach)) + 1)):
                for column in range(max(0, int(np.ceil(x - reach))), min(width, int(np.floor(x + reach)) + 1)):
                    apart = np.sqrt((row - y) * (row - y) + (column - x) * (column - x))
                    cover = np.uint32(min(max(float(reach - apart), 0.0), 1.0) * UNIT)
                    if cover:
                        _add(held, (row - first_row) * width + column, code, cover, scale)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _reduce(
    weights: Any,
    touched: Any,
    categories: int,
    layers: int,
    steps: int,
    top: int,
    unit: int,
    codes: Any,
    totals: Any,
) -> None:
    """What each pixel of a band shows; what was added is taken back to zero for the next band."""
    for at in range(codes.shape[0]):
        if touched[at] == 0:
            codes[at], totals[at] = HIDDEN, 0
            continue
        touched[at] = 0
        width = weights.shape[1] // layers
        for layer in range(layers):
            begin = layer * width
            total, best, shown = np.uint64(0), np.uint32(0), 0
            if steps:
                known = weights[at, begin]
                total = np.uint64(known) + np.uint64(weights[at, begin + 2])
                shown = int(weights[at, begin + 1] / known + 0.5) if known else steps
            else:
                for slot in range(width):
                    weight = weights[at, begin + slot]
                    total += np.uint64(weight)
                    if weight > best:
                        best, shown = weight, slot
                if top >= 0 and weights[at, begin + top]:
                    shown = top
            if total:
                codes[at] = layer * categories + shown
                totals[at] = np.uint32(min(total * np.uint64(unit), np.uint64(0xFFFFFFFF)))
        for slot in range(weights.shape[1]):
            weights[at, slot] = 0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _count_tiles(codes: Any, firsts: Any, counts: Any, out: Any) -> None:
    for span in range(firsts.shape[0]):
        for point in range(firsts[span], firsts[span] + counts[span]):
            if codes[point] < out.shape[1]:
                out[span, codes[point]] += 1
