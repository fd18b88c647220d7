"""How the survey sees a field: its mosaic of chips, the seeing, the sky, the noise and the detector's limits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from lse.demo.canvas import BANDS, MAGNITUDE_ZERO, PIXEL_SCALE, Array, Canvas

if TYPE_CHECKING:
    from astropy.wcs import WCS

__all__ = ["CHIPS", "CHIP_SHAPE", "Conditions", "chip_wcs", "convolve", "detect", "draw_conditions", "point_images"]

CHIP_SHAPE = (4096, 2048)  # rows and columns of pixels
_MOSAIC = (9, 18)  # chips along declination and right ascension
CHIPS = _MOSAIC[0] * _MOSAIC[1]
_CENTRE = (215.0, 35.0)  # right ascension and declination of the mosaic, degrees
_GAP = 100  # pixels between chips

_SKY = np.array([22.0, 21.0])  # AB mag/arcsec² in g and r
_RATE = np.array([0.0064, 0.0103])  # electrons a second from 1 nJy
_EXPOSURE = np.array([360.0, 300.0])  # seconds
_READ_NOISE = 5.0  # electrons
_FULL_WELL = 180_000.0  # electrons


@dataclass(frozen=True)
class Conditions:
    """What one place on a chip had when it was observed; arrays have shape (2,), in the order of `BANDS`.

    Attributes
    ----------
    fwhm
        Full width at half maximum of the point spread function, arcsec.
    beta
        Its Moffat (1969) exponent.
    shear
        Its elongation to north and to north-west, shape (2, 2), bands first.
    exposure
        Seconds.
    sky
        Brightness of the sky, nJy a pixel.
    gain
        Electrons detected from 1 nJy.
    """

    fwhm: Array
    beta: Array
    shear: Array
    exposure: Array
    sky: Array
    gain: Array

    @property
    def sky_noise(self) -> Array:
        """Standard deviation of an empty pixel, shape (2,), nJy."""
        noise: Array = np.sqrt(self.sky * self.gain + _READ_NOISE**2) / self.gain
        return noise

    @property
    def saturation(self) -> Array:
        """Highest flux that a pixel can hold above the sky, shape (2,), nJy."""
        level: Array = _FULL_WELL / self.gain - self.sky
        return level


def draw_conditions(rng: np.random.Generator) -> Conditions:
    """Draw the conditions at the centre of a chip, each band observed in its own night."""
    exposure = _EXPOSURE * rng.choice([0.75, 1.0, 1.0, 1.5], 2)
    dark = _SKY + rng.normal(0, 0.2, 2)
    night = rng.normal(0, 0.14)
    fwhm = np.array([0.74, 0.68]) * np.exp(night + rng.normal(0, 0.08, 2))
    return Conditions(
        fwhm=np.clip(fwhm, 0.52, 1.15),
        beta=rng.uniform(2.6, 4.2, 2),
        shear=rng.normal(0, 0.025, (2, 2)),
        exposure=exposure,
        sky=10 ** (0.4 * (MAGNITUDE_ZERO - dark)) * PIXEL_SCALE**2,
        gain=_RATE * exposure,
    )


@lru_cache(maxsize=CHIPS)
def chip_wcs(chip: int) -> WCS:
    """Celestial coordinates of a chip's pixels: TAN about its centre, north up and east left, ICRS.

    Parameters
    ----------
    chip
        Number of the chip, from 0 to `CHIPS` − 1.
    """
    from astropy.wcs import WCS

    row, column = divmod(chip, _MOSAIC[1])
    degrees = PIXEL_SCALE / 3600
    declination = _CENTRE[1] + (row - (_MOSAIC[0] - 1) / 2) * (CHIP_SHAPE[0] + _GAP) * degrees
    across = (column - (_MOSAIC[1] - 1) / 2) * (CHIP_SHAPE[1] + _GAP) * degrees
    wcs: Any = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crpix = [CHIP_SHAPE[1] / 2 + 0.5, CHIP_SHAPE[0] / 2 + 0.5]
    wcs.wcs.crval = [_CENTRE[0] - across / np.cos(np.radians(declination)), declination]
    wcs.wcs.cdelt = [-degrees, degrees]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.radesys = "ICRS"
    return wcs


def _spread(conditions: Conditions, band: int, x: Array, y: Array) -> Array:
    """Point spread function of a band at offsets west and north, 1/arcsec²."""
    stretch, lean = conditions.shear[band]
    beta, fwhm = conditions.beta[band], conditions.fwhm[band]
    width = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    across, along = x * (1 + stretch) + lean * y, y * (1 - stretch) + lean * x
    unit = (beta - 1) / (np.pi * width**2)
    return np.asarray(unit * (1 + (across**2 + along**2) / width**2) ** -beta)


def point_images(canvas: Canvas, conditions: Conditions) -> Array:
    """Image of the stars of a canvas on the detector, shape (2, size, size), nJy a pixel."""
    light = np.zeros_like(canvas.light)
    for point in canvas.points:
        for band in range(len(BANDS)):
            spread = _spread(conditions, band, canvas.x - point.x, canvas.y - point.y)
            light[band] += point.fluxes[band] * canvas.step**2 * spread
    return canvas.binned(light)


def convolve(canvas: Canvas, conditions: Conditions, light: Array) -> Array:
    """Blur extended light by the point spread function of each band.

    Parameters
    ----------
    canvas
        Gives the grid.
    conditions
        Give the seeing.
    light
        Shape (..., 2, n, n), nJy a drawn pixel.

    Returns
    -------
    ndarray
        Shape (..., 2, size, size), nJy a detector pixel.
    """
    wrapped = fft.fftfreq(canvas.side, 1 / (canvas.side * canvas.step))
    kernels = np.stack([_spread(conditions, band, wrapped[None, :], wrapped[:, None]) for band in range(len(BANDS))])
    kernels /= kernels.sum(axis=(1, 2), keepdims=True)
    # Single precision is far below the noise of any pixel and halves the time.
    spectra = fft.rfft2(light.astype(np.float32)) * fft.rfft2(kernels.astype(np.float32))
    blurred: Array = fft.irfft2(spectra, s=light.shape[-2:])
    return canvas.binned(blurred)


def detect(
    rng: np.random.Generator, model: Array, conditions: Conditions, corner: tuple[int, int]
) -> NDArray[np.float32]:
    """Expose the detector, read it out and subtract the sky, not quite evenly.

    Parameters
    ----------
    rng
        Source of chance.
    model
        Noise-free light, shape (2, size, size), nJy a pixel.
    conditions
        Sky, gain and noise.
    corner
        Column and row, from 0, of the cutout's first pixel on its chip.

    Returns
    -------
    ndarray
        Shape (2, size, size), float32, nJy a pixel; NaN outside of the chip. Charge above the full well flows along
        the columns.
    """
    size = model.shape[-1]
    columns, rows = corner[0] + np.arange(size), corner[1] + np.arange(size)
    unit = np.linspace(-1, 1, size)
    slopes = rng.normal(0, [0.1, 0.22, 0.22, 0.1], (len(BANDS), 4))[:, :, None, None]
    residual = slopes[:, 0] + slopes[:, 1] * unit + slopes[:, 2] * unit[:, None] + slopes[:, 3] * np.square(unit)
    # The field bends near the border of a chip and piles up or spreads the sky.
    border = np.minimum(
        np.minimum(columns, CHIP_SHAPE[1] - 1 - columns)[None, :], np.minimum(rows, CHIP_SHAPE[0] - 1 - rows)[:, None]
    )
    residual = residual + rng.normal(0.8, 0.5) * np.exp(-np.maximum(border, 0) / 4.0)
    gain = conditions.gain[:, None, None]
    sky = conditions.sky[:, None, None]
    expected = (model + sky + residual * conditions.sky_noise[:, None, None]) * gain
    electrons = rng.poisson(np.maximum(expected, 0)).astype(np.float64)
    _bleed(electrons)
    electrons += rng.normal(0, _READ_NOISE, electrons.shape)
    image = electrons / gain - sky
    image[:, border < 0] = np.nan
    return image.astype(np.float32)


def _bleed(electrons: Array) -> None:
    """Spread charge above the full well up and down its column, in place."""
    for band, column in np.argwhere(np.any(electrons > _FULL_WELL, axis=1)):
        charge = electrons[band, :, column]
        peak = int(np.argmax(charge))
        excess = float(np.sum(np.maximum(charge - _FULL_WELL, 0)))
        np.minimum(charge, _FULL_WELL, out=charge)
        for side in (charge[peak:], charge[:peak][::-1]):
            room = np.cumsum(_FULL_WELL - side)
            full = int(np.searchsorted(room, excess / 2))
            if full < side.size:
                side[full] += excess / 2 - (room[full - 1] if full else 0.0)
            side[:full] = _FULL_WELL
