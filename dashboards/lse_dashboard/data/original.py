"""An image as its file has it, with what a viewer needs to draw it as astronomers do."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lse.client.resources import OriginalImage
from lse.errors import InvalidArgumentError
from lse_dashboard import wording
from lse_dashboard.data.sky import declination_text, right_ascension_text

__all__ = ["LIMITS", "Original", "original_of", "sky_text", "write_fits"]

_WORDS = wording.Original
_MOST_VALUES = 16 << 20
# Shares of the valid pixels, in percent, that lie between the limits.
_SHARES = {"99.5": 99.5, "98": 98.0, "90": 90.0}
LIMITS = ("minmax", *_SHARES, "zscale")
_FITS = "FITS"


@dataclass(frozen=True)
class Original:
    """An image and how to draw it.

    Attributes
    ----------
    image
        As the services read it.
    limits
        Low and high end of each channel, by the way they were found.
    north, east
        Direction of north and east at the middle, as steps to the right and down; None without a position.
    arcsec
        Size of a pixel at the middle, along a row; 0 where it is not known.
    used
        Left, top, width and height of what the recipe uses; None where that is not known.
    """

    image: OriginalImage
    limits: Mapping[str, list[tuple[float, float]]]
    north: tuple[float, float] | None
    east: tuple[float, float] | None
    arcsec: float
    used: tuple[float, float, float, float] | None

    @property
    def is_fits(self) -> bool:
        """Whether pixels have numbers as in FITS, from the bottom left."""
        return self.image.header.metadata.get("format") == _FITS

    @property
    def cards(self) -> dict[str, str]:
        """Cards of the header, then what the reader says of the file."""
        own = {key.upper(): one for key, one in self.image.cards.items()}
        rest = {key: one for key, one in self.image.header.metadata.items() if not key.startswith("header.")}
        # Every digit: people copy them.
        return {key: "" if value is None else str(value) for key, value in {**own, **rest}.items()}


def original_of(image: OriginalImage, facts: Mapping[str, Any]) -> Original:
    """Find limits, directions and scale of an image.

    Parameters
    ----------
    image
        The image.
    facts
        What its preparation recorded.

    Raises
    ------
    InvalidArgumentError
        It is larger than a browser can draw at once.
    """
    if image.pixels.size > _MOST_VALUES:
        too_large = _WORDS.TOO_LARGE.format(count=image.pixels.size, most=_MOST_VALUES)
        raise InvalidArgumentError(too_large, reason="IMAGE_TOO_LARGE")
    found = [_limits_of(channel) for channel in image.pixels]
    north, east, arcsec = _directions(image)
    used = [facts.get(f"used {side}") for side in ("left", "top", "width", "height")]
    known = all(isinstance(one, int | float) for one in used)
    return Original(
        image,
        {way: [limits[way] for limits in found] for way in LIMITS},
        north,
        east,
        arcsec,
        (float(used[0]), float(used[1]), float(used[2]), float(used[3])) if known else None,  # type: ignore[arg-type]
    )


def sky_text(image: OriginalImage, row: float, column: float) -> str:
    """Position on the sky at a pixel, in hours and degrees and in degrees alone; empty where there is none."""
    found = image.position(row, column)
    if found is None:
        return ""
    ra, dec = found
    return _WORDS.SKY.format(ra=right_ascension_text(ra), dec=declination_text(dec), ra_deg=ra, dec_deg=dec)


def write_fits(image: OriginalImage, path: Path) -> Path:
    """Write an image with its position on the sky and its unit as FITS, for programs that read nothing else."""
    from astropy.io import fits

    pixels = image.pixels[:, ::-1]  # FITS begins at the bottom
    known = image.header.wcs_file
    # Distortions may be tables of their own.
    with fits.open(io.BytesIO(known)) if known else fits.HDUList([fits.PrimaryHDU()]) as hdus:
        hdus[0].data = pixels[0] if len(pixels) == 1 else pixels
        if image.header.unit.isascii() and image.header.unit:
            hdus[0].header["BUNIT"] = image.header.unit
        hdus.writeto(path)
    return path


def _limits_of(channel: NDArray[Any]) -> dict[str, tuple[float, float]]:
    from astropy.visualization import ZScaleInterval

    valid = channel[np.isfinite(channel)]
    if not valid.size:
        return dict.fromkeys(LIMITS, (0.0, 1.0))
    found = {"minmax": (float(valid.min()), float(valid.max()))}
    for way, share in _SHARES.items():
        low, high = np.percentile(valid, [50 - share / 2, 50 + share / 2])
        found[way] = (float(low), float(high))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that does not converge gives the range of the values
        low, high = ZScaleInterval().get_limits(valid)
    found["zscale"] = (float(low), float(high))
    return {way: (low, high) if high > low else (low, low + 1) for way, (low, high) in found.items()}


def _directions(
    image: OriginalImage,
) -> tuple[tuple[float, float] | None, tuple[float, float] | None, float]:
    """Directions of north and east, and the size of a pixel in arcsec, in the middle of an image."""
    _, height, width = image.pixels.shape
    row, column = (height - 1) / 2, (width - 1) / 2
    middle, beside = image.position(row, column), image.position(row, column + 1)
    if image.wcs is None or middle is None or beside is None:
        return None, None, 0.0
    import astropy.units as u
    from astropy.coordinates import SkyCoord

    here, there = (SkyCoord(*place, unit="deg") for place in (middle, beside))
    step = here.separation(there)

    def towards(angle: float) -> tuple[float, float] | None:
        x, y = image.wcs.world_to_pixel(here.directional_offset_by(angle * u.deg, step))
        right, down = float(x) - column, (height - 1 - row) - float(y)
        length = math.hypot(right, down)
        return (right / length, down / length) if math.isfinite(length) and length else None

    return towards(0), towards(90), float(step.arcsec)
