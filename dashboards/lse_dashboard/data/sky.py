"""Positions on the sky as people write them."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["archive_links", "declination_text", "right_ascension_text"]


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


def archive_links(ra_deg: float, dec_deg: float) -> tuple[tuple[str, str], ...]:
    """Names and URLs of pages of public archives about a position (ICRS, degrees).

    SIMBAD and NED search within 10 arcsec; Aladin Lite and ESASky show a field of 0.05 degrees.
    """
    ra, dec = f"{ra_deg:.6f}", f"{dec_deg:+.6f}"
    position = quote(f"{ra} {dec}")
    ned = "https://ned.ipac.caltech.edu/conesearch?search_type=Near%20Position%20Search&in_csys=Equatorial"
    return (
        (
            "SIMBAD",
            f"https://simbad.cds.unistra.fr/simbad/sim-coo?Coord={position}&CooFrame=ICRS&Radius=10&Radius.unit=arcsec",
        ),
        ("NED", f"{ned}&in_equinox=J2000&ra={ra}d&dec={quote(dec)}d&radius=0.1667"),
        ("Aladin Lite", f"https://aladin.cds.unistra.fr/AladinLite/?target={position}&fov=0.05"),
        ("ESASky", f"https://sky.esa.int/esasky/?target={position}&fov=0.05&cooframe=J2000&sci=true"),
    )
