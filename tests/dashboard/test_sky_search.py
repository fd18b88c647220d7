"""Positions that are typed into the explorer, and the images near them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from lse_dashboard.data.images import ImageIndex
from lse_dashboard.data.ordering import rows_meant
from lse_dashboard.data.sky_search import cone_meant, rows_within


@given(
    st.floats(0, 359.999),
    st.floats(-89.99, 89.99),
    st.sampled_from([":", " ", "hmsdms"]),
    st.sampled_from([("", 60), (" 3 arcsec", 3), (', 2.5"', 2.5), (" within 0.1 deg", 360), (" 2'", 120)]),
)
def test_astropy_s_spellings_are_read(ra: float, dec: float, form: str, radius: tuple[str, float]) -> None:
    place = SkyCoord(ra, dec, unit="deg")
    how = {} if form == "hmsdms" else {"sep": form}
    for text in (place.to_string("hmsdms", precision=6, **how), f"{ra:.9f}, {dec:+.9f}"):
        cone = cone_meant(text + radius[0])
        assert cone is not None
        assert cone.centre.separation(place).arcsec < 1e-4
        assert cone.radius * 3600 == pytest.approx(radius[1])


@pytest.mark.parametrize(
    "text",
    [
        "NGC 4486",
        "J0013+0951",
        "redshift > 0.5",
        "12:61:00 +5:00:00",
        "10 95",
        "400 5",
        "-3 5",
        "24:10:00 5:0:0",
        "a 1",
    ],
)
def test_what_is_no_position_is_none(text: str) -> None:
    assert cone_meant(text) is None


def test_images_within_the_circle_are_found_across_the_meridian_and_at_the_pole() -> None:
    table = pa.table(
        {
            "row": [4, 0, 1, 2, 3, -1],
            "ra_deg": [359.999, 0.001, 0.1, None, 180.0, 0.0],
            "dec_deg": [0.0, 0.0, 0.0, None, 89.9995, 0.0],
        }
    )
    near = cone_meant("0:0:0 -0:0:0 10 arcsec")
    polar = cone_meant("0 90 3 arcsec")
    assert near is not None
    assert polar is not None
    np.testing.assert_array_equal(rows_within(near, table), [0, 4])
    np.testing.assert_array_equal(rows_within(polar, table), [3])


def test_numbers_that_are_names_mean_the_images_called_so() -> None:
    places = pa.table({"row": [0, 1, 2], "ra_deg": [90.0, 91.0, 5.0], "dec_deg": [0.0, 0.0, 17.0]})
    client: Any = SimpleNamespace(datasets=SimpleNamespace(table=lambda *_, **__: places))
    named = ImageIndex(np.arange(3), pa.chunked_array([["5", "17", "galaxy"]]))
    others = ImageIndex(np.arange(3), pa.chunked_array([["a", "b", "galaxy"]]))
    np.testing.assert_array_equal(rows_meant(client, "d", named, "5 17"), [0, 1])
    np.testing.assert_array_equal(rows_meant(client, "d", others, "5 17"), [2])
