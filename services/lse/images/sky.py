"""Where on the sky an image lies, from the WCS of its FITS header, or else from the cards of its pointing."""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from lse.images.sky_frames import icrs_vectors

__all__ = [
    "MOST_SIP_ORDER",
    "HeaderNeededError",
    "Sky",
    "card_position",
    "figures_at",
    "quick_sky",
    "sip_order",
    "sky_flaw",
    "sky_of",
]

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
    ("GLON", "GLAT"),
    ("ELON", "ELAT"),
)
# Their values are numbers; wcslib takes 0 for one that is not, such as CRVAL1 = 'N/A', and without a word.
_NUMBERS = re.compile(r"(CRPIX|CRVAL|CDELT|CROTA)\d|(PC|CD)\d_\d")
_LATITUDES = ("DEC", "GLAT", "ELAT", "SLAT")
_HOURS = re.compile(r"\bhours?\b|\bhourangle\b|\[h(rs?)?\]|\bhh[: ]", re.IGNORECASE)


class HeaderNeededError(ValueError):
    """A WCS that takes the whole header and astropy's slower way."""


@dataclass(frozen=True)
class Sky:
    """World coordinates of the pixels of an image.

    Attributes
    ----------
    wcs
        `astropy.wcs.Wcsprm` of its two celestial axes.
    to_world
        Function of 1-based pixels (N, 2) that gives the coordinates of these axes in degrees (N, 2).
    distorted
        `astropy.wcs.WCS` of these axes, of a header with distortions.
    """

    wcs: Any
    to_world: Any
    distorted: Any = None

    def astropy_wcs(self) -> Any:
        """The same as `astropy.wcs.WCS`, of pixels in the order of the file, the bottom row first."""
        if self.distorted is not None:
            return self.distorted
        from astropy.wcs import WCS  # loaded where it is asked for

        whole = WCS(naxis=2)
        whole.wcs = self.wcs.sub([1, 2])
        whole.wcs.set()
        return whole

    def to_fits(self) -> bytes:
        """The same as a FITS file of one pixel, with every digit, that `astropy.wcs.WCS` reads back."""
        wcs, buffer = self.astropy_wcs(), io.BytesIO()
        hdus = wcs.to_fits(relax=True)
        header, plain = hdus[0].header, wcs.wcs
        # wcslib writes twelve digits, of which a right ascension leaves nine behind the point.
        for axis in (1, 2):
            for key, values in (("CRVAL", plain.crval), ("CRPIX", plain.crpix), ("CDELT", plain.cdelt)):
                if f"{key}{axis}" in header:
                    header[f"{key}{axis}"] = float(values[axis - 1])
        for axis, number, value in plain.get_pv():
            if f"PV{axis}_{number}" in header:
                header[f"PV{axis}_{number}"] = value
        matrix = plain.cd if plain.has_cd() else plain.get_pc()
        for row, column in itertools.product((1, 2), (1, 2)):
            for key in (f"CD{row}_{column}", f"PC{row}_{column}"):
                if key in header:
                    header[key] = float(matrix[row - 1, column - 1])
        hdus[0].data = np.zeros((1, 1), np.uint8)  # a WCS without an image is warned of
        hdus.writeto(buffer)
        return buffer.getvalue()

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
        vectors = self.vectors([(x, y), (x + 0.5, y), (x, y + 0.5), (x - 0.5, y), (x, y - 0.5)])
        return figures_at(vectors) if vectors else {}

    def region(self, left: float, bottom: float, right: float, top: float) -> str:
        """Outline of a part of the image as ``s_region`` of IVOA's ObsCore has it; empty where it has none.

        Parameters
        ----------
        left, bottom, right, top
            Its outer edges, in pixels of the file, whose first pixel reaches from 0.5 to 1.5.

        Returns
        -------
        str
            ``POLYGON ICRS`` and right ascension and declination of each corner in degrees, to a thousandth of a pixel
            and better, anticlockwise as the sky is seen.
        """
        vectors = self.vectors([(left, bottom), (right, bottom), (right, top), (left, top)])
        if not vectors:
            return ""
        right_side, up_side = (
            [end - begin for begin, end in zip(vectors[0], vectors[corner], strict=True)] for corner in (1, 3)
        )
        pixel = math.degrees(math.hypot(*right_side)) / max(abs(right - left), 1)
        digits = min(max(6, 4 - math.floor(math.log10(pixel or 1))), 12)
        inwards = _triple_product(vectors[0], right_side, up_side) < 0  # as on the sky, where east lies left of north
        places = map(_degrees, vectors if inwards else vectors[::-1])
        return " ".join(["POLYGON ICRS", *(f"{ra:.{digits}f} {dec:.{digits}f}" for ra, dec in places)])

    def vectors(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float, float]]:
        """Unit vectors in ICRS to 1-based pixels of the file; empty where one of them has none."""
        world = self.to_world(np.array(points))[:, [self.wcs.lng, self.wcs.lat]]
        if not np.isfinite(world).all():
            return []
        try:
            return icrs_vectors(world.tolist(), self.wcs.lngtyp, self.wcs.radesys, float(self.wcs.equinox))
        except ValueError:  # a frame such as GAPPT (apparent place) that has no way to ICRS without the time and place
            return []


def _degrees(vector: Sequence[float]) -> tuple[float, float]:
    x, y, z = vector
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


def _triple_product(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> float:
    return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0])


def figures_at(vectors: Sequence[tuple[float, float, float]]) -> dict[str, float | bool]:
    """What `Sky.at` gives, of vectors in ICRS to a pixel and to half a pixel right of, above, left of and below it."""
    (cx, cy, cz), right, up, left, down = vectors  # plain numbers: arrays of three take longer
    ra, dec = math.atan2(cy, cx), math.atan2(cz, math.hypot(cx, cy))
    east = -math.sin(ra), math.cos(ra), 0.0
    north = cy * east[2] - cz * east[1], cz * east[0] - cx * east[2], cx * east[1] - cy * east[0]
    (xe, xn), (ye, yn) = (
        [sum((a - b) * c for a, b, c in zip(end, begin, axis, strict=True)) for axis in (east, north)]
        for end, begin in ((right, left), (up, down))
    )
    area = xe * yn - ye * xn
    if not math.isfinite(area) or area == 0:
        return {}
    return {
        "ra_deg": math.degrees(ra) % 360,
        "dec_deg": math.degrees(dec),
        "pixel_scale_arcsec": math.degrees(math.sqrt(abs(area))) * 3600,
        "orientation_deg": math.degrees(math.atan2(ye, yn)) % 360,
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
    from astropy.wcs import WCS  # as above

    try:
        return quick_sky(cards)
    except HeaderNeededError:
        pass
    try:
        full = WCS(header, hdus)
        sky = _of_image(full.wcs)
        if sky is None:
            return None
        celestial = full.celestial
        return Sky(celestial.wcs, lambda points: celestial.all_pix2world(points, 1), celestial)
    except (VerifyError, ValueError, KeyError, TypeError, AttributeError, AssertionError, OSError):
        return None  # no position is better than a wrong one; what astropy said is among the notes


def quick_sky(cards: Mapping[str, object]) -> Sky | None:
    """World coordinates of an image, as far as the values of its cards are enough for them.

    Raises
    ------
    HeaderNeededError
        If the header has distortions, or units and names that wcslib refuses: `sky_of` knows more.
    """
    from astropy.wcs import SingularMatrixError, Wcsprm  # loaded with the reader that calls this

    types = [str(cards.get(f"CTYPE{axis}") or "") for axis in (1, 2)]
    if not all(types) or sky_flaw(cards):
        return None
    roles = [_role(keyword) for keyword in cards]
    if "distorted" in roles or any(map(_DISTORTED_TYPE.search, types)):
        raise HeaderNeededError
    try:
        plain = "".join([_card(*card) for card, role in zip(cards.items(), roles, strict=True) if role])
        return _of_image(Wcsprm(header=(plain + "END".ljust(80)).encode("ascii")))
    except SingularMatrixError:
        return None  # mending would make it one degree a pixel
    except (ValueError, KeyError) as error:
        raise HeaderNeededError from error


def sip_order(cards: Mapping[str, object]) -> int | None:
    """Greatest order of the SIP polynomials that a header declares; None without any."""
    orders = [value for key in _SIP if isinstance(value := cards.get(key), int | float)]
    return int(max(orders)) if orders else None


def sky_flaw(cards: Mapping[str, object]) -> str:
    """Why the WCS of a header gives no place on the sky, a sentence; empty where it has none, or a sound one."""
    if (order := sip_order(cards) or 0) > MOST_SIP_ORDER:
        return f"SIP polynomials of order {order} are not evaluated: at most {MOST_SIP_ORDER}."
    types = {axis: str(cards.get(f"CTYPE{axis}") or "") for axis in (1, 2)}
    if not any(kind.startswith(_LATITUDES) for kind in types.values()):
        return ""
    if not {"CRVAL1", "CRVAL2"} <= cards.keys():
        return "The WCS does not say where its reference pixel lies: CRVAL1 or CRVAL2 is missing."
    for keyword, value in cards.items():
        if _is_number(keyword) and not (isinstance(value, int | float) and math.isfinite(value)):
            return f"The WCS has no number for {keyword}: {str(value)[:40]!r}."
    for axis, kind in types.items():
        latitude, unit = float(str(cards[f"CRVAL{axis}"])), str(cards.get(f"CUNIT{axis}") or "deg").strip()
        if kind.startswith(_LATITUDES) and unit == "deg" and abs(latitude) > 90:
            return f"The WCS puts its reference pixel at a latitude of {latitude:g} degrees (CRVAL{axis})."
    return ""


@lru_cache(maxsize=4096)
def _is_number(keyword: str) -> bool:
    return _NUMBERS.fullmatch(keyword) is not None


@lru_cache(maxsize=4096)
def _role(keyword: str) -> str:
    """Whether a card belongs to a ``plain`` WCS, makes it a ``distorted`` one, or neither (empty)."""
    return "distorted" if _DISTORTED.match(keyword) else "plain" if _PLAIN.fullmatch(keyword) else ""


def _of_image(wcs: Any) -> Sky | None:
    """Celestial axes of a WCS where these are the axes of the image, the first two, whichever of them comes first."""
    from astropy.wcs import WCSSUB_CELESTIAL  # as above

    wcs.set()
    if {wcs.lng, wcs.lat} != {0, 1}:
        return None
    celestial = wcs
    if wcs.naxis > 2:
        celestial = wcs.sub([WCSSUB_CELESTIAL])  # which keeps their order
        celestial.set()
    return Sky(celestial, lambda points: celestial.p2s(points, 1)["world"])


def card_position(cards: Mapping[str, object], comments: Mapping[str, str]) -> dict[str, float | bool]:
    """Position of the pointing (``RA`` and ``DEC``, ``OBJCTRA`` and ``OBJCTDEC``, ``GLON`` and their like) in ICRS.

    Numbers are degrees unless their comment says hours; a right ascension in sexagesimal notation is in hours.

    Returns
    -------
    dict
        ``ra_deg`` and ``dec_deg``; empty where no pair of cards gives a place on the sky.
    """
    for keys in _POINTINGS:
        lng = keys[0] if keys[0] in ("GLON", "ELON") else "RA"
        in_hours = bool(_HOURS.search(comments.get(keys[0], "")))
        ra = _angle(cards.get(keys[0]), hours=in_hours, sexagesimal_hours=lng == "RA")
        dec = _angle(cards.get(keys[1]), hours=False, sexagesimal_hours=False)
        if ra is None or dec is None or not abs(dec) <= 90:
            continue
        radesys = str(cards.get("RADESYS") or cards.get("RADECSYS") or "")
        equinox = cards.get("EQUINOX", cards.get("EPOCH"))
        year = _year(equinox)
        if lng == "RA" and radesys.strip().upper() in ("", "ICRS") and (np.isnan(year) or year == 2000):
            return {"ra_deg": ra % 360, "dec_deg": dec}
        try:
            ((x, y, z),) = icrs_vectors([[ra, dec]], lng, radesys, year)
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
