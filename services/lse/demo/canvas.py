"""The light of one small field, drawn before atmosphere and detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma, gammaincinv

__all__ = ["BANDS", "MAGNITUDE_ZERO", "PIXEL_SCALE", "Canvas", "PointSource", "band_fluxes", "magnitude", "rotated"]

Array: TypeAlias = NDArray[np.float64]

BANDS = ("g", "r")
PIXEL_SCALE = 0.2  # arcsec
MAGNITUDE_ZERO = 31.4  # AB magnitude of 1 nJy

_OVERSAMPLING = 2
_MARGIN = 10  # pixels drawn beyond each border, whose light the atmosphere brings in
_CUSP = 3  # half width in drawn pixels of the centre of a profile, integrated finely
_CUSP_SAMPLES = 7


def magnitude(flux: float) -> float:
    """AB magnitude of a flux in nJy."""
    return float(MAGNITUDE_ZERO - 2.5 * np.log10(flux))


def band_fluxes(r_magnitude: float, colour: float) -> Array:
    """Fluxes in g and r.

    Parameters
    ----------
    r_magnitude
        AB magnitude in r.
    colour
        g − r in magnitudes.

    Returns
    -------
    ndarray
        Shape (2,), nJy, in the order of `BANDS`.
    """
    magnitudes = np.array([r_magnitude + colour, r_magnitude])
    return 10 ** (0.4 * (MAGNITUDE_ZERO - magnitudes))


def rotated(x: Array, y: Array, position_angle: float) -> tuple[Array, Array]:
    """Coordinates along and across an axis.

    Parameters
    ----------
    x, y
        Offsets to the west and to the north.
    position_angle
        Direction of the axis in degrees from north to east.

    Returns
    -------
    tuple of ndarray
        Offsets along and across the axis, in the unit of `x` and `y`.
    """
    angle = np.radians(position_angle)
    return y * np.cos(angle) - x * np.sin(angle), x * np.cos(angle) + y * np.sin(angle)


@dataclass(frozen=True)
class PointSource:
    """A star: where it is (arcsec west and north of the origin) and its flux a band (nJy)."""

    x: float
    y: float
    fluxes: Array


class Canvas:
    """A field of sky on a grid finer than the detector's, as it is above the atmosphere.

    Parameters
    ----------
    size
        Side of the cutout in detector pixels.
    origin
        Column and row (from 0, in detector pixels) of the point from which offsets are counted.

    Attributes
    ----------
    x, y
        Offsets of the drawn pixels to the west, shape (1, n), and to the north, shape (n, 1), arcsec.
    light
        Extended light, shape (2, n, n), nJy a drawn pixel, in the order of `BANDS`.
    points
        Stars, kept apart because their image is the point spread function itself.
    """

    def __init__(self, size: int, origin: tuple[float, float]) -> None:
        self.size = size
        self.origin = origin
        self.step = PIXEL_SCALE / _OVERSAMPLING
        self.side = _OVERSAMPLING * (size + 2 * _MARGIN)
        pixel = (np.arange(self.side) + 0.5) / _OVERSAMPLING - 0.5 - _MARGIN
        self.x = ((pixel - origin[0]) * PIXEL_SCALE)[None, :]
        self.y = ((pixel - origin[1]) * PIXEL_SCALE)[:, None]
        self.light = np.zeros((len(BANDS), self.side, self.side))
        self.points: list[PointSource] = []

    def add(self, fluxes: Array, brightness: Array) -> None:
        """Add light.

        Parameters
        ----------
        fluxes
            Total flux a band, shape (2,), nJy.
        brightness
            Surface brightness of unit flux, shape (n, n) or (2, n, n), 1/arcsec².
        """
        self.light += (fluxes * self.step**2)[:, None, None] * brightness

    def add_sersic(
        self,
        fluxes: Array,
        *,
        radius: float,
        index: float,
        axis_ratio: float = 1.0,
        position_angle: float = 0.0,
        centre: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        """Add a Sérsic profile (Sérsic 1963) of given total flux.

        Parameters
        ----------
        fluxes
            Total flux a band, shape (2,), nJy.
        radius
            Effective radius along the major axis, arcsec.
        index
            Sérsic index: 1 is exponential, 4 is de Vaucouleurs'.
        axis_ratio, position_angle
            Shape of the isophotes; degrees from north to east.
        centre
            Offsets west and north, arcsec.
        """
        columns, rows = self._window(centre, radius * (6 if index < 2 else 25))
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return
        scale = float(gammaincinv(2 * index, 0.5))
        unit = 2 * np.pi * axis_ratio * index * scale ** (-2 * index) * float(gamma(2 * index))

        def brightness(x: Array, y: Array) -> Array:
            along, across = rotated(x - centre[0], y - centre[1], position_angle)
            square = (along**2 + (across / axis_ratio) ** 2) / radius**2
            image: Array = np.exp(-scale * square ** (0.5 / index)) / (unit * radius**2)
            return image

        image = brightness(self.x[:, columns], self.y[rows])
        # The centre is steeper than the grid can follow, so its pixels are integrated.
        column, row = self._index(centre)
        near = slice(max(column - _CUSP, columns.start), min(column + _CUSP + 1, columns.stop))
        beside = slice(max(row - _CUSP, rows.start), min(row + _CUSP + 1, rows.stop))
        if near.start < near.stop and beside.start < beside.stop:
            offsets = ((np.arange(_CUSP_SAMPLES) + 0.5) / _CUSP_SAMPLES - 0.5) * self.step
            x = (self.x[0, near, None] + offsets).reshape(1, -1)
            y = (self.y[beside, 0, None] + offsets).reshape(-1, 1)
            fine = brightness(x, y).reshape(-1, _CUSP_SAMPLES, x.size // _CUSP_SAMPLES, _CUSP_SAMPLES)
            target = np.s_[
                beside.start - rows.start : beside.stop - rows.start,
                near.start - columns.start : near.stop - columns.start,
            ]
            image[target] = fine.mean(axis=(1, 3))
        self.light[:, rows, columns] += (fluxes * self.step**2)[:, None, None] * image

    def add_blobs(self, fluxes: Array, x: Array, y: Array, radius: float) -> None:
        """Add small round Gaussian patches, such as star-forming regions.

        Parameters
        ----------
        fluxes
            Flux a patch and band, shape (m, 2), nJy.
        x, y
            Offsets west and north, shape (m,), arcsec.
        radius
            Standard deviation, arcsec.
        """
        # A Gaussian is a product of a row and a column, so that a matrix product draws all patches at once.
        rows = np.exp(-0.5 * ((self.y - y) / radius) ** 2)
        columns = np.exp(-0.5 * ((self.x - x[:, None]) / radius) ** 2)
        unit = self.step**2 / (2 * np.pi * radius**2)
        for band in range(len(BANDS)):
            self.light[band] += (rows * (fluxes[:, band] * unit)) @ columns

    def add_point(self, fluxes: Array, x: float, y: float) -> None:
        """Add a star at offsets `x` west and `y` north, arcsec."""
        self.points.append(PointSource(x, y, fluxes))

    def binned(self, light: Array) -> Array:
        """Sum of drawn pixels over the detector's, margin cut off: shape (..., n, n) to (..., size, size)."""
        first, last = _OVERSAMPLING * _MARGIN, self.side - _OVERSAMPLING * _MARGIN
        total = np.zeros((*light.shape[:-2], self.size, self.size))
        for row in range(_OVERSAMPLING):
            for column in range(_OVERSAMPLING):
                total += light[..., first + row : last : _OVERSAMPLING, first + column : last : _OVERSAMPLING]
        return total

    def _index(self, centre: tuple[float, float]) -> tuple[int, int]:
        return (
            int(np.rint((centre[0] - self.x[0, 0]) / self.step)),
            int(np.rint((centre[1] - self.y[0, 0]) / self.step)),
        )

    def _window(self, centre: tuple[float, float], reach: float) -> tuple[slice, slice]:
        column, row = self._index(centre)
        width = int(np.ceil(reach / self.step))
        return (
            slice(max(column - width, 0), min(column + width + 1, self.side)),
            slice(max(row - width, 0), min(row + width + 1, self.side)),
        )
