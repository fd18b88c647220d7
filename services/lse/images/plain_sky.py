"""World coordinates of the commonest headers, in plain numbers: tangent-plane and orthographic without distortion.

Most small images have such a header, and wcslib takes several times as long to be set up for one of them as the few
points of an image take.  `plain_sky` gives None of every other header; wcslib is asked then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from lse.images.sky import Sky, quick_sky
from lse.images.sky_frames import frame_rotation

__all__ = ["PlainSky", "plain_sky"]

Vector: TypeAlias = tuple[float, float, float]

_MATRIX = re.compile(r"(PC|CD)[12]_[12]")
_USED = re.compile(r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)[12]|RADE(C?)SYS|EQUINOX|LONPOLE|LATPOLE|WCSAXES")
_OTHER_AXES = re.compile(r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)[3-9]")
_WCS = re.compile(
    r"(CTYPE|CRPIX|CRVAL|CDELT|CUNIT|CROTA)\d+|(PC|CD|PV|PS)\d+_\d+|EPOCH|[AB]P?_ORDER|(CPDIS|D2IMDIS|CQDIS)\d"
    r"|D[PQ]\d.*|WAT\d_\d+|A[MDX]D[XY]\d+|PLTRAH|(PC|CD)\d{6}"
)
_AXES = {
    **{(f"RA---{kind}", f"DEC--{kind}"): (kind, "CRVAL1", "CRVAL2") for kind in ("TAN", "SIN")},
    **{(f"DEC--{kind}", f"RA---{kind}"): (kind, "CRVAL2", "CRVAL1") for kind in ("TAN", "SIN")},
}


class PlainSky(Sky):
    """World coordinates of a header that `plain_sky` knows; `wcs` are its cards, `to_world` gives unit vectors."""

    def astropy_wcs(self) -> Any:
        """As of `lse.images.sky.Sky`."""
        whole = quick_sky(self.wcs)
        assert whole is not None  # it has axes of the sky
        return whole.astropy_wcs()

    def vectors(self, points: Sequence[tuple[float, float]]) -> list[Vector]:
        """As of `lse.images.sky.Sky`."""
        found = [self.to_world(x, y) for x, y in points]
        return [] if None in found else found


def plain_sky(cards: Mapping[str, object]) -> PlainSky | None:
    """World coordinates of a plain header in RA and Dec, ICRS or FK5; None of any other.

    The standard coordinates of a pixel, tangent to the sphere at the reference point, with the unit vectors to east,
    north and that point give the vector to the place (Calabretta & Greisen 2002, sections 5.1.3 and 5.1.5).

    Parameters
    ----------
    cards
        Typed values of the header.
    """
    used: dict[str, Any] = {}
    matrices = set()
    for keyword, value in cards.items():
        kind = _kind(keyword)
        if kind == "unknown":
            return None
        if kind:
            used[keyword] = value
            if kind != "used":
                matrices.add(kind)
    get = used.get
    axes = _AXES.get((str(get("CTYPE1")), str(get("CTYPE2"))))
    rotated = get("CROTA1", 0) != 0 or get("CROTA2", 0) != 0
    if axes is None or rotated or get("CUNIT1", "deg") != "deg" or get("CUNIT2", "deg") != "deg" or len(matrices) > 1:
        return None
    if get("LONPOLE", 180) != 180 or type(get("WCSAXES", 2)) is not int:
        return None
    kind, lon, lat = axes
    matrix = _matrix(get, cd="CD" in matrices)
    place = [get(lon), get(lat), get("CRPIX1", 0.0), get("CRPIX2", 0.0)]
    rotation = _rotation(get("RADESYS", get("RADECSYS", "")), get("EQUINOX"))
    if matrix is None or rotation is None or not _are_numbers(place) or not abs(place[1]) < 90:
        return None
    return PlainSky(cards, _projection(kind, place, matrix if lon == "CRVAL1" else matrix[2:] + matrix[:2], rotation))


def _matrix(get: Callable[..., Any], *, cd: bool) -> list[float] | None:
    """Matrix from pixels to degrees along the two axes, row by row."""
    steps = [get("CDELT1", 1.0), get("CDELT2", 1.0)]
    if cd:
        matrix = [get("CD1_1", 0.0), get("CD1_2", 0.0), get("CD2_1", 0.0), get("CD2_2", 0.0)]
        if get("CROTA2") is not None:
            return None
    else:
        matrix = [get("PC1_1", 1.0), get("PC1_2", 0.0), get("PC2_1", 0.0), get("PC2_2", 1.0)]
    if not _are_numbers(matrix) or not _are_numbers(steps):
        return None
    if not cd:
        (a, b, c, d), (right, up) = matrix, steps
        matrix = [a * right, b * right, c * up, d * up]
    return matrix if matrix[0] * matrix[3] - matrix[1] * matrix[2] else None


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(type(value) in (int, float) and math.isfinite(value) for value in values)


@lru_cache(maxsize=256)
def _rotation(radesys: object, equinox: object) -> tuple[Sequence[float], ...] | None:
    """Columns of the matrix that turns vectors into ICRS; None of frames that are more than a rotation."""
    if equinox is not None and type(equinox) not in (int, float):
        return None
    year = None if equinox is None else float(str(equinox))
    if radesys not in ("", "ICRS", "FK5") or (radesys == "" and year is not None and year < 1984):
        return None
    return tuple(zip(*frame_rotation("RA", str(radesys), year), strict=True))


def _projection(
    kind: str, place: Sequence[float], matrix: Sequence[float], rotation: Sequence[Sequence[float]]
) -> Callable[[float, float], Vector | None]:
    """Function of a 1-based pixel that gives the unit vector to its place in ICRS; None beyond the projection."""
    lon, lat, column, row = math.radians(place[0]), math.radians(place[1]), place[2], place[3]
    sin_lon, cos_lon, sin_lat, cos_lat = math.sin(lon), math.cos(lon), math.sin(lat), math.cos(lat)
    # Unit vectors to east, north and the reference point, turned into ICRS.
    (ex, ey, ez), (nx, ny, nz), (cx, cy, cz) = (
        [x * a + y * b + z * c for a, b, c in rotation]
        for x, y, z in (
            (-sin_lon, cos_lon, 0.0),
            (-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat),
            (cos_lat * cos_lon, cos_lat * sin_lon, sin_lat),
        )
    )
    xx, xy, yx, yy = map(math.radians, matrix)
    orthographic = kind == "SIN"

    def vector(x: float, y: float) -> Vector | None:
        right, up = x - column, y - row
        a, b = xx * right + xy * up, yx * right + yy * up
        c = 1.0
        if orthographic:
            if a * a + b * b > 1:
                return None
            c = math.sqrt(1 - a * a - b * b)
        else:
            c = 1 / math.sqrt(1 + a * a + b * b)
            a, b = a * c, b * c
        return a * ex + b * nx + c * cx, a * ey + b * ny + c * cy, a * ez + b * nz + c * cz

    return vector


@lru_cache(maxsize=4096)
def _kind(keyword: str) -> str:
    """What a card is: ``used``, of a matrix (``PC``, ``CD``), ``unknown`` that may change the place, or none of it."""
    if matrix := _MATRIX.fullmatch(keyword):
        return matrix[1]
    if _USED.fullmatch(keyword):
        return "used"
    return "unknown" if _WCS.fullmatch(keyword) and not _OTHER_AXES.fullmatch(keyword) else ""
