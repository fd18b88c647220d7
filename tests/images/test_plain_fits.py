"""FITS files with a tidy header are parsed in one pass: what comes out is what astropy reads."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from lse.images.formats import Extensions, SourceImage, read_image
from lse.images.formats.fits_plain import plain_image

BY_ASTROPY = Extensions(images=(0,))  # whatever names an extension is read by astropy


def content_of(data: np.ndarray, *cards: str) -> bytes:
    """File with further cards, written as they are."""
    buffer = io.BytesIO()
    fits.PrimaryHDU(data).writeto(buffer)
    content = buffer.getvalue()
    last = content.index(b"END".ljust(80))
    header = content[:last] + b"".join(card.ljust(80).encode("latin-1") for card in (*cards, "END"))
    return header.ljust(-(-len(header) // 2880) * 2880) + content[-(-(last + 80) // 2880) * 2880 :]


def check_alike(content: bytes) -> SourceImage:
    found, expected = read_image(content), read_image(content, extensions=BY_ASTROPY)
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert found.pixels.dtype == expected.pixels.dtype
    assert list(found.metadata) == list(expected.metadata)
    for key, value in expected.metadata.items():
        # Positions agree to the last digits of a double, what is a difference of positions to fewer.
        close = {"ra_deg": 1e-11, "dec_deg": 1e-11, "pixel_scale_arcsec": 1e-6, "orientation_deg": 1e-5}.get(key)
        assert found.metadata[key] == (value if close is None else pytest.approx(value, abs=close)), key
    assert (found.units, found.channels) == (expected.units, expected.channels)
    assert (found.sky is None) == (expected.sky is None)
    return found


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "f4", "f8", "u2", "u4"])
def test_every_type_of_pixels(dtype: str) -> None:
    data = (np.arange(20 * 30).reshape(20, 30) * 7919 % 251).astype(dtype)
    content = content_of(data)
    assert plain_image(content) is not None
    check_alike(content)


TIDY = (
    "TEXT    = 'it is'              / a text",
    "EMPTY   = ''",
    "BLANKS  = '   '  / spaces",
    "SPACED  = '  a b  '",
    "TRUE    =                    T / yes",
    "FALSE   = F",
    "WHOLE   =                  -42 / [pixel] a number",
    "LEADING =                 0266",
    "LARGE   = 9235717715756010375 / beyond int64",
    "REAL    =            1.5E-03 / [Jy/beam] flux",
    "DOUBLE  =              2.D+3 / [no unit of FITS] x",
    "POINT   = .5",
    "NOVALUE =                      / nothing",
    "NOVALUE2=",
    "REAL    =                  9.0 / again",
    "RA      =           12.5 / [h] hours",
    "DEC     = '-00:30:00'",
    "COMMENT it's a \t comment = 'no value",
    "HISTORY of it",
    "        and a blank keyword",
)


def test_every_tidy_card() -> None:
    content = content_of(np.eye(8, dtype=np.float32), *TIDY)
    assert plain_image(content) is not None
    image = check_alike(content)
    assert image.metadata["header.large"] == 9235717715756010375
    assert image.units["header.real"] == "Jy beam-1"


@pytest.mark.parametrize(
    "card",
    [
        "LONG    = 'goes on &'",
        "QUOTE   = 'it''s'",
        "HIERARCH ESO DET CHIPS = 1",
        "COMPLEX = (1.0, 2.0)",
        "lower   = 1",
        "WEIRD   = abc",
        "NOSPACE =5",
        "HUGE    = 1.0E999",
        "ACCENT  = 'é'",
        "BLANK   = -5.5",
        "BSCALE  = T",
        "GROUPS  = T",
    ],
)
def test_what_leaves_something_to_decide_is_read_by_astropy(card: str) -> None:
    content = content_of(np.eye(8, dtype=np.int16), card)
    assert plain_image(content) is None


def test_other_files_are_read_by_astropy() -> None:
    data = np.eye(8, dtype=np.int16)
    content = content_of(data)
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(data), fits.ImageHDU(data)]).writeto(buffer)
    for other in (content[:-1], content[:4000], content[:100], content + b"\0", buffer.getvalue(), b"SIMPLE"):
        assert plain_image(other) is None
    for shape in ((3, 8, 8), (8,), (1, 1), (2, 2, 8, 8)):
        assert plain_image(content_of(np.zeros(shape, np.float32))) is None
    assert plain_image(content_of(np.zeros((1, 1, 8, 8), np.float32))) is not None


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1e-4, "CD2_2": 1e-4, "CD1_2": 1e-5},
        {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CDELT1": 1e-4, "CDELT2": 1e-4},
        {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CDELT1": -1e-3, "CDELT2": 1e-3},
        {
            "CTYPE1": "RA---SIN",
            "CTYPE2": "DEC--SIN",
            "CDELT1": -1e-3,
            "CDELT2": 1e-3,
            "RADESYS": "FK4",
            "EQUINOX": 1950.0,
        },
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -1e-3, "CDELT2": 1e-3, "CUNIT1": "degree"},
        {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CD1_1": -1e-4, "CD2_2": 1e-4, "A_ORDER": 2, "A_2_0": 1e-6}
        | {"B_ORDER": 2, "B_0_2": 1e-6},
    ],
)
def test_positions(cards: dict[str, Any]) -> None:
    values = {"CRVAL1": 15.0, "CRVAL2": 20.0, "CRPIX1": 4.0, "CRPIX2": 3.0, **cards}
    texts = [f"{key:<8}= {repr(value) if isinstance(value, str) else value}" for key, value in values.items()]
    image = check_alike(content_of(np.eye(8, dtype=np.float32), *texts))
    assert "ra_deg" in image.metadata


def test_all_real_files(test_data: Path) -> None:
    plain = 0
    for path in sorted(test_data.rglob("*.fits*")):
        content = path.read_bytes()
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        if plain_image(content) is None:
            continue
        plain += 1
        check_alike(content)
    assert plain > 100
