"""Units in the words of each format."""

from __future__ import annotations

from functools import lru_cache

from lse.columns import ColumnMeaning

__all__ = ["described", "unit_in"]


@lru_cache(maxsize=512)
def unit_in(form: str, unit: str) -> str:
    """Unit as a format writes it (``fits`` or ``vounit``); empty of one that it has no word for."""
    from astropy.units import Unit

    for known in ("fits", "vounit", "cds", "generic"):
        try:
            return str(Unit(unit, format=known, parse_strict="raise").to_string(form)) if unit else ""
        except (ValueError, TypeError):
            continue
    return ""


def described(meaning: ColumnMeaning, unit: str) -> str:
    """Description of a column, which names the unit where the format has no word for it."""
    return f"{meaning.description} In {meaning.unit}.".strip() if meaning.unit and not unit else meaning.description
