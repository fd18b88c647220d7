"""Positions as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse_dashboard.data.sky import archive_links, declination_text, right_ascension_text


@pytest.mark.parametrize(
    ("degrees", "text"),
    [(83.6331, "05h 34m 31.94s"), (0.0, "00h 00m 00.00s"), (359.9999999, "00h 00m 00.00s"), (-15.0, "23h 00m 00.00s")],
)
def test_right_ascension(degrees: float, text: str) -> None:
    assert right_ascension_text(degrees) == text


@pytest.mark.parametrize(
    ("degrees", "text"),
    [(22.0145, "+22° 00′ 52.2″"), (-0.5, "−00° 30′ 00.0″"), (-5.99999999, "−06° 00′ 00.0″"), (90.0, "+90° 00′ 00.0″")],
)
def test_declination(degrees: float, text: str) -> None:
    assert declination_text(degrees) == text


@given(st.floats(-90, 90))
def test_declination_reads_back(degrees: float) -> None:
    sign, text = declination_text(degrees)[0], declination_text(degrees)[1:]
    whole, minutes, seconds = (
        float(part.strip(" ")) for part in text.replace("°", ";").replace("′", ";").rstrip("″").split(";")
    )
    assert minutes < 60
    assert seconds < 60
    assert (-1 if sign == "−" else 1) * (whole + minutes / 60 + seconds / 3600) == pytest.approx(degrees, abs=2e-5)


def test_archives_are_asked_for_the_position() -> None:
    links = dict(archive_links(202.469575, -47.1952583))
    assert set(links) == {"SIMBAD", "NED", "Aladin Lite", "ESASky"}
    assert "Coord=202.469575%20-47.195258&" in links["SIMBAD"]
    assert "ra=202.469575d&dec=-47.195258d&" in links["NED"]
    assert "target=202.469575%20-47.195258&" in links["ESASky"]
    # A plus sign would be a space to them.
    assert all("+" not in url and "%2B5.000000" in url for url in dict(archive_links(0.0, 5.0)).values())
