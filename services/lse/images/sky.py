"""Where on the sky an image lies, from the WCS of its FITS header, or else from the cards of its pointing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_SIP_ORDER", "Sky", "card_position", "sip_order", "sky_of"]

# Keywords of a WCS without distortion: wcslib reads these few directly.  All else goes through `astropy.wcs.WCS`, which
# takes some ten times longer and knows distortions; given raw headers with lookup tables, wcslib itself is not safe.
_PLAIN = re.compile(
    r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)\d|(PC|CD)\d_\d|LONPOLE|LATPOLE|RADE(C?)SYS|EQUINOX|EPOCH|WCSAXES|NAXIS\d?"
)
_DISTORTED = re.compile(
    r"(PV\d_\d+|[AB]P?_ORDER|(CPDIS|D2IMDIS|CQDIS)\d|D[PQ]\d.*|PS\d_\d+|WAT\d_\d+|A[MDX]D[XY]\d+|PLTRAH)$"
)
_DISTORTED_TYPE = re.compile(r"-(SIP|TNX|ZPX|TPV|TPD|DSS|TUV)\s*$")
MOST_SIP_ORDER = 9  # of the SIP convention (Shupe et al. 2005); a library walks the square of it
_SIP = ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER")
# Cards of where an instrument pointed, by how well they name the place of the image.
_POINTINGS = (
    ("RA", "DEC"),
    ("OBJCTRA", "OBJCTDEC"),
    ("RA_OBJ", "DEC_OBJ"),
    ("RA_TARG", "DEC_TARG"),
    ("RA_DEG", "DEC_DEG"),
    ("RA_PNT", "DEC_PNT"),
    ("RA_NOM", "DEC_NOM"),
)
_HOURS = re.compile(r"\bhours?\b|\bhourangle\b|\[h(rs?)?\]|\bhh[: ]", re.IGNORECASE)


@dataclass(frozen=True)
class Sky:
    """World coordinates of the pixels of an image.

    Attributes
    ----------
    wcs
        `astropy.wcs.Wcsprm` of its two celestial axes.
    to_world
        Function of 1-based pixels (N, 2) that gives the coordinates of these axes in degrees (N, 2).
    """

    wcs: Any
    to_world: Any

    def at(self, x: float, y: float) -> dict[str, float | bool]:
        """Position, scale and orientation at a pixel of the file, whose first pixel is (1, 1).

        Returns
        -------
        dict
            ``ra_deg`` and ``dec_deg`` (ICRS, degrees), ``pixel_scale_arcsec`` (square root of the pixel's area),
            ``orientation_deg`` (position angle of the image's upward direction, from north through east, 0 to 360)
            and ``mirrored`` (east lies to the right when north is up); empty outside the projection and in a frame
            that cannot be turned into ICRS.
        """
        points = np.array([[x, y], [x + 0.5, y], [x, y + 0.5], [x - 0.5, y], [x, y - 0.5]])
        world = self.to_world(points)[:, [self.wcs.lng, self.wcs.lat]]
        if not np.isfinite(world).all():
            return {}
        try:
            vectors = _icrs_vectors(world, self.wcs.lngtyp, self.wcs.radesys, float(self.wcs.equinox))
        except ValueError:  # a frame such as GAPPT (apparent place) that has no way to ICRS without the time and place
            return {}
        centre, east_of_x, north_of_y = vectors[0], vectors[1] - vectors[3], vectors[2] - vectors[4]
        ra, dec = np.arctan2(centre[1], centre[0]), np.arctan2(centre[2], np.hypot(centre[0], centre[1]))
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


def sky_of(cards: Mapping[str, object], header: Any, hdus: Any) -> Sky | None:
    """World coordinates of an image, None where its header has none for the two axes of the image.

    Parameters
    ----------
    cards
        Typed values of the header, which are enough for a WCS without distortion.
    header, hdus
        `astropy.io.fits.Header` with the WCS and `astropy.io.fits.HDUList` of the file, for all others.
    """
    from astropy.io.fits import VerifyError  # loaded with the reader that calls this
    from astropy.wcs import WCS, SingularMatrixError, Wcsprm  # as above

    types = [str(cards.get(f"CTYPE{axis}") or "") for axis in (1, 2)]
    if not all(types) or (sip_order(cards) or 0) > MOST_SIP_ORDER:
        return None
    distorted = any(map(_DISTORTED_TYPE.search, types)) or any(_DISTORTED.match(keyword) for keyword in cards)
    if not distorted:
        try:
            plain = "".join(_card(key, value) for key, value in cards.items() if _PLAIN.fullmatch(key))
            return _of_image(Wcsprm(header=(plain + "END".ljust(80)).encode("ascii")))
        except SingularMatrixError:
            return None  # mending would make it one degree a pixel
        except (ValueError, KeyError):
            pass  # units and names that wcslib refuses are mended by the slower way
    try:
        full = WCS(header, hdus)
        sky = _of_image(full.wcs)
        if sky is None:
            return None
        celestial = full.celestial
        return Sky(celestial.wcs, lambda points: celestial.all_pix2world(points, 1))
    except (VerifyError, ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError):
        return None  # no position is better than a wrong one; what astropy said is among the notes


def sip_order(cards: Mapping[str, object]) -> int | None:
    """Greatest order of the SIP polynomials that a header declares; None without any."""
    orders = [value for key in _SIP if isinstance(value := cards.get(key), int | float)]
    return int(max(orders)) if orders else None


def _of_image(wcs: Any) -> Sky | None:
    """Celestial axes of a WCS where these are the axes of the image, the first two, whichever of them comes first."""
    from astropy.wcs import WCSSUB_CELESTIAL  # as above

    wcs.set()
    if {wcs.lng, wcs.lat} != {0, 1}:
        return None
    celestial = wcs.sub([WCSSUB_CELESTIAL])  # which keeps their order
    celestial.set()
    return Sky(celestial, lambda points: celestial.p2s(points, 1)["world"])


def card_position(cards: Mapping[str, object], comments: Mapping[str, str]) -> dict[str, float | bool]:
    """Position of the pointing (``RA`` and ``DEC``, ``OBJCTRA`` and ``OBJCTDEC`` and their like) in ICRS.

    Numbers are degrees unless their comment says hours; a right ascension in sexagesimal notation is in hours.

    Returns
    -------
    dict
        ``ra_deg`` and ``dec_deg``; empty where no pair of cards gives a place on the sky.
    """
    for keys in _POINTINGS:
        ra = _angle(cards.get(keys[0]), hours=bool(_HOURS.search(comments.get(keys[0], ""))), sexagesimal_hours=True)
        dec = _angle(cards.get(keys[1]), hours=False, sexagesimal_hours=False)
        if ra is None or dec is None or not abs(dec) <= 90:
            continue
        radesys = str(cards.get("RADESYS") or cards.get("RADECSYS") or "")
        equinox = cards.get("EQUINOX", cards.get("EPOCH"))
        year = _year(equinox)
        if radesys.strip().upper() in ("", "ICRS") and (np.isnan(year) or year == 2000):
            return {"ra_deg": ra % 360, "dec_deg": dec}
        try:
            x, y, z = _icrs_vectors(np.array([[ra, dec]]), "RA", radesys, year)[0]
        except ValueError:
            return {}
        return {"ra_deg": float(np.rad2deg(np.arctan2(y, x)) % 360), "dec_deg": float(np.rad2deg(np.arcsin(z)))}
    return {}


def _angle(value: object, *, hours: bool, sexagesimal_hours: bool) -> float | None:
    """Angle in degrees of the value of a card; None of one that is none."""
    from astropy.coordinates import Angle

    factor = 15.0 if hours else 1.0
    if isinstance(value, bool) or value is None or value == "":
        return None
    try:
        number = float(str(value)) * factor
        return number if np.isfinite(number) else None
    except ValueError:
        pass
    try:
        return float(Angle(str(value), unit="hourangle" if sexagesimal_hours else "deg").deg)
    except (ValueError, TypeError):
        return None


def _year(equinox: object) -> float:
    """Year of an equinox such as 1950, ``J2000.0`` or ``B1950``; NaN where none is given."""
    found = re.fullmatch(r"\s*[JB]?\s*(\d{4}(\.\d*)?)\s*", str(equinox))
    return float(found[1]) if found else float("nan")


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
    if lng == "RA" and (radesys.startswith("FK4") or (not radesys and equinox < 1984)):
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
