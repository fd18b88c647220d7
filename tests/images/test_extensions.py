"""Which image of a FITS file is read, its bands and its mask."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lse.errors import InvalidArgumentError
from lse.images.file_preparation import Prepared, prepare_file
from lse.images.formats import Extensions, ReadError, read_image
from lse.images.recipe import load_recipe
from lse.images.sources import find_sources

SHAPE = (9, 12)


def plane(seed: int, dtype: str = "f4") -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=SHAPE) * 50).astype(dtype)


def written(*extensions: tuple[str, Any], **cards: Any) -> bytes:
    """File with an empty primary HDU and these extensions."""
    hdus = [fits.PrimaryHDU()]
    for name, data in extensions:
        hdus.append(fits.ImageHDU(data, fits.Header(cards), name=name, ver=sum(hdu.name == name for hdu in hdus) + 1))
    buffer = io.BytesIO()
    fits.HDUList(hdus).writeto(buffer)
    return buffer.getvalue()


def assert_shows(content: bytes, *planes: np.ndarray, choice: Extensions | None = None) -> Any:
    image = read_image(content, extensions=choice)
    np.testing.assert_array_equal(image.pixels, np.stack([each[::-1] for each in planes]))
    return image


FLAGS = np.zeros(SHAPE, np.int16)
FLAGS[2, 3], FLAGS[4, 5] = 1, 4


@pytest.mark.parametrize("name", ["DQ", "ERR", "WHT", "VAR_POISSON", "sci_mask", "IVAR", "WEIGHT-MAP", "BPM"])
def test_a_companion_that_comes_first_is_not_the_image(name: str) -> None:
    image = assert_shows(written((name, plane(1)), ("SCI", plane(2))), plane(2))
    assert (image.metadata["hdu"], image.metadata["not_read"]) == (2, name.upper())
    assert_shows(written((name, plane(1))), plane(1))  # a file of weights alone shows them


def test_an_extension_called_sci_is_the_image_before_one_without_a_name() -> None:
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(FLAGS), fits.ImageHDU(plane(2), name="SCI")]).writeto(buffer)
    image = assert_shows(buffer.getvalue(), plane(2))
    assert image.metadata["not_read"] == "PRIMARY"


def test_companions_by_the_words_of_eso() -> None:
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(plane(1), name="A"), fits.ImageHDU(plane(2), name="B")])
    hdus[1].header["HDUCLAS2"] = "ERROR"
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    assert_shows(buffer.getvalue(), plane(2))


@pytest.mark.parametrize("names", [("G", "R", "I"), ("HSC-g", "HSC-r", "HSC-i"), ("F606W", "F814W", "NUV")])
def test_bands_in_extensions_are_channels(names: tuple[str, ...]) -> None:
    planes = [plane(seed) for seed in range(3)]
    image = assert_shows(written(*zip(names, planes, strict=True), ("DQ", FLAGS)), *planes)
    assert image.channels == tuple(name.upper() for name in names)
    assert image.metadata["not_read"] == "DQ"


def test_other_extensions_are_said_and_can_be_chosen() -> None:
    content = written(
        ("ORIGINAL", plane(0)), ("MODEL", plane(1)), ("RESIDUAL", plane(2)), ("SCI", plane(3)), ("SCI", plane(4))
    )
    assert assert_shows(content, plane(0)).metadata["not_read"] == "MODEL, RESIDUAL, SCI, SCI"
    for hdu, seeds in {
        2: [1],
        "model": [1],
        "RES*": [2],
        "SCI": [3],
        "SCI,2": [4],
        "SCI*": [3, 4],
        ("RESIDUAL", 1): [2, 0],
    }.items():
        recipe = load_recipe({"hdu": list(hdu) if isinstance(hdu, tuple) else hdu})
        assert_shows(content, *(plane(seed) for seed in seeds), choice=recipe.extensions)
    for wrong in (0, 9, "nothing", "SCI,3", "X*"):
        with pytest.raises(ReadError, match="no image extension") as caught:
            read_image(content, extensions=Extensions(images=(wrong,)))
        assert caught.value.reason == "EXTENSION_MISSING"
    with pytest.raises(ReadError, match="different sizes"):
        read_image(written(("G", plane(0)), ("R", plane(0)[:5])), extensions=Extensions(images=("G", "R")))


@pytest.mark.parametrize(
    ("mask", "bad"),
    [
        ("DQ", FLAGS != 0),
        ({"hdu": "DQ", "bits": [2]}, FLAGS == 4),
        ({"hdu": 2, "bits": [0, 2]}, FLAGS != 0),
        ({"hdu": "DQ", "bits": [5]}, FLAGS < 0),
        ({"hdu": "DQ", "bad": "zero"}, FLAGS == 0),
    ],
)
def test_masks(mask: object, bad: np.ndarray) -> None:
    recipe = load_recipe({"mask": mask})
    assert load_recipe(recipe.to_yaml()) == recipe
    image = read_image(written(("SCI", plane(1)), ("DQ", FLAGS)), extensions=recipe.extensions)
    np.testing.assert_array_equal(image.pixels[0], np.where(bad, np.nan, plane(1))[::-1])
    assert image.metadata["masked_fraction"] == pytest.approx(bad.mean())
    assert "not_read" not in image.metadata


def test_wrong_masks() -> None:
    with pytest.raises(ReadError, match="another size"):
        read_image(written(("SCI", plane(1)), ("DQ", FLAGS[:4])), extensions=Extensions(mask="DQ"))
    for wrong in ({"bits": [0]}, {"hdu": "DQ", "bits": [-1]}, {"hdu": "DQ", "bad": "odd"}):
        with pytest.raises(InvalidArgumentError):
            load_recipe({"mask": wrong})


def test_colours() -> None:
    rgb = np.stack([plane(seed) for seed in range(3)])
    buffer = io.BytesIO()
    fits.PrimaryHDU(rgb, fits.Header({"CTYPE3": "RGB"})).writeto(buffer)
    assert read_image(buffer.getvalue()).channels == ("red", "green", "blue")
    for rows in (14, 48):
        buffer = io.BytesIO()
        fits.PrimaryHDU(np.zeros((rows, 40, 3), np.uint16)).writeto(buffer)
        with pytest.raises(ReadError, match="colours come first"):
            read_image(buffer.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        2**30 + np.arange(108, dtype=np.int32).reshape(SHAPE),
        2**52 + np.arange(108, dtype=np.int64).reshape(SHAPE),
        1e9 + 10 * plane(1, "f8"),
        1e-50 * plane(1, "f8"),
        1e39 * plane(1, "f8"),
        1e300 * plane(1, "f8"),
    ],
)
def test_values_beyond_single_precision_keep_their_digits(data: np.ndarray) -> None:
    image = assert_shows(written(("SCI", data)), data)
    assert image.pixels.dtype == np.float64


@pytest.mark.parametrize(("crop", "size"), [(4, 8), (5, 8), (7, 16), (None, 8)])
def test_the_position_is_that_of_the_crop(tmp_path: Path, crop: int | None, size: int) -> None:
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 60.0, "RADESYS": "ICRS"}
    cards |= {"CD1_1": -1e-3, "CD1_2": 2e-4, "CD2_1": 2e-4, "CD2_2": 1e-3, "CRPIX1": 3.0, "CRPIX2": 8.0}
    (tmp_path / "a.fits").write_bytes(written(("SCI", plane(1)), **cards))
    result = prepare_file(find_sources([tmp_path])[0], load_recipe({"crop": crop, "size": size}))
    assert isinstance(result, Prepared)
    image = result.image
    x = image.used_left + (image.used_width - 1) / 2
    y = SHAPE[0] - 1 - image.used_top - (image.used_height - 1) / 2
    place: SkyCoord = WCS(fits.Header(cards)).pixel_to_world(x, y)
    assert result.metadata["ra_deg"] == pytest.approx(place.ra.deg, abs=1e-9)
    assert result.metadata["dec_deg"] == pytest.approx(place.dec.deg, abs=1e-9)
