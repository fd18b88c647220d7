"""A position on the sky that was typed, and the images near it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lse_dashboard.data.images import Rows

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["POSITION_COLUMNS", "Cone", "cone_meant", "cone_of", "nearest_row", "rows_within"]

POSITION_COLUMNS = ["ra_deg", "dec_deg"]
_DEGREES = r"[+-]?\d{1,3}(?:\.\d*)?(?:\s*(?:deg|°|d))?"
_PARTS = r"(?:{0})\s*[0-5]?\d(?:{1})\s*[0-5]?\d(?:\.\d*)?(?:{2})?"
_HOURS = r"(?:[01]?\d|2[0-3])" + _PARTS.format(r":|\s*h|\s+", r":|\s*m|\s+", r"\s*s")
_DMS = r"[+-]?\d{1,2}" + _PARTS.format(r":|\s*d|\s*°|\s+", r":|\s*m|\s*['′]|\s+", r"\s*s|\s*[\"″]")
_RADIUS = r"(?:[,\s]\s*(?:within\s+)?(?P<radius>\d+(?:\.\d*)?)\s*(?P<unit>deg|°|arcmin|'|′|arcsec|\"|″))?"
_CONES = [
    re.compile(rf"(?P<ra>{ra})[,\s]\s*(?P<dec>{dec}){_RADIUS}") for ra, dec in ((_HOURS, _DMS), (_DEGREES, _DEGREES))
]
_UNITS = {"°": "deg", "'": "arcmin", "′": "arcmin", '"': "arcsec", "″": "arcsec"}
_USUAL_RADIUS = (1.0, "arcmin")


@dataclass(frozen=True)
class Cone:
    """A circle on the sky: its centre (ICRS) and its radius, in degrees."""

    centre: SkyCoord
    radius: float


def cone_meant(text: str) -> Cone | None:
    """Read ``RA DEC [RADIUS]``; None of a text that is something else.

    Right ascension and declination are decimal degrees, or sexagesimal hours and degrees; the radius is one arcminute
    where none is given.

    Examples
    --------
    >>> cone_meant("12:30:49.4 +12:23:28 10 arcsec").radius * 3600
    10.0
    >>> cone_meant("187.7059, 12.3911").centre.to_string("hmsdms", precision=1)
    '12h30m49.4s +12d23m28.0s'
    >>> cone_meant("NGC 4486") is None
    True
    """
    for pattern, unit in zip(_CONES, ("hourangle", "deg"), strict=True):
        found = pattern.fullmatch(text.strip())
        if found is None:
            continue
        from astropy import units  # loaded when a position is typed: it takes longer than the page to open
        from astropy.coordinates import Angle, SkyCoord

        try:
            right_ascension = Angle(_plain(found["ra"]), unit)
            centre = SkyCoord(right_ascension, Angle(_plain(found["dec"]), "deg"))
        except ValueError:  # a declination beyond the poles
            return None
        if right_ascension.deg >= 360 or right_ascension.deg < 0:
            return None
        size, of = _USUAL_RADIUS
        if found["radius"]:
            size, of = float(found["radius"]), _UNITS.get(found["unit"], found["unit"])
        return Cone(centre, float(units.Quantity(size, of).to_value("deg")))
    return None


def cone_of(ra_deg: float, dec_deg: float, radius: float) -> Cone:
    """A cone from numbers, all in degrees (ICRS)."""
    from astropy.coordinates import SkyCoord

    return Cone(SkyCoord(ra_deg, dec_deg, unit="deg"), radius)


def rows_within(cone: Cone, table: pa.Table) -> Rows:
    """Rows of the images whose position lies within a cone, ascending.

    Parameters
    ----------
    cone
        Where.
    table
        Columns ``row``, ``ra_deg`` and ``dec_deg``; null where an image has no position.
    """
    found, _ = _within(cone, table)
    return np.sort(found)


def nearest_row(cone: Cone, table: pa.Table) -> int | None:
    """Row of the image nearest to the centre of a cone; None where there is none within it.

    Parameters
    ----------
    cone, table
        As of `rows_within`.
    """
    found, apart = _within(cone, table)
    return int(found[np.argmin(apart)]) if len(found) else None


def _within(cone: Cone, table: pa.Table) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Rows within a cone, and their distances from its centre in degrees."""
    from astropy.coordinates import SkyCoord

    columns = (table[name].to_numpy().astype(np.float64) for name in ("row", "ra_deg", "dec_deg"))
    rows, ra, dec = np.array(list(columns))
    known = np.flatnonzero((rows >= 0) & np.isfinite(ra) & np.isfinite(dec))
    apart = np.asarray(cone.centre.separation(SkyCoord(ra[known], dec[known], unit="deg")).deg)
    near = apart <= cone.radius
    return rows[known[near]].astype(np.int64), apart[near]


def _plain(angle: str) -> str:
    """Signs of parts that astropy reads in any spelling, here as colons."""
    parts = re.findall(r"[+-]|\d+(?:\.\d*)?", angle)
    sign = parts.pop(0) if parts[0] in "+-" else ""
    return sign + ":".join(parts) if len(parts) > 1 else sign + parts[0]
