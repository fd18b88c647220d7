"""Values as text: as people read them, and as requests carry parameters."""

from __future__ import annotations

import math
from datetime import datetime

__all__ = ["MISSING", "counted", "parameter_text", "value_text"]

MISSING = "–"


def counted(count: int, one: str, many: str = "") -> str:
    """A number with what it counts: of several ``many``, by default what there is one of with an s.

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image"), counted(2, "image was", "images were")
    ('1 image', '1,200 images', '2 images were')
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def value_text(value: object, *, digits: int = 4, grouped: bool = False) -> str:
    """A single value as text.

    Parameters
    ----------
    value
        Truth value, number, time or text; None, NaN and infinity are missing.
    digits
        Significant digits of real numbers.
    grouped
        Whether thousands of whole numbers are set apart: for counts, not for identifiers.

    Examples
    --------
    >>> value_text(0.123456), value_text(1234567, grouped=True), value_text(True), value_text(float("nan"))
    ('0.1235', '1,234,567', 'yes', '–')
    """
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if grouped else str(value)
    if isinstance(value, float):
        return f"{value:.{digits}g}" if math.isfinite(value) else MISSING
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return str(value).strip()


def parameter_text(value: object) -> str:
    """Value of a parameter as text, from which it can be read again.

    Examples
    --------
    >>> parameter_text(0.5), parameter_text(True), parameter_text(None)
    ('0.5', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
