"""Background, sources in the middle, limits by the noise, and a stretch for each channel."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.modeling.models import Gaussian2D
from astropy.stats import sigma_clipped_stats
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError
from lse.images.file_preparation import Prepared, prepare_file
from lse.images.formats import SourceImage
from lse.images.recipe import RejectedImageError, load_recipe, prepare_image, stretch_image
from lse.images.sources import Source
from lse.images.trace import trace_file

ROWS, COLUMNS = np.indices((120, 100))


def image(*channels: np.ndarray) -> SourceImage:
    names = tuple(f"plane{index}" for index in range(len(channels)))
    return SourceImage(pixels=np.stack(channels).astype(np.float32), channels=names, metadata={})


def source(column: float, row: float, height: float = 60.0, width: float = 3.0) -> np.ndarray:
    return np.asarray(Gaussian2D(height, column, row, width, width)(COLUMNS, ROWS))


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=ROWS.shape)


@pytest.mark.parametrize("pedestal", [0.0, 1e4])
def test_the_level_of_the_sky_is_taken_away(pedestal: float) -> None:
    sky = noise() + pedestal
    pixels = image(sky + source(50, 60), 2 * sky + source(50, 60))
    found = stretch_image(pixels, load_recipe({"background": "median", "fit": "pad"}))
    for channel, level in zip(pixels.pixels, found.background, strict=True):
        assert level == pytest.approx(sigma_clipped_stats(channel, sigma=3, maxiters=10)[1], abs=1e-3)
    plain = stretch_image(pixels, load_recipe({"fit": "pad"}))
    assert np.array(plain.low) - found.low == pytest.approx(np.array(found.background), rel=1e-5, abs=1e-3)
    assert plain.background == ()


def test_a_gradient_is_taken_away_and_the_source_stays() -> None:
    slope = 0.3 * COLUMNS - 0.2 * ROWS + 40
    pixels = image(noise() + slope + source(30, 40))
    pixels.pixels[0, :5] = np.nan
    recipe = load_recipe({"background": "plane", "fit": "pad", "stretch": {"kind": "linear", "limits": "minmax"}})
    found = stretch_image(pixels, recipe)
    assert found.background[0] == pytest.approx(slope.mean(), abs=0.2)
    values = found.scaled[0, :, 10:110] * (found.high[0] - found.low[0]) + found.low[0]
    truth = noise() + source(30, 40)
    assert np.abs(values[5:] - truth[5:]).max() < 0.3
    assert np.isnan(values[:5]).all()


@settings(max_examples=20)
@given(column=st.integers(25, 75), row=st.integers(25, 95), seed=st.integers(0, 99))
def test_the_square_lies_around_the_source(column: int, row: int, seed: int) -> None:
    pixels = image(noise(seed) + source(column, row), noise(seed + 1) + source(column, row))
    found = stretch_image(pixels, load_recipe({"crop": 32, "centre": "source"}))
    assert found.scaled.shape == (2, 32, 32)
    middle = found.used_left + 15.5, found.used_top + 15.5
    assert middle == (pytest.approx(column, abs=1.5), pytest.approx(row, abs=1.5))


def test_the_nearest_of_several_sources_and_the_middle_where_there_is_none() -> None:
    recipe = load_recipe({"crop": 32, "centre": "source"})
    crowded = image(noise() + source(40, 70) + source(80, 20, height=500))
    found = stretch_image(crowded, recipe)
    assert (found.used_left, found.used_top) == (pytest.approx(40 - 15.5, abs=1), pytest.approx(70 - 15.5, abs=1))
    middle = stretch_image(image(noise()), load_recipe({"crop": 32}))
    empty = stretch_image(image(noise()), recipe)
    assert (empty.used_left, empty.used_top) == (middle.used_left, middle.used_top) == (34, 44)
    edge = stretch_image(image(noise() + source(2, 117)), recipe)
    assert (edge.used_left, edge.used_top) == (0, 88)


def test_the_position_is_that_of_the_square(tmp_path: Path) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.0, 2.0], [50.5, 60.5]
    wcs.wcs.cdelt = [-1e-4, 1e-4]
    hdu = fits.PrimaryHDU((noise() + source(30, 80)).astype(np.float32), wcs.to_header())
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    (tmp_path / "a.fits").write_bytes(buffer.getvalue())
    file = Source(path=tmp_path / "a.fits", name="a", relative="a.fits")
    recipe = load_recipe({"crop": 33, "centre": "source", "background": "median", "size": 33})
    prepared = prepare_file(file, recipe)
    assert isinstance(prepared, Prepared)
    left, bottom = prepared.image.used_left, 120 - prepared.image.used_top - 33
    truth = wcs.pixel_to_world(left + 16, bottom + 16)
    assert prepared.metadata["ra_deg"] == pytest.approx(truth.ra.deg, abs=1e-9)
    assert prepared.metadata["dec_deg"] == pytest.approx(truth.dec.deg, abs=1e-9)
    assert (left + 16, bottom + 16) == (pytest.approx(30, abs=1), pytest.approx(80, abs=1))
    names = [step.name for step in trace_file(file, recipe).steps]
    assert names[3:6] == ["crop", "background", "limits"]


def test_limits_by_the_noise() -> None:
    pixels = image(5 * noise() + 100 + source(50, 60))
    _, median, spread = sigma_clipped_stats(pixels.pixels, sigma=3, maxiters=10)
    found = prepare_image(pixels, load_recipe({"stretch": {"kind": "linear", "limits": "sigma"}, "fit": "pad"}))
    assert found.low[0] == pytest.approx(median - 3 * spread, rel=1e-5)
    assert found.high[0] == pytest.approx(median + 10 * spread, rel=1e-5)


def test_a_stretch_for_each_channel() -> None:
    one = {"kind": "asinh", "softening": 0.05}
    recipe = load_recipe({"stretch": [one, "sqrt"], "normalisation": "none", "fit": "squeeze"})
    assert load_recipe(recipe.to_yaml()) == recipe
    pixels = image(noise() + source(50, 60), noise(1) + source(50, 60))
    together = prepare_image(pixels, recipe)
    for channel, stretch in enumerate((one, "sqrt")):
        alone = prepare_image(
            image(pixels.pixels[channel]),
            recipe.model_copy(update={"stretch": load_recipe({"stretch": stretch}).stretch}),
        )
        assert (together.tensor[channel] == alone.tensor[0]).all()
        assert (together.low[channel], together.high[channel]) == (alone.low[0], alone.high[0])
    with pytest.raises(RejectedImageError, match="has 3 channels and the recipe lists 2 stretches"):
        prepare_image(image(noise(), noise(1), noise(2)), recipe)
    with pytest.raises(InvalidArgumentError, match="2 are listed for 3 channels"):
        load_recipe({"channels": "rgb", "stretch": ["linear", "linear"]})
