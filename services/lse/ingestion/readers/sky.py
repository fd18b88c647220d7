"""Where on the sky an image lies, from the WCS of its FITS header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["sky_position"]

# Keywords of a WCS without distortion: wcslib reads these few directly.  All else goes through `astropy.wcs.WCS`, which
# takes some ten times longer and knows distortions; given raw headers with lookup tables, wcslib itself is not safe.
_PLAIN = re.compile(
    r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)\d|(PC|CD)\d_\d|LONPOLE|LATPOLE|RADE(C?)SYS|EQUINOX|EPOCH|WCSAXES|NAXIS\d?"
)
_DISTORTED = re.compile(r"(PV\d_\d+|[AB]P?_ORDER|(CPDIS|D2IMDIS|CQDIS)\d|D[PQ]\d.*|PS\d_\d+)$")


def sky_position(cards: Mapping[str, object], header: Any, hdus: Any) -> dict[str, float | bool]:
    """Position, scale and orientation of an image on the sky.

    Parameters
    ----------
    cards
        Typed values of the header, which are enough for a WCS without distortion.
    header, hdus
        `astropy.io.fits.Header` of the image and `astropy.io.fits.HDUList` of the file, for all others.

    Returns
    -------
    dict
        ``ra_deg`` and ``dec_deg`` of the centre (ICRS, degrees), ``pixel_scale_arcsec`` (square root of the pixel's
        area), ``orientation_deg`` (position angle of the image's upward direction, from north through east, 0 to
        360) and ``mirrored`` (east lies to the right when north is up); empty without a celestial WCS in a frame that
        can be turned into ICRS.
    """
    if not cards.get("CTYPE1"):
        return {}
    x, y = (header["NAXIS1"] + 1) / 2, (header["NAXIS2"] + 1) / 2
    points = np.array([[x, y], [x + 0.5, y], [x, y + 0.5], [x - 0.5, y], [x, y - 0.5]])
    found = _celestial(cards, header, hdus, points)
    if found is None:
        return {}
    wcs, world = found
    lng = "GLON" if wcs.lngtyp == "GLON" else "RA" if wcs.lngtyp == "RA" else None
    if lng is None or not np.isfinite(world).all():
        return {}
    try:
        vectors = _icrs_vectors(world, lng, wcs.radesys, float(wcs.equinox))
    except ValueError:  # a frame such as GAPPT (apparent place) that has no way to ICRS without the time and place
        return {}
    centre, east_of_x, north_of_y = vectors[0], vectors[1] - vectors[3], vectors[2] - vectors[4]
    ra, dec = np.arctan2(centre[1], centre[0]), np.arcsin(np.clip(centre[2], -1, 1))
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.cross(centre, east)
    jacobian = np.array([[east_of_x @ east, north_of_y @ east], [east_of_x @ north, north_of_y @ north]])
    area = float(np.linalg.det(jacobian))
    if not np.isfinite(area) or area == 0:
        return {}
    return {
        "ra_deg": float(np.rad2deg(ra) % 360),
        "dec_deg": float(np.rad2deg(dec)),
        "pixel_scale_arcsec": float(np.rad2deg(np.sqrt(abs(area))) * 3600),
        "orientation_deg": float(np.rad2deg(np.arctan2(jacobian[0, 1], jacobian[1, 1])) % 360),
        "mirrored": area > 0,
    }


def _celestial(
    cards: Mapping[str, object], header: Any, hdus: Any, points: NDArray[np.float64]
) -> tuple[Any, NDArray[np.float64]] | None:
    """Celestial part of the WCS and the world coordinates (N, 2) in degrees of 1-based pixels (N, 2)."""
    from astropy.io.fits import VerifyError  # loaded with the reader that calls this
    from astropy.wcs import WCS, WCSSUB_CELESTIAL, SingularMatrixError, Wcsprm  # as above

    if "-SIP" not in str(cards["CTYPE1"]) and not any(_DISTORTED.match(keyword) for keyword in cards):
        try:
            plain = "".join(_card(key, value) for key, value in cards.items() if _PLAIN.fullmatch(key))
            wcs = Wcsprm(header=(plain + "END".ljust(80)).encode("ascii")).sub([WCSSUB_CELESTIAL])
            return (wcs, wcs.p2s(points, 1)["world"]) if wcs.naxis == 2 else None
        except SingularMatrixError:
            return None  # mending would make it one degree a pixel
        except (ValueError, KeyError):
            pass  # units and names that wcslib refuses are mended by the slower way
    try:
        full = WCS(header, hdus).celestial
        if full.naxis != 2:
            return None
        return full.wcs, full.all_pix2world(points, 1)
    except (VerifyError, ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError):
        return None  # no position is better than a wrong one; what astropy said is among the notes


def _card(keyword: str, value: object) -> str:
    """Card of 80 characters in FITS's fixed format."""
    if isinstance(value, str):
        quoted = value.replace("'", "''")
        text = f"'{quoted:<8}'"
    elif isinstance(value, bool):
        text = f"{'T' if value else 'F':>20}"
    else:
        text = f"{value!r:>20}".upper()
    return f"{keyword:<8}= {text}"[:80].ljust(80)


def _icrs_vectors(world: NDArray[np.float64], lng: str, radesys: str, equinox: float) -> NDArray[np.float64]:
    """Unit vectors (N, 3) in ICRS of longitudes and latitudes (N, 2) in degrees."""
    lon, lat = np.deg2rad(world).T
    vectors = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    radesys = radesys.strip().upper()
    if lng == "RA" and radesys.startswith("FK4"):
        return _to_icrs(vectors, _frame(lng, radesys, equinox))  # aberration makes FK4 more than a rotation
    return vectors @ _rotation(lng, radesys, None if np.isnan(equinox) else equinox)


@lru_cache(maxsize=64)
def _rotation(lng: str, radesys: str, equinox: float | None) -> NDArray[np.float64]:
    return _to_icrs(np.eye(3), _frame(lng, radesys, np.nan if equinox is None else equinox))


def _to_icrs(vectors: NDArray[np.float64], frame: Any) -> NDArray[np.float64]:
    from astropy.coordinates import ICRS, CartesianRepresentation, SkyCoord, UnitSphericalRepresentation

    unit = CartesianRepresentation(vectors.T).represent_as(UnitSphericalRepresentation)
    xyz = SkyCoord(frame.realize_frame(unit)).transform_to(ICRS()).cartesian.xyz
    return np.asarray(xyz.value.T, dtype=np.float64)


def _frame(lng: str, radesys: str, equinox: float) -> Any:
    """Astropy's frame of a header, by its own rules (radesys absent: FK5, FK4 before 1984, ICRS without equinox)."""
    from astropy.wcs import WCS  # as above
    from astropy.wcs.utils import wcs_to_celestial_frame  # as above

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"] if lng == "RA" else ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.radesys = radesys
    wcs.wcs.equinox = equinox
    return wcs_to_celestial_frame(wcs)
