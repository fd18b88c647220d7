"""The part of the plane that is looked at, and how its pixels are numbered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Mapping", "Window"]


class Mapping(NamedTuple):
    """From data units to pixels: pixel = int(coordinate * scale + shift) where it is between low and high.

    These are Datashader's numbers, so that a point falls into the same pixel to the last bit.
    """

    low_x: float
    high_x: float
    scale_x: float
    shift_x: float
    low_y: float
    high_y: float
    scale_y: float
    shift_y: float
    width: int
    height: int


@dataclass(frozen=True)
class Window:
    """The part of the plane that is shown, and on how many pixels.

    Attributes
    ----------
    x_range, y_range
        Least and greatest coordinate, in data units; both ends belong to the window.
    width, height
        Pixels.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: int
    height: int

    @property
    def pixel(self) -> float:
        """Width of a pixel in data units."""
        return (self.x_range[1] - self.x_range[0]) / self.width

    @property
    def mapping(self) -> Mapping:
        """Mapping of coordinates to pixels."""
        low_x, high_x = map(float, self.x_range)
        low_y, high_y = map(float, self.y_range)
        scale_x, scale_y = self.width / (high_x - low_x), self.height / (high_y - low_y)
        x, y = (low_x, high_x, scale_x, -low_x * scale_x), (low_y, high_y, scale_y, -low_y * scale_y)
        return Mapping(*x, *y, self.width, self.height)
