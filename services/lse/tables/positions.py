"""Which columns of a catalogue are the position of its object, and what they say in degrees."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.columns import ColumnMeaning, texts
from lse.errors import InvalidArgumentError
from lse.kinds import kind_of

__all__ = ["Positions", "find_positions"]

_HOUR_NAMES = ("rah", "rahr", "rahrs", "rahour", "rahours")
# What longitudes and latitudes are called, without case, signs and units in brackets, the surest first.
_NAMES = (
    ("radeg", ("decdeg", "dedeg"), "icrs"),
    ("ra", ("dec", "de", "decl"), "icrs"),
    ("raicrs", ("deicrs", "decicrs"), "icrs"),
    ("sra", ("sdec",), "icrs"),
    ("raj2000", ("dej2000", "decj2000"), "icrs"),
    ("alphaj2000", ("deltaj2000",), "icrs"),
    *((f"alpha{how}j2000", (f"delta{how}j2000",), "icrs") for how in ("win", "psf", "model", "peak")),  # SExtractor's
    ("rightascension", ("declination",), "icrs"),
    ("ramean", ("decmean",), "icrs"),
    ("rahms", ("decdms", "dedms"), "icrs"),
    ("alpha", ("delta",), "icrs"),
    ("targetra", ("targetdec",), "icrs"),
    ("objra", ("objdec",), "icrs"),
    ("centerra", ("centerdec",), "icrs"),
    ("coordra", ("coorddec",), "icrs"),  # of the Rubin pipelines, in radians before they were in degrees
    ("rarad", ("decrad",), "icrs"),
    ("rab1950", ("deb1950", "decb1950"), "fk4"),
    *((word, ("dec", "de", "decl", "decdeg", "dedeg", "decd", "ded"), "icrs") for word in _HOUR_NAMES),
    ("glon", ("glat",), "galactic"),
)
# Sexagesimal parts in columns of their own, as CDS tables have them.
_PARTS = ("RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs")
_UCDS = (
    (r"pos\.eq\.ra(;pos\.frame=.*)?;meta\.main|pos_eq_ra_main", r"pos\.eq\.dec(;.*)?;meta\.main|pos_eq_dec_main"),
    (r"pos\.eq\.ra|pos_eq_ra", r"pos\.eq\.dec|pos_eq_dec"),
)
_SEXAGESIMAL = re.compile(
    r"\s*(?P<sign>[+\-\u2212]?)\s*(?:"
    r"(?P<whole>\d{1,3})(?:\s*(?P<letter>[h:d°])\s*|\s+)"
    r"(?P<minutes>\d{1,2}(?:[.,]\d+)?)(?:(?:\s*[m:'′]\s*|\s+)(?P<seconds>\d{1,2}(?:[.,]\d*)?)?\s*[s\"″]?)?"
    r"|(?P<alone>\d{1,3}(?:[.,]\d*)?)\s*(?P<unit>h|d|°|deg)"
    r")\s*",
    re.IGNORECASE,
)
_HOURS = {"h", "hr", "hour", "hours", "hourangle", "h:m:s", "hms", "hh:mm:ss", "hh:mm:ss.s"}
_DEGREES = {"deg", "degree", "degrees", "d:m:s", "dms", "deg:m:s"}
_ONE_PLACE_DEG = 1 / 60  # positions of one object in several columns differ by epochs and decimals, not by more
_SHOWN = 5


@dataclass(frozen=True)
class Positions:
    """Positions of the rows of a catalogue.

    Attributes
    ----------
    ra_deg, dec_deg
        float64 of shape (n,), ICRS, or in the frame of J2000 of the catalogue; NaN where a row has no position.
    columns
        Names of the two columns.
    notes
        What was understood and what was refused, a sentence each.  Where no row has a position they say why.
    """

    ra_deg: NDArray[np.float64]
    dec_deg: NDArray[np.float64]
    columns: tuple[str, str]
    notes: tuple[str, ...] = ()


def find_positions(table: pa.Table, name: str) -> Positions | None:
    """Positions of a catalogue, by the UCDs of its columns and else by their names; None where it has none.

    Numbers are in the unit of the column, degrees without one.  Texts in sexagesimal notation are hours of right
    ascension and degrees of declination; degrees both where a right ascension reaches 24.  Right ascensions from -360
    to 720 are brought to 0 to 360; other ones, and declinations beyond 90 degrees, do not count as positions.

    Parameters
    ----------
    table
        The catalogue.
    name
        Its name, for messages.

    Raises
    ------
    InvalidArgumentError
        ``POSITIONS_AMBIGUOUS`` where several pairs of columns give different places, or a column without a unit that
        may be hours and may be degrees.
    """
    found = [*(_read(table, *pair, name=name) for pair in _pairs(table)), *_of_parts(table)]
    usable = [positions for positions in found if np.isfinite(positions.ra_deg).any()]
    if not usable:
        return _none_of(found)
    first = usable[0]
    if first.columns == ("ra_deg", "dec_deg"):
        return first
    for other in usable[1:]:
        apart = _separation(first, other)
        if np.nanmax(apart, initial=0) > _ONE_PLACE_DEG:
            pairs = "; ".join(", ".join(each.columns) for each in usable)
            message = (
                f"The catalogue {name} has several pairs of columns with different positions ({pairs}): "
                "call the right pair ra_deg and dec_deg."
            )
            raise InvalidArgumentError(message, reason="POSITIONS_AMBIGUOUS", columns=pairs)
    return first


def _none_of(found: list[Positions]) -> Positions | None:
    """What is said where columns have the names of a position, and no row has an angle in both; None without such."""
    said = [positions for positions in found if positions.notes]
    if not said:
        return None
    ra, dec = said[0].columns
    note = f"No row of the catalogue has an angle in both {ra!r} and {dec!r}: positions were not taken from them."
    return replace(said[0], notes=(note,))


def _pairs(table: pa.Table) -> Iterator[tuple[str, str, str]]:
    """Columns that may be a position, and their frame, the surest first."""
    if {"ra_deg", "dec_deg"} <= set(table.column_names):
        yield "ra_deg", "dec_deg", "icrs"
    seen: set[tuple[str, str]] = {("ra_deg", "dec_deg")}
    ucds = {field.name: ColumnMeaning.of(field).ucd.strip().lower() for field in table.schema}
    for ra_ucd, dec_ucd in _UCDS:
        ras, decs = ([key for key, ucd in ucds.items() if re.fullmatch(word, ucd)] for word in (ra_ucd, dec_ucd))
        if len(ras) == len(decs) == 1 and (ras[0], decs[0]) not in seen:
            seen.add((ras[0], decs[0]))
            yield ras[0], decs[0], "fk4" if "1950" in ras[0] else "icrs"
    called: dict[str, list[str]] = {}
    parts = set(_PARTS) if {"RAh", "RAm"} <= set(table.column_names) else set()
    for column in (each for each in table.column_names if each not in parts):
        called.setdefault(_plain(column), []).append(column)
    equatorial = bool(len(seen) > 1)
    for lon, lats, frame in _NAMES:
        lat = next((each for each in lats if each in called), None)
        if lon not in called or lat is None or (equatorial and frame == "galactic"):
            continue
        for pair in zip(called[lon], called[lat], strict=False):
            equatorial = True
            if pair not in seen:
                seen.add(pair)
                yield *pair, frame


def _plain(column: str) -> str:
    """Name of a column without case, unit in brackets, signs and spaces."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"[(\[].*?[)\]]", "", column.lower()))


def _of_parts(table: pa.Table) -> Iterator[Positions]:
    """Positions of a table with a column for each part: hours, minutes, seconds, and the sign of the declination."""
    there = set(table.column_names)
    if not {"RAh", "RAm", "DEd", "DEm"} <= there:
        return
    part = {key: np.abs(_numbers(table[key])) for key in ("RAh", "RAm", "RAs", "DEd", "DEm", "DEs") if key in there}
    ra = 15 * (part["RAh"] + (part["RAm"] + part.get("RAs", 0.0) / 60) / 60)
    dec = part["DEd"] + (part["DEm"] + part.get("DEs", 0.0) / 60) / 60
    signs = texts(table["DE-" if "DE-" in there else "DEd"]).to_pylist()
    dec = np.where([str(sign).strip().startswith(("-", "\u2212")) for sign in signs], -dec, dec)
    outside = ~((ra >= 0) & (ra < 360) & (np.abs(dec) <= 90))
    note = "Positions are those of the catalogue's columns RAh, RAm, RAs and DE-, DEd, DEm, DEs."
    yield Positions(np.where(outside, np.nan, ra), np.where(outside, np.nan, dec), ("RAh", "DEd"), (note,))


def _numbers(values: pa.ChunkedArray) -> NDArray[np.float64]:
    """Values as numbers, also of a column of text, as one with leading zeros is; NaN of what is none."""
    if kind_of(values.type).amount:
        return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    found = []
    for text in texts(values).to_pylist():
        try:
            found.append(float(text or "nan"))
        except ValueError:
            found.append(np.nan)
    return np.array(found)


def _check_unit(table: pa.Table, columns: tuple[str, str], name: str) -> str:
    """What is said of columns without a unit that may be in hours or radians; refused where the values may be either.

    Parameters
    ----------
    table
        The catalogue.
    columns
        Right ascension and declination.
    name
        Name of the catalogue.
    """
    ra, dec = columns
    field = table.schema.field(ra)
    if ColumnMeaning.of(field).unit or _unit_in(ra) or "deg" in _plain(ra) or not kind_of(field.type).amount:
        return ""
    ras, decs = (_numbers(table[column]) for column in columns)
    most_ra, most_dec = (np.nanmax(np.abs(values), initial=0) for values in (ras, decs))
    if _plain(ra) in _HOUR_NAMES:
        unit, either, beyond = "h", most_ra <= 24, "24"
    elif _plain(ra) == "coordra":
        unit, either, beyond = "rad", most_ra <= 2 * np.pi and most_dec <= np.pi / 2, "a whole turn in radians"
    elif most_ra >= 24 or "glon" in _plain(ra) or not np.isfinite(ras).any():
        return ""
    elif _is_all_day(ras, decs):
        unit, either, beyond = "h", True, ""
    else:
        return f"read as degrees; all are below 24: if they are hours, call the column '{ra} (h)'"
    if either:
        written = {"h": "hours", "rad": "radians"}[unit]
        message = (
            f"The column {ra!r} of the catalogue {name} has no unit, and may be in {written} or in degrees: call it "
            f"'{ra} ({unit})' or '{ra} (deg)'" + (f", and {dec!r} likewise." if unit == "rad" else ".")
        )
        raise InvalidArgumentError(message, reason="POSITIONS_AMBIGUOUS", columns=ra)
    return f"read as degrees, since it goes beyond {beyond}"


def _is_all_day(ras: NDArray[np.float64], decs: NDArray[np.float64]) -> bool:
    """Whether right ascensions from 0 to 24 look like the hours of a whole sky, which degrees hardly ever do."""
    gaps = np.diff(np.sort(np.concatenate([ras[np.isfinite(ras)], [0.0, 24.0]])))
    return bool(gaps.max() < 4 and np.nanmax(decs) - np.nanmin(decs) > 60)


def _read(table: pa.Table, ra_column: str, dec_column: str, frame: str, *, name: str) -> Positions:
    declared = ColumnMeaning.of(table.schema.field(ra_column)).frame
    frame = declared if _frame(declared) is not None else frame
    said = _check_unit(table, (ra_column, dec_column), name)
    (ra, ra_bad, how), (dec, dec_bad, _) = (
        _degrees(table, column, longitude=longitude, hours=longitude and "galactic" not in frame.lower())
        for column, longitude in ((ra_column, True), (dec_column, False))
    )
    how = how or said
    outside = (np.abs(dec) > 90) | (ra < -360) | (ra > 720) | np.isinf(ra) | np.isinf(dec)
    refused = np.flatnonzero(outside | ra_bad | dec_bad)
    ra, dec = np.where(outside, np.nan, ra), np.where(outside, np.nan, dec)
    wrapped = (ra < 0) | (ra >= 360)
    ra = np.where(wrapped, ra % 360, ra)
    notes = []
    if (ra_column, dec_column, how, frame) != ("ra_deg", "dec_deg", "", "icrs"):
        written = f", {how}" if how else ""
        named = {"fk4": "FK4 of B1950", "galactic": "galactic coordinates"}.get(frame, frame)
        changed = "" if frame == "icrs" else f", from {named} to ICRS"
        notes.append(
            f"Positions are those of the catalogue's columns {ra_column!r} and {dec_column!r}{written}{changed}."
        )
    if wrapped.any():
        notes.append(f"Right ascensions of the catalogue brought to 0 to 360 degrees: {int(wrapped.sum())}.")
    if len(refused):
        shown = ", ".join(str(row + 1) for row in refused[:_SHOWN]) + (", …" if len(refused) > _SHOWN else "")
        notes.append(
            f"Rows of the catalogue whose {ra_column!r} or {dec_column!r} is not a place on the sky: {len(refused)} "
            f"(row {shown})."
        )
    if frame != "icrs":
        ra, dec = _icrs(ra, dec, frame)
    return Positions(ra, dec, (ra_column, dec_column), tuple(notes))


def _degrees(
    table: pa.Table, column: str, *, longitude: bool, hours: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_], str]:
    """Column in degrees, which of its values are not angles, and how it is written where that is not in degrees."""
    field, values = table.schema.field(column), table[column]
    unit = ColumnMeaning.of(field).unit.strip().strip("\"'").lower()
    unit = unit or _unit_in(column)
    factor, how = _factor(unit)
    if kind_of(field.type).amount:
        numbers = _numbers(values)
        return numbers * factor, np.zeros(len(numbers), dtype=bool), how
    written = texts(values).to_pylist()
    found = np.full(len(written), np.nan)
    bad = np.zeros(len(written), dtype=bool)
    said = np.full(len(written), "", dtype="U1")
    sexagesimal = np.zeros(len(written), dtype=bool)
    for row, text in enumerate(written):
        if text is None or not text.strip():
            continue
        try:
            found[row] = float(text)
        except ValueError:
            angle = _sexagesimal(text)
            bad[row] = angle is None or (angle[1] == "h" and not longitude)
            if angle is not None and not bad[row]:
                sexagesimal[row], (found[row], said[row]) = True, angle
    if not sexagesimal.any():
        return found * factor, bad, how
    silent = sexagesimal & (said == "")
    in_hours = hours and unit not in _DEGREES and not np.nanmax(np.abs(found[silent]), initial=0) >= 24
    in_hours |= hours and unit in _HOURS
    scale = np.where(silent, 15.0 if in_hours else 1.0, factor)
    scale = np.where(said == "h", 15.0, np.where(said == "d", 1.0, scale))
    by_hours = longitude and (in_hours if silent.any() else "h" in said)
    return found * scale, bad, "read as hours, minutes and seconds" if by_hours else "read as sexagesimal"


def _unit_in(column: str) -> str:
    """Unit that the name of a column gives, such as ``RA (hours)`` and ``ra_rad``."""
    found = re.search(r"[(\[]\s*([A-Za-z:]+)\s*[)\]]", column)
    if found is None and _plain(column) in ("rarad", "decrad"):
        return "rad"
    return found[1].lower() if found else ""


def _factor(unit: str) -> tuple[float, str]:
    """Degrees in a unit, and what is said of it."""
    if not unit or unit in _DEGREES:
        return 1.0, ""
    if unit in _HOURS:
        return 15.0, "read as hours"
    from astropy.units import Unit, deg

    try:
        factor = float(Unit(unit).to(deg))
        return (15.0, "read as hours") if abs(factor - 15) < 1e-12 else (factor, f"read as {unit}")
    except (ValueError, TypeError):
        return 1.0, ""


def _sexagesimal(text: str) -> tuple[float, str] | None:
    """Value of whole, sixtieths and their sixtieths, and ``h``, ``d`` or nothing of hours or degrees that it says.

    None of a text that is not such a number.
    """
    match = _SEXAGESIMAL.fullmatch(text)
    if match is None:
        return None
    whole, minutes, seconds = (
        float((part or "0").replace(",", "."))
        for part in (match["whole"] or match["alone"], *match.group("minutes", "seconds"))
    )
    in_parts = match["seconds"] or not match["letter"]
    if minutes >= 60 or seconds > 60 or (in_parts and not (match["minutes"] or "0").isdigit()):
        return None
    value = whole + (minutes + seconds / 60) / 60
    said = (match["letter"] or match["unit"] or "").lower()
    return -value if match["sign"] in ("-", "\u2212") else value, {"h": "h", ":": "", "": ""}.get(said, "d")


def _separation(first: Positions, second: Positions) -> NDArray[np.float64]:
    """Angles in degrees between the positions of two pairs, NaN where one has none."""
    (ra, dec), (other_ra, other_dec) = (np.deg2rad([each.ra_deg, each.dec_deg]) for each in (first, second))
    half = np.sin((dec - other_dec) / 2) ** 2 + np.cos(dec) * np.cos(other_dec) * np.sin((ra - other_ra) / 2) ** 2
    return np.asarray(np.rad2deg(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))))


def _icrs(ra: NDArray[np.float64], dec: NDArray[np.float64], frame: str) -> tuple[Any, Any]:
    from astropy.coordinates import SkyCoord

    known = np.isfinite(ra)
    out = np.full((2, len(ra)), np.nan)
    place = SkyCoord(ra[known], dec[known], unit="deg", frame=_frame(frame)).icrs
    out[:, known] = place.ra.deg, place.dec.deg
    return out[0], out[1]


def _frame(text: str) -> Any:
    """Astropy's frame of what a file declares, such as ``eq_FK5 J2000 epoch J1991.25``; None of one that is not known.

    The epoch is when the objects were there, and changes no axis.
    """
    from astropy.coordinates import FK4, FK5, ICRS, BarycentricMeanEcliptic, Galactic, Supergalactic

    system, _, rest = text.partition(" ")
    found = re.match(r"([JB]?\d{4}(?:\.\d*)?)", rest)
    year = found[1] if found else ""
    known: dict[str, Callable[[], Any]] = {
        "icrs": ICRS,
        "fk5": lambda: FK5(equinox=_dated(year or "J2000", "J")),
        "fk4": lambda: FK4(equinox=_dated(year or "B1950", "B")),
        "ecl_fk5": lambda: BarycentricMeanEcliptic(equinox=_dated(year or "J2000", "J")),
        "galactic": Galactic,
        "supergalactic": Supergalactic,
    }
    make = known.get(system.lower().removeprefix("eq_"))
    return make and make()


def _dated(year: str, letter: str) -> str:
    return year if year[0] in "JB" else letter + year
