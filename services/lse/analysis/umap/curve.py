"""The curve that turns a distance in the map into a membership, and its two forces as tables.

A membership in the map is ``1 / (1 + a d^2b)`` (McInnes, Healy and Melville 2018, arXiv:1802.03426, section 3.2).  Both
forces of the optimiser are functions of the squared distance alone, so they are looked up in tables that are even in
the logarithm, and interpolated linearly: no power is computed in the innermost loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Curve", "Forces", "curve_of", "forces_of", "look_up"]

# The tables reach from 2^-30 to 2^30, with 32 entries from one power of two to the next.
_FRACTION_BITS = 5
_LOWEST, _HIGHEST = -30, 30
_SHIFT = 23 - _FRACTION_BITS
_FIRST = (127 + _LOWEST) << _FRACTION_BITS
_ENTRIES = (_HIGHEST - _LOWEST) << _FRACTION_BITS
_PART = np.float32(1 / (1 << _SHIFT))
_MASK = (1 << _SHIFT) - 1


@dataclass(frozen=True)
class Curve:
    """Parameters of ``1 / (1 + a d^2b)``."""

    a: float
    b: float


@dataclass(frozen=True)
class Forces:
    """Factors of the difference of two positions, as functions of its square.

    Attributes
    ----------
    attraction, repulsion
        Value at an entry and step to the next one, shape (entries, 2), float32.
    """

    attraction: NDArray[np.float32]
    repulsion: NDArray[np.float32]


@lru_cache(maxsize=32)
def curve_of(spread: float, min_dist: float) -> Curve:
    """Fit the curve to a membership of 1 up to `min_dist` that falls exponentially with the scale `spread` beyond."""
    from scipy.optimize import curve_fit

    distances = np.linspace(0, 3 * spread, 300)
    wanted = np.where(distances < min_dist, 1.0, np.exp(-(distances - min_dist) / spread))

    def membership(distance: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
        return np.asarray(1 / (1 + a * distance ** (2 * b)))

    (a, b), _ = curve_fit(membership, distances, wanted)
    return Curve(float(a), float(b))


def forces_of(curve: Curve, repulsion_strength: float) -> Forces:
    """Tables of the gradient of the cross entropy: of a neighbour, and of any other point."""
    within = 1 + np.arange(1 << _FRACTION_BITS) / (1 << _FRACTION_BITS)
    powers_of_two = np.exp2(np.arange(_LOWEST, _HIGHEST, dtype=np.float64))
    squares = np.append(np.outer(powers_of_two, within).ravel(), 2.0**_HIGHEST)
    powers = squares**curve.b
    attraction = -2 * curve.a * curve.b * (powers / squares) / (1 + curve.a * powers)
    # The constant keeps the force finite between equal positions, as in the method's own implementation.
    repulsion = 2 * repulsion_strength * curve.b / ((0.001 + squares) * (1 + curve.a * powers))
    return Forces(_table(attraction), _table(repulsion))


def _table(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.stack([values[:-1], np.diff(values)], axis=1).astype(np.float32)


@numba.njit(inline="always")
def look_up(table: NDArray[np.float32], square: np.float32) -> Any:
    """Entry of a table for a squared distance; beyond its ends, that of the end."""
    bits = np.float32(square).view(np.int32)
    entry = (bits >> _SHIFT) - _FIRST
    if entry < 0:
        return table[0, 0]
    if entry >= _ENTRIES:
        return table[_ENTRIES - 1, 0]
    return table[entry, 0] + np.float32(bits & _MASK) * _PART * table[entry, 1]
