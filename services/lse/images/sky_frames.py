"""Celestial frames of headers, and how their coordinates become unit vectors in ICRS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["frame_rotation", "icrs_vectors"]


def icrs_vectors(
    world: Sequence[Sequence[float]], lng: str, radesys: str, equinox: float
) -> list[tuple[float, float, float]]:
    """Unit vectors in ICRS of longitudes and latitudes in degrees; plain numbers, since a few take arrays longer."""
    vectors = [_unit_vector(math.radians(lon), math.radians(lat)) for lon, lat in world]
    radesys = radesys.strip().upper()
    if lng == "RA" and (radesys.startswith("FK4") or (not radesys and equinox < 1984)):
        # Aberration makes FK4 more than a rotation.
        found = _to_icrs(np.array(vectors), _frame(lng, radesys, equinox)).tolist()
        return [(x, y, z) for x, y, z in found]
    a, b, c = frame_rotation(lng, radesys, None if math.isnan(equinox) else equinox)
    return [
        (x * a[0] + y * b[0] + z * c[0], x * a[1] + y * b[1] + z * c[1], x * a[2] + y * b[2] + z * c[2])
        for x, y, z in vectors
    ]


def _unit_vector(lon: float, lat: float) -> tuple[float, float, float]:
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


@lru_cache(maxsize=64)
def frame_rotation(lng: str, radesys: str, equinox: float | None) -> list[list[float]]:
    """Rows of the matrix that turns vectors (from the right) into ICRS, of a frame that is a rotation of it."""
    found: list[list[float]] = _to_icrs(
        np.eye(3), _frame(lng, radesys, np.nan if equinox is None else equinox)
    ).tolist()
    return found


def _to_icrs(vectors: NDArray[np.float64], frame: Any) -> NDArray[np.float64]:
    from astropy.coordinates import ICRS, CartesianRepresentation, SkyCoord, UnitSphericalRepresentation

    unit = CartesianRepresentation(vectors.T).represent_as(UnitSphericalRepresentation)
    xyz = SkyCoord(frame.realize_frame(unit)).transform_to(ICRS()).cartesian.xyz
    return np.asarray(xyz.value.T, dtype=np.float64)


def _frame(lng: str, radesys: str, equinox: float) -> Any:
    """Astropy's frame of a header, by its own rules (radesys absent: FK5, FK4 before 1984, ICRS without equinox).

    The mean ecliptic is the barycentric one, of J2000 where no equinox is given; of galactic and supergalactic
    coordinates the reference system says nothing.

    Raises
    ------
    ValueError
        If the coordinates are in no frame that can be turned into ICRS.
    """
    from astropy.coordinates import BarycentricMeanEcliptic, Galactic, Supergalactic
    from astropy.wcs import WCS  # as above
    from astropy.wcs.utils import wcs_to_celestial_frame  # as above

    if lng == "GLON":
        return Galactic()
    if lng == "SLON":
        return Supergalactic()
    if lng == "ELON":
        return BarycentricMeanEcliptic(equinox=f"J{2000.0 if np.isnan(equinox) else equinox}")
    if lng != "RA":
        msg = f"{lng} is not a longitude of the sky"
        raise ValueError(msg)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.radesys = radesys
    wcs.wcs.equinox = equinox
    return wcs_to_celestial_frame(wcs)
