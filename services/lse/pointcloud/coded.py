"""What each point of a cloud is drawn as: its category, whether it is shown, and in which layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lse.pointcloud.sets import PointSet, arrays_of, write_members

__all__ = ["HIDDEN", "Coded", "Codes", "write_codes"]

Codes = NDArray[np.uint16]

HIDDEN = 0xFFFF
"""Code of a point that is not counted."""


@dataclass(frozen=True)
class Coded:
    """What each point of a cloud is drawn as.

    Attributes
    ----------
    codes
        Category of each point of the cloud, shape (n,), below `categories`, or `HIDDEN`.
    categories
        Number of categories.
    shown
        The points that are drawn; all where not given.
    raised
        Points that lie in a second layer, above all others: their codes are greater by `categories`.
    """

    codes: Codes
    categories: int
    shown: PointSet | None = None
    raised: PointSet | None = None

    @property
    def layers(self) -> int:
        """1, or 2 where some points may be raised."""
        return 1 if self.raised is None else 2

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The same as the kernels take it; see `write_codes`."""
        return self.codes, self.categories, *arrays_of(self.shown), *arrays_of(self.raised)

    def at(self, places: NDArray[np.int64]) -> Codes:
        """Codes as they are drawn of the points at some places, shape (k,)."""
        out = self.codes[places]
        if self.shown is not None:
            out[~self.shown.has(places)] = HIDDEN
        if self.raised is not None:
            out[self.raised.has(places) & (out != HIDDEN)] += self.categories
        return out


@numba.njit(cache=True, nogil=True, error_model="numpy")
def write_codes(coded: Any, first: int, out: Any) -> None:
    """Write codes as they are drawn of the points that follow each other from one on, given ``Coded.arrays``.

    Kernels have those of a tile written before they look at it: to look into a set for each point among all else that
    they do with it takes several times as long.
    """
    codes, categories, shown, shown_bits, raised, raised_bits = coded
    for at in range(out.shape[0]):
        out[at] = codes[first + at]
    if not (shown.shape[0] or raised.shape[0]):
        return
    member = np.empty(out.shape[0], np.uint8)
    if shown.shape[0]:
        write_members(shown, shown_bits, first, member)
        for at in range(out.shape[0]):
            out[at] |= HIDDEN * (1 - member[at])
    if raised.shape[0]:
        write_members(raised, raised_bits, first, member)
        for at in range(out.shape[0]):
            out[at] += categories * member[at] * (out[at] != HIDDEN)
