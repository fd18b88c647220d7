"""Image services of the Virtual Observatory: what they are asked, and what their answers say, by pyvo.

A service of Simple Image Access 2 answers a query for a position with a table of images.  Where such an image can be
cut by Server-side Operations for Data Access (SODA), the table itself or the DataLink document of the image says how.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import numpy as np

from lse.errors import InvalidArgumentError

__all__ = ["ImageOffer", "circle_radius_deg", "offers_in", "query_address", "soda_address"]

_USUAL_RADIUS_DEG = 1 / 120  # around each position, where the address has none

_SODA = "ivo://ivoa.net/std/SODA#sync"


@dataclass(frozen=True)
class ImageOffer:
    """An image that a service offers.

    Attributes
    ----------
    address
        Where it is, or its DataLink document.
    datalink
        Whether it is that document.
    separation_deg
        How far its centre is from the position; NaN where the service does not say it.
    soda
        Address of the service that cuts it, and the parameters that name the image there; empty without one.
    """

    address: str
    datalink: bool = False
    separation_deg: float = float("nan")
    soda: tuple[str, Mapping[str, str]] = ("", {})


def query_address(service: str, ra_deg: float, dec_deg: float) -> str:
    """Address of the query for a position.

    Parameters
    ----------
    service
        Address of the service; what follows ``?`` are parameters of SIA2, such as ``COLLECTION=…&BAND=…``.  A parameter
        ``RADIUS``, in degrees, is the radius around the position.
    ra_deg, dec_deg
        ICRS, degrees.

    Examples
    --------
    >>> query_address("https://x.org/sia?COLLECTION=A&RADIUS=0.1", 10.5, -3)
    'https://x.org/sia?COLLECTION=A&POS=CIRCLE+10.5+-3+0.1'
    """
    parts, radius = urlsplit(service), circle_radius_deg(service)
    own = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key.upper() != "RADIUS"]
    own.append(("POS", f"CIRCLE {ra_deg!r} {dec_deg!r} {radius!r}"))
    return urlunsplit(parts._replace(query=urlencode(own)))


def circle_radius_deg(service: str) -> float:
    """Radius that the address of a service asks for, in degrees.

    Raises
    ------
    InvalidArgumentError
        ``SOURCE_UNSUPPORTED``.
    """
    given = [value for key, value in parse_qsl(urlsplit(service).query) if key.upper() == "RADIUS"]
    try:
        radius = float(given[0]) if given else _USUAL_RADIUS_DEG
    except ValueError:
        radius = float("nan")
    if not 0 < radius <= 10:
        message = f"The address {service} needs a RADIUS in degrees, above 0 and up to 10: correct it."
        raise InvalidArgumentError(message, reason="SOURCE_UNSUPPORTED", path=service)
    return radius


def offers_in(path: Path, place: tuple[float, float]) -> list[ImageOffer]:
    """Images in the answer of a service of SIA2, or in a DataLink document, the nearest to a position first.

    Parameters
    ----------
    path
        The answer, a VOTable.
    place
        Right ascension and declination, ICRS, degrees.

    Raises
    ------
    InvalidArgumentError
        ``IMAGE_SERVICE_FAILED``.
    """
    from astropy.io.votable import parse  # loaded where a service is asked
    from pyvo.dal import DALServiceError
    from pyvo.dal.exceptions import DALQueryError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # services break the letter of standards; what is needed is checked below
            votable = parse(str(path), verify="ignore")
            return _sia2_offers(votable, place) if _is_sia2(votable) else _datalink_offers(votable)
    except (DALServiceError, DALQueryError, ValueError, IndexError, KeyError, TypeError, OSError) as error:
        message = "The image service answered with an error or with no table of images: try its address."
        raise InvalidArgumentError(message, reason="IMAGE_SERVICE_FAILED", detail=type(error).__name__) from error


def _is_sia2(votable: Any) -> bool:
    names = {field.name for field in votable.get_first_table().fields}
    return "access_url" in names and "semantics" not in names


def _sia2_offers(votable: Any, place: tuple[float, float]) -> list[ImageOffer]:
    from pyvo.dal.sia2 import SIA2Results

    found = SIA2Results(votable)
    soda = _soda_of(found)
    offers = []
    for record in found:
        address, form = _without_slashes(_text(record.get("access_url"))), _text(record.get("access_format")).lower()
        kind = _text(record.get("dataproduct_type"))
        if not address.startswith(("http://", "https://")) or kind not in ("", "image", "cube"):
            continue
        centre = [_number(record.get(key)) for key in ("s_ra", "s_dec")]
        offers.append(
            ImageOffer(address, "datalink" in form, _separation_deg(place, centre), _for_record(soda, record))
        )
    return sorted(offers, key=lambda offer: (np.isnan(offer.separation_deg), offer.separation_deg))


def _datalink_offers(votable: Any) -> list[ImageOffer]:
    """The image itself of a DataLink document, with the service that cuts it."""
    from pyvo.dal.adhoc import DatalinkResults

    found = DatalinkResults(votable)
    soda = _soda_of(found)
    cut = next((row for row in found if soda and _text(row.get("service_def")) == soda.ID), None)
    own = [row for row in found if _text(row.get("semantics")) == "#this" and _text(row.get("access_url"))]
    address = _without_slashes(_text(own[0]["access_url"])) if own else ""
    service = _for_record(soda, cut if cut is not None else found[0]) if soda and len(found) else ("", {})
    return [ImageOffer(address, soda=service)] if address or service[0] else []


def _soda_of(found: Any) -> Any:
    """The resource of an answer that describes a service of SODA; None without one."""
    from pyvo.dal import DALServiceError

    try:
        return found.get_adhocservice_by_ivoid(_SODA)
    except DALServiceError:
        return None


def _for_record(soda: Any, record: Any) -> tuple[str, Mapping[str, str]]:
    """Address of a service of SODA and the parameters that stand for one record."""
    if soda is None:
        return "", {}
    from pyvo.dal.adhoc import SodaQuery

    query = SodaQuery.from_resource(record, soda)
    named = {key: _text(value) for key, value in query.items() if key not in ("CIRCLE", "POLYGON", "POS", "BAND")}
    return str(query.baseurl), {key: value for key, value in named.items() if value}


def soda_address(offer: ImageOffer, place: tuple[float, float], radius_deg: float) -> str:
    """Address of the part of an image within a radius around a position, as SODA cuts it."""
    base, named = offer.soda
    circle = f"{place[0]!r} {place[1]!r} {radius_deg!r}"
    return f"{base}{'&' if '?' in base else '?'}{urlencode({**named, 'CIRCLE': circle})}"


def _without_slashes(address: str) -> str:
    """The same address, without slashes behind ``?``, such as those of identifiers, which a path would lose."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(query=parts.query.replace("/", "%2F"), fragment=""))


def _separation_deg(first: Sequence[float], second: Sequence[float]) -> float:
    from astropy.coordinates import angular_separation

    return float(np.rad2deg(angular_separation(*np.deg2rad([*first, *second]))))


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None or np.ma.is_masked(value) else float(value)
    except (TypeError, ValueError):
        return float("nan")


def _text(value: Any) -> str:
    if value is None or np.ma.is_masked(value):
        return ""
    return value.decode() if isinstance(value, bytes) else str(value).strip()
