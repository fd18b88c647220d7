"""The image as its file has it: limits, directions, scale and header, and what is too large to be drawn."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.visualization import ZScaleInterval
from astropy.wcs import WCS

from lse.client.resources import OriginalImage
from lse.client.resources.originals import OriginalHeader
from lse.errors import InvalidArgumentError
from lse_dashboard.data.original import original_of, sky_text
from lse_dashboard.state.background import immediately
from lse_dashboard.state.original import OriginalQuestion


def image_of(pixels: np.ndarray, wcs: WCS | None = None, **metadata: object) -> OriginalImage:
    buffer = io.BytesIO()
    if wcs is not None:
        fits.PrimaryHDU(np.zeros((1, 1)), wcs.to_header()).writeto(buffer)
    header: dict[str, Any] = {"channels": ("g", "r")[: len(pixels)], "dtype": str(pixels.dtype), "unit": "Jy"}
    header |= {"source": "a.fits", "height": pixels.shape[1], "width": pixels.shape[2]}
    return OriginalImage(
        header=OriginalHeader(**header, wcs_file=buffer.getvalue(), metadata=dict(metadata)), pixels=pixels
    )


@pytest.fixture
def pixels() -> np.ndarray:
    found = np.random.default_rng(1).normal(10, 2, size=(2, 30, 40)).astype(np.float32)
    found[0, 0, 0] = np.nan
    found[1] = 5
    return found


def test_limits_are_those_of_the_valid_pixels(pixels: np.ndarray) -> None:
    found = original_of(image_of(pixels), {})
    valid = pixels[0][np.isfinite(pixels[0])]
    assert found.limits["minmax"][0] == (valid.min(), valid.max())
    assert found.limits["98"][0] == pytest.approx(tuple(np.percentile(valid, [1, 99])))
    assert found.limits["zscale"][0] == pytest.approx(tuple(ZScaleInterval().get_limits(valid)))
    assert found.limits["minmax"][1] == (5, 6)  # of a channel without any range
    assert (found.north, found.east, found.arcsec, found.used) == (None, None, 0, None)
    assert sky_text(found.image, 0, 0) == ""


def test_north_and_east_are_those_of_the_sky(pixels: np.ndarray) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [20.5, 15.5]
    # North is 30 degrees to the left of up, and east to the left of that, as on the sky.
    turn, scale = np.deg2rad(30), 0.5 / 3600
    wcs.wcs.cd = scale * np.array([[-np.cos(turn), -np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    facts = {"used left": 4, "used top": 2.0, "used width": 24, "used height": 24}
    found = original_of(image_of(pixels, wcs, format="FITS", **{"header.crval1": 150.123456789012}), facts)
    assert found.arcsec == pytest.approx(0.5, rel=1e-6)
    assert found.north == pytest.approx((-0.5, -np.sqrt(0.75)), abs=1e-4)
    assert found.east == pytest.approx((-np.sqrt(0.75), 0.5), abs=1e-4)
    assert found.used == (4, 2, 24, 24)
    assert found.cards["CRVAL1"] == "150.123456789012"
    assert "150.000000000° +2.000000000° ICRS" in sky_text(found.image, 14.5, 19.5)


def test_an_image_that_is_too_large_is_refused_in_a_sentence() -> None:
    image: Any = SimpleNamespace(pixels=SimpleNamespace(size=17 << 20))
    details: Any = SimpleNamespace(name="big", preparation=())
    navigation: Any = SimpleNamespace(
        place=SimpleNamespace(project="p", dataset=SimpleNamespace(id="d")), details=details
    )
    datasets = SimpleNamespace(original=lambda *_: image)
    library: Any = SimpleNamespace(client=lambda _: SimpleNamespace(datasets=datasets))
    question = OriginalQuestion(library, immediately, navigation)
    question.open()
    assert question.title == "big, as its file has it"
    assert "17,825,792 pixel values" in question.problem
    with pytest.raises(InvalidArgumentError):
        original_of(image, {})
