"""World coordinates of plain headers without wcslib: always the place that astropy gives."""

from __future__ import annotations

import math
import random
import warnings

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from lse.images.plain_sky import plain_sky

PIXEL = (37.25, -12.5)  # the first of a file is (1, 1)
PLAIN = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.1,
    "CRVAL2": -2.2,
    "CRPIX1": 30.0,
    "CRPIX2": 5.0,
    "CDELT1": -1e-4,
    "CDELT2": 1e-4,
}


def random_header(chance: random.Random) -> dict[str, object]:
    """Cards of a plain header, some of them left out."""
    kind, step = chance.choice(["TAN", "SIN"]), 10 ** chance.uniform(-5, -2)
    place = [chance.uniform(0, 360), chance.choice([chance.uniform(-89, 89), 0.0, 89.9999])]
    types = [f"RA---{kind}", f"DEC--{kind}"]
    if chance.random() < 0.4:
        place, types = place[::-1], types[::-1]
    cards: dict[str, object] = dict(zip(("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2"), (*types, *place), strict=True))
    if chance.random() < 0.9:
        cards |= {"CRPIX1": chance.uniform(-2000, 2000), "CRPIX2": chance.uniform(-2000, 2000)}
    matrix = chance.choice(["CD", "PC", ""])
    if matrix != "CD":
        cards |= {"CDELT1": -step, "CDELT2": step * chance.uniform(0.5, 2)}
    turn, size = chance.uniform(0, 2 * math.pi), step if matrix == "CD" else 1.0
    values = (math.cos(turn), -math.sin(turn), math.sin(turn) * 0.9, math.cos(turn))
    if matrix:
        names = (f"{matrix}{row}_{column}" for row in (1, 2) for column in (1, 2))
        cards |= {name: value * size for name, value in zip(names, values, strict=True) if chance.random() < 0.9}
    cards |= chance.choice(
        [
            {},
            {"RADESYS": "ICRS"},
            {"RADESYS": "FK5", "EQUINOX": 1975.0},
            {"EQUINOX": 2000},
            {"RADESYS": "FK5"},
            {"WCSAXES": 2, "LONPOLE": 180.0, "LATPOLE": 12.0},
            {"CUNIT1": "deg", "CUNIT2": "deg"},
            {"CROTA1": 0.0, "CROTA2": 0},
        ]
    )
    return cards


def test_every_plain_header_gives_the_place_of_astropy() -> None:
    chance = random.Random(11)
    compared = 0
    for _ in range(600):
        cards = random_header(chance)
        sky = plain_sky(cards)
        if sky is None:  # such as one of a matrix without inverse
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what astropy says of headers is not compared
            expected = WCS(fits.Header(cards)).pixel_to_world(PIXEL[0] - 1, PIXEL[1] - 1)
        found = sky.at(*PIXEL)
        if not found:
            assert not np.isfinite(expected.icrs.ra.deg)
            continue
        compared += 1
        east = math.remainder(found["ra_deg"] - expected.icrs.ra.deg, 360) * math.cos(expected.icrs.dec.rad)
        assert abs(east) < 1e-10, cards
        assert abs(found["dec_deg"] - expected.icrs.dec.deg) < 1e-10, cards
    assert compared > 500


@pytest.mark.parametrize(
    "card",
    [
        {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"},
        {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
        {"CTYPE2": "DEC--SIN"},
        {"CRVAL1": "N/A"},
        {"CRVAL2": 95.0},
        {"CRVAL2": 90.0},
        {"CDELT1": 0.0},
        {"CDELT1": True},
        {"CROTA2": 12.0},
        {"CUNIT1": "arcsec"},
        {"LONPOLE": 0.0},
        {"PV2_1": 0.1},
        {"PV1_1": 1.0},
        {"A_ORDER": 2},
        {"CD1_1": 1e-4, "PC1_1": 1.0},
        {"CD1_3": 1e-4},
        {"PC001001": 1.0},
        {"RADESYS": "FK4"},
        {"EQUINOX": 1950.0},
        {"EPOCH": 1950.0},
        {"RADESYS": "GAPPT"},
        {"CPDIS1": "LOOKUP"},
    ],
)
def test_what_needs_more_is_left_to_wcslib(card: dict[str, object]) -> None:
    assert plain_sky(PLAIN) is not None
    assert plain_sky({**PLAIN, **card}) is None


def test_the_wcs_of_a_plain_header_is_that_of_astropy() -> None:
    sky = plain_sky(PLAIN)
    assert sky is not None
    written, expected = sky.astropy_wcs(), WCS(fits.Header(PLAIN))
    np.testing.assert_allclose(
        written.all_pix2world([PIXEL], 1), expected.all_pix2world([PIXEL], 1), rtol=0, atol=1e-12
    )
    assert sky.to_fits().startswith(b"SIMPLE")
