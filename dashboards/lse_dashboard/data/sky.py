"""Positions on the sky as people write them."""

from __future__ import annotations

__all__ = ["declination_text", "right_ascension_text"]


def right_ascension_text(degrees: float) -> str:
    """Right ascension in hours, minutes and seconds, such as ``05h 34m 31.94s``."""
    # Rounded once, in the smallest unit, so that 59.999 s never shows as 60 s.
    hundredths = round((degrees % 360.0) / 15.0 * 360_000) % (24 * 360_000)
    seconds, hundredths = divmod(hundredths, 100)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}h {minutes:02d}m {seconds:02d}.{hundredths:02d}s"


def declination_text(degrees: float) -> str:
    """Declination in degrees, minutes and seconds of arc with its sign, such as ``−05° 23′ 28.0″``."""
    tenths = round(abs(degrees) * 36_000)
    seconds, tenths = divmod(tenths, 10)
    minutes, seconds = divmod(seconds, 60)
    whole, minutes = divmod(minutes, 60)
    sign = "−" if degrees < 0 else "+"
    return f"{sign}{whole:02d}° {minutes:02d}′ {seconds:02d}.{tenths}″"
