"""Sets of points of a cloud, by their place in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["PointSet", "SetArrays", "arrays_of", "holds", "write_members"]

SetArrays = tuple[NDArray[np.int32], NDArray[np.uint8]]

_SHIFT = 12
_BLOCK_POINTS = 1 << _SHIFT
_BLOCK_BYTES = _BLOCK_POINTS // 8
_EMPTY, _FULL = -1, -2
_NO_SET: SetArrays = (np.empty(0, np.int32), np.empty((0, _BLOCK_BYTES), np.uint8))


@dataclass(frozen=True, eq=False)
class PointSet:
    """Some points of a cloud.

    Neighbours on a map follow each other in its cloud, so that what was chosen by place fills or misses most blocks of
    4,096 points as a whole, and these take four bytes; the others have one bit a point.

    Attributes
    ----------
    size
        Number of points of the cloud.
    blocks
        Of each block -1 where none of its points is in the set, -2 where all are, else which of `bits` it has; shape
        (⌈size / 4096⌉,), int32.
    bits
        Points of the blocks that are in the set in part, first point lowest, shape (parts, 512), uint8.

    Examples
    --------
    >>> some = PointSet.of(np.array([True, False, True]))
    >>> len(some), some.places().tolist(), (~some).places().tolist()
    (2, [0, 2], [1])
    """

    size: int
    blocks: NDArray[np.int32]
    bits: NDArray[np.uint8]

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> PointSet:
        """The points of a mask of all points of the cloud in its order, shape (size,)."""
        return cls._packed(np.packbits(mask, bitorder="little"), len(mask))

    @classmethod
    def at(cls, places: NDArray[np.integer], size: int) -> PointSet:
        """The points at some places from 0 to `size` - 1, in any order, shape (k,)."""
        packed = np.zeros(-(-size // 8), np.uint8)
        _put(packed, places)
        return cls._packed(packed, size)

    @classmethod
    def runs(cls, firsts: NDArray[np.int64], counts: NDArray[np.int64], size: int) -> PointSet:
        """The points of runs that begin at some places and have some lengths, each of shape (r,)."""
        packed = np.zeros(-(-size // 8), np.uint8)
        _fill(packed, firsts, counts)
        return cls._packed(packed, size)

    @classmethod
    def among(cls, codes: NDArray[np.integer], chosen: NDArray[np.bool_]) -> PointSet:
        """The points whose code is chosen, given the code of each point and whether each code is."""
        packed = np.empty(-(-len(codes) // 8), np.uint8)
        _choose(codes, chosen, packed)
        return cls._packed(packed, len(codes))

    @classmethod
    def all_of(cls, size: int) -> PointSet:
        """All points of a cloud of that size."""
        return ~cls(size, np.full(-(-size // _BLOCK_POINTS), _EMPTY, np.int32), _NO_SET[1])

    @classmethod
    def _packed(cls, packed: NDArray[np.uint8], size: int) -> PointSet:
        """The set of a bit for each point; those beyond the last one are 0."""
        count = -(-size // _BLOCK_POINTS)
        whole = np.zeros((count, _BLOCK_BYTES), np.uint8)
        whole.reshape(-1)[: len(packed)] = packed
        words = whole.view(np.uint64)
        least, most = words.min(axis=1, initial=2**64 - 1), words.max(axis=1, initial=0)
        blocks = np.full(count, _EMPTY, np.int32)
        blocks[least == 2**64 - 1] = _FULL
        partly = np.flatnonzero((most > 0) & (least < 2**64 - 1))
        blocks[partly] = np.arange(len(partly))
        return cls(size, blocks, whole[partly])

    def __len__(self) -> int:
        return self._count

    def __contains__(self, place: int) -> bool:
        return bool(self.has(np.array([place]))[0])

    def __and__(self, other: PointSet) -> PointSet:
        return self._packed(self._bits() & other._bits(), self.size)

    def __or__(self, other: PointSet) -> PointSet:
        return self._packed(self._bits() | other._bits(), self.size)

    def __invert__(self) -> PointSet:
        packed = ~self._bits()
        if self.size % 8:
            packed[-1] &= 0xFF >> (8 - self.size % 8)
        return self._packed(packed, self.size)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return self.blocks.nbytes + self.bits.nbytes

    @cached_property
    def _count(self) -> int:
        return int(np.bitwise_count(self.bits).sum()) + _BLOCK_POINTS * int((self.blocks == _FULL).sum())

    def has(self, places: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Whether the points at some places are in the set, shape (k,)."""
        found = np.empty(len(places), bool)
        _has(self.blocks, self.bits, places, found)
        return found

    def mask(self) -> NDArray[np.bool_]:
        """Which points of the cloud are in the set, shape (size,)."""
        return np.unpackbits(self._bits(), count=self.size, bitorder="little").view(bool)

    def places(self) -> NDArray[np.int64]:
        """Places of the points in the cloud, ascending, shape (k,)."""
        found = np.empty(len(self), np.int64)
        _list(self.blocks, self.bits, found)
        return found

    def _bits(self) -> NDArray[np.uint8]:
        """A bit for each point, shape (⌈size / 8⌉,)."""
        whole = np.zeros((len(self.blocks), _BLOCK_BYTES), np.uint8)
        whole[self.blocks == _FULL] = 0xFF
        whole[self.blocks >= 0] = self.bits
        return whole.reshape(-1)[: -(-self.size // 8)]


def arrays_of(points: PointSet | None) -> SetArrays:
    """A set as the kernels take it; None is without blocks."""
    return _NO_SET if points is None else (points.blocks, points.bits)


@numba.njit(inline="always")
def holds(blocks: Any, bits: Any, place: int) -> bool:
    """Whether the point at a place is in a set, given its blocks and bits."""
    block = blocks[place >> _SHIFT]
    if block < 0:
        return bool(block == _FULL)
    at = place & (_BLOCK_POINTS - 1)
    return bool((bits[block, at >> 3] >> (at & 7)) & 1)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def write_members(blocks: Any, bits: Any, first: int, out: Any) -> None:
    """Write 1 for each point in a set and 0 for the others, of the points that follow each other from one on."""
    at = 0
    while at < out.shape[0]:
        within = (first + at) & (_BLOCK_POINTS - 1)
        end = min(out.shape[0], at + _BLOCK_POINTS - within)
        block = blocks[(first + at) >> _SHIFT]
        if block < 0:
            out[at:end] = block == _FULL
        else:
            for place in range(at, end):
                bit = within + place - at
                out[place] = (bits[block, bit >> 3] >> (bit & 7)) & 1
        at = end


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _has(blocks: Any, bits: Any, places: Any, found: Any) -> None:
    for at in range(places.shape[0]):
        found[at] = holds(blocks, bits, int(places[at]))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _list(blocks: Any, bits: Any, found: Any) -> None:
    count = 0
    for block in range(blocks.shape[0]):
        if blocks[block] == _EMPTY:
            continue
        for at in range(_BLOCK_POINTS):
            place = block * _BLOCK_POINTS + at
            if holds(blocks, bits, int(place)):
                found[count] = place
                count += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _put(packed: Any, places: Any) -> None:
    for at in range(places.shape[0]):
        place = int(places[at])
        packed[place >> 3] |= np.uint8(1 << (place & 7))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _fill(packed: Any, firsts: Any, counts: Any) -> None:
    for run in range(firsts.shape[0]):
        place, end = firsts[run], firsts[run] + counts[run]
        while place < end:
            if place & 7 == 0 and place + 8 <= end:
                packed[place >> 3] = 0xFF
                place += 8
            else:
                packed[place >> 3] |= np.uint8(1 << (place & 7))
                place += 1


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _choose(codes: Any, chosen: Any, packed: Any) -> None:
    for byte in range(packed.shape[0]):
        bits = 0
        for bit in range(min(8, codes.shape[0] - 8 * byte)):
            if chosen[codes[8 * byte + bit]]:
                bits |= 1 << bit
        packed[byte] = bits
