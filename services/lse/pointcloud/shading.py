"""From what the pixels of a window show to a picture: colours by category, opacity by the number of points."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.coded import HIDDEN
from lse.pointcloud.counting import UNIT, Pixels

__all__ = ["Layer", "Picture", "Scaling", "shade"]

Scaling = Literal["log", "linear", "equalised"]

# Steps of opacity of a colour: more are not told apart, and cost bytes.
_MOST_STEPS = 14
# Where points are discs their number is seen by itself.
_DISC_STEPS = 6
_LEAST_STEPS = 4
# Counts above are looked up by their logarithm.
_TABLE = 4096


@dataclass(frozen=True)
class Layer:
    """How the points of a layer are drawn.

    Attributes
    ----------
    colours
        Colour of each category, shape (categories, 3), uint8.
    least, most
        Opacity of a lone point and of the fullest pixel, 0 to 1.
    """

    colours: NDArray[np.uint8]
    least: float = 0.45
    most: float = 0.97


@dataclass(frozen=True)
class Picture:
    """A picture in few colours.

    Attributes
    ----------
    indices
        Colour of each pixel, shape (height, width), uint8 or uint16, first row at the bottom; 0 is clear.
    palette
        Red, green, blue and opacity of each colour, shape (colours, 4), uint8.
    """

    indices: NDArray[np.uint8] | NDArray[np.uint16]
    palette: NDArray[np.uint8]

    def rgba(self) -> NDArray[np.uint8]:
        """Pixels with straight (not premultiplied) opacity, shape (height, width, 4), first row at the bottom."""
        return np.take(self.palette, self.indices, axis=0)

    def png(self, *, level: int = 1) -> bytes:
        """The picture as a PNG file: with a palette up to 256 colours, which is small and quick, else in full colour.

        Compressed at a level of zlib: of discs, 4 makes a quarter less than 1.

        Written here, because Pillow's encoder copies the pixels and tries filters, which do not help such a picture.
        """
        height, width = self.indices.shape
        indexed = len(self.palette) <= 256
        rows = self.indices if indexed else self.rgba().reshape(height, -1)
        lines = np.zeros((height, rows.shape[1] + 1), np.uint8)  # each begins with its filter: none
        lines[:, 1:] = rows[::-1]
        parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3 if indexed else 6, 0, 0, 0))]
        if indexed:
            parts += [(b"PLTE", self.palette[:, :3].tobytes()), (b"tRNS", self.palette[:, 3].tobytes())]
        parts += [(b"IDAT", zlib.compress(lines.tobytes(), level)), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in parts
        )


def shade(pixels: Pixels, layers: tuple[Layer, ...], *, scaling: Scaling = "log") -> Picture:
    """Draw what the pixels of a window show.

    Parameters
    ----------
    pixels
        Category and number of points of each pixel.
    layers
        How each layer is drawn: one or two, with as many colours as there are categories each.
    scaling
        How opacity grows with the number of points: with its logarithm, with the number itself, or so that every step
        is on as many pixels (``equalised``, as Datashader's ``eq_hist``).
    """
    colours = sum(len(layer.colours) for layer in layers)
    most = _DISC_STEPS if pixels.discs else _MOST_STEPS
    steps = min(most, 255 // max(colours, 1))
    steps = steps if steps >= _LEAST_STEPS else most
    # Steps for pixels that the edge of a disc covers in part.
    edges = steps // 2 if pixels.discs else 0
    palette = np.zeros((1 + colours * steps, 4), np.uint8)
    at = 1
    for layer in layers:
        edge = layer.least * np.arange(0.5, edges) / max(edges, 1)
        share = np.concatenate([edge, np.linspace(layer.least, layer.most, steps - edges)])
        block = palette[at : at + len(layer.colours) * steps].reshape(-1, steps, 4)
        block[..., :3] = layer.colours[:, None]
        block[..., 3] = np.round(share * 255)
        at += len(layer.colours) * steps
    indices = np.empty(pixels.codes.shape, np.uint8 if len(palette) <= 256 else np.uint16)
    small, large = _tables(pixels, steps - edges, scaling)
    _colour(pixels.codes.reshape(-1), pixels.totals.reshape(-1), small, large, edges, steps, indices.reshape(-1))
    return _fewest(indices, palette)


def _fewest(indices: NDArray[Any], palette: NDArray[np.uint8]) -> Picture:
    """The same picture with only those colours that occur, where there are too many for a byte."""
    if len(palette) > 256:
        used = np.flatnonzero(np.bincount(indices.reshape(-1), minlength=len(palette)))
        if len(used) <= 255:
            place = np.zeros(len(palette), np.uint8)
            place[used] = np.arange(len(used))
            return Picture(place[indices], palette[used])
    return Picture(indices, palette)


def _tables(pixels: Pixels, steps: int, scaling: Scaling) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Step of opacity by the number of points, and beyond the table by 16 times the logarithm to base 2."""
    most = max(int(pixels.totals.max(initial=0)) / UNIT, 1.0)
    few = np.arange(_TABLE, dtype=np.float64)
    many = 2.0 ** (np.arange(32 * 16) / 16)
    if scaling == "log":
        shares = [np.log(np.maximum(counts, 1)) / max(math.log(most), 1e-9) for counts in (few, many)]
    elif scaling == "linear":
        shares = [(counts - 1) / max(most - 1, 1e-9) for counts in (few, many)]
    else:
        filled = np.sort(pixels.totals[pixels.codes != HIDDEN] // UNIT)
        ones = np.searchsorted(filled, 1, side="right")
        spread = max(len(filled) - int(ones), 1)
        shares = [(np.searchsorted(filled, counts, side="right") - ones) / spread for counts in (few, many)]
    return tuple((np.clip(share, 0, 1) * (steps - 1) + 0.5).astype(np.uint8) for share in shares)  # type: ignore[return-value]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _colour(codes: Any, totals: Any, small: Any, large: Any, edges: int, steps: int, indices: Any) -> None:
    for at in range(codes.shape[0]):
        code = codes[at]
        if code == HIDDEN:
            indices[at] = 0
            continue
        count = totals[at] // np.uint32(UNIT)
        if count == 0:
            step = int(totals[at]) * edges // UNIT
        elif count < _TABLE:
            step = edges + small[count]
        else:
            step = edges + large[int(np.log2(np.float64(count)) * 16)]
        indices[at] = 1 + code * steps + step
