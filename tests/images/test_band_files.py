"""Objects with a file a band."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import reproject
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from lse.errors import InvalidArgumentError
from lse.images.file_preparation import Prepared, Rejected, prepare_file, read_source
from lse.images.recipe import Recipe, load_recipe
from lse.images.sources import Source, find_sources, grouped, likely_pattern


def write(path: Path, value: int, **cards: Any) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(value).normal(value, 1, size=(cards.pop("side", 12), 12)).astype(np.float32)
    fits.writeto(path, pixels, fits.Header(cards))
    return pixels


def taken(folder: Path, pattern: str, *bands: str) -> tuple[list[Source], Recipe]:
    sources, found = grouped(find_sources([folder]), pattern, bands)
    return sources, load_recipe({"band_files": {"pattern": pattern, "bands": list(found)}, "size": 12})


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("{object}_{band}.fits", "{o}_{b}.fits"),
        ("{object}/{band}.fits", "{o}/{b}.fits"),
        ("{band}/{object}.fits", "{b}/{o}.fits"),
        ("cutout-*-{band}-{object}.fits", "cutout-dr1-{b}-{o}.fits"),
    ],
)
def test_the_files_of_an_object_are_one_image(tmp_path: Path, pattern: str, name: str) -> None:
    truth = {
        (o, b): write(tmp_path / name.format(o=o, b=b), 10 * i + j)
        for i, o in enumerate(("NGC1+2", "x_0"))
        for j, b in enumerate("zgr")
    }
    sources, recipe = taken(tmp_path, pattern)
    assert [source.name for source in sources] == ["NGC1+2", "x_0"]
    assert recipe.band_files is not None
    assert recipe.band_files.bands == ("g", "r", "z")
    for source in sources:
        image = read_source(source, recipe)
        assert image.channels == ("g", "r", "z")
        for plane, band in zip(image.pixels, "grz", strict=True):
            np.testing.assert_array_equal(plane, truth[source.name, band][::-1])
        assert isinstance(prepare_file(source, recipe), Prepared)
    chosen, _ = taken(tmp_path, pattern, "z", "r")
    assert [len(source.bands) for source in chosen][:2] == [2, 2]


def test_what_does_not_go_together_is_a_rejected_row(tmp_path: Path) -> None:
    sky = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 5.0, "CDELT1": -1e-3, "CDELT2": 1e-3}
    for band in "gr":
        write(tmp_path / f"good_{band}.fits", 1, **sky)
        write(tmp_path / f"size_{band}.fits", 2, side=12 if band == "g" else 13)
        write(tmp_path / f"place_{band}.fits", 3, **{**sky, "CRVAL2": 5.0 if band == "g" else 5.002})
    write(tmp_path / "lone_g.fits", 4)
    write(tmp_path / "other.fits", 5)
    sources, recipe = taken(tmp_path, "{object}_{band}.fits")
    outcomes = {source.name: prepare_file(source, recipe, channels=2) for source in sources}
    reasons = {name: each.reason for name, each in outcomes.items() if isinstance(each, Rejected)}
    assert reasons == {
        "size": "BANDS_MISMATCH",
        "place": "BANDS_MISMATCH",
        "lone": "BAND_MISSING",
        "other": "CHANNEL_MISMATCH",
    }
    assert isinstance(outcomes["good"], Prepared)


def gaussian(path: Path, side: int, scale: float, **cards: Any) -> tuple[np.ndarray, WCS]:
    """Image around 10 +5 deg of a source of sigma 4 arcsec, 3 arcsec north of the middle; the scale is in arcsec."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [10.0, 5.0], [side / 2 + 0.5] * 2
    wcs.wcs.cdelt = [-scale / 3600, scale / 3600]
    wcs.wcs.pc = cards.pop("pc", [[1, 0], [0, 1]])
    y, x = np.mgrid[:side, :side]
    place = wcs.pixel_to_world(x, y)
    apart = place.separation(SkyCoord(10.0, 5.0 + 3 / 3600, unit="deg")).arcsec
    pixels = np.exp(-(apart**2) / 32)
    fits.writeto(path, pixels, wcs.to_header())
    return pixels, wcs


@pytest.mark.parametrize("method", ["interp", "adaptive", "exact"])
def test_bands_on_other_grids_are_brought_onto_one(tmp_path: Path, method: str) -> None:
    turn = np.deg2rad(30)
    first, grid = gaussian(tmp_path / "a_g.fits", 24, 2.0)
    other, wcs = gaussian(
        tmp_path / "a_r.fits", 50, 1.2, pc=[[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    small, _ = gaussian(tmp_path / "a_z.fits", 12, 2.0)
    bands = {"pattern": "{object}_{band}.fits", "bands": ["g", "r", "z"], "reproject": method}
    recipe = load_recipe({"band_files": bands, "size": 24, "nan": "zero"})
    sources, _ = grouped(find_sources([tmp_path]), "{object}_{band}.fits", ("g", "r", "z"))
    image = read_source(sources[0], recipe)
    assert image.pixels.shape == (3, 24, 24)
    np.testing.assert_array_equal(image.pixels[0], first[::-1])
    expected, _ = getattr(reproject, f"reproject_{method}")((other, wcs), grid, shape_out=(24, 24))
    np.testing.assert_allclose(image.pixels[1], expected[::-1], atol=1e-12)
    middle = (slice(4, 20), slice(4, 20))
    smoothed = 0.12 if method == "adaptive" else 0.03
    np.testing.assert_allclose(image.pixels[1][middle], first[::-1][middle], atol=smoothed)
    assert image.metadata["footprint_fraction.g"] == 1
    assert 0.9 < float(str(image.metadata["footprint_fraction.r"])) < 1  # turned, it lacks the corners
    assert image.metadata["footprint_fraction.z"] == pytest.approx(144 / 576, abs=0.13)
    assert np.isnan(image.pixels[2, 0, 0])
    np.testing.assert_allclose(image.pixels[2, 9:15, 9:15], small[3:9, 3:9][::-1], atol=smoothed)
    assert isinstance(prepare_file(sources[0], recipe), Prepared)
    onto = recipe.model_copy(update={"band_files": recipe.band_files.model_copy(update={"onto": "z"})})
    assert read_source(sources[0], onto).pixels.shape == (3, 12, 12)


def test_bands_that_cannot_be_brought_onto_one_grid(tmp_path: Path) -> None:
    gaussian(tmp_path / "far_g.fits", 12, 2.0)
    pixels, wcs = gaussian(tmp_path / "unused.fits", 12, 2.0)
    header = wcs.to_header()
    header["CRVAL2"] = -40.0
    fits.writeto(tmp_path / "far_r.fits", pixels, header)
    gaussian(tmp_path / "none_g.fits", 12, 2.0)
    write(tmp_path / "none_r.fits", 3)
    sources, _ = grouped(find_sources([tmp_path]), "{object}_{band}.fits", ("g", "r"))
    recipe = load_recipe(
        {"band_files": {"pattern": "{object}_{band}.fits", "bands": ["g", "r"], "reproject": "interp"}, "size": 12}
    )
    outcomes = {source.name: prepare_file(source, recipe) for source in sources}
    for name in ("far", "none"):
        rejected = outcomes[name]
        assert isinstance(rejected, Rejected)
        assert rejected.reason == "BANDS_MISMATCH", rejected
    for wrong in ({"onto": "g"}, {"onto": "x", "reproject": "interp"}, {"reproject": "cubic"}):
        with pytest.raises(InvalidArgumentError):
            load_recipe({"band_files": {"pattern": "{object}_{band}.fits", "bands": ["g", "r"], **wrong}})


def test_files_that_look_like_bands(tmp_path: Path) -> None:
    for name in ("a_g.fits", "a_r.fits", "b_g.fits", "b_r.fits"):
        write(tmp_path / name, 1)
    assert likely_pattern(find_sources([tmp_path])) == "{object}_{band}.fits"
    write(tmp_path / "c_g.fits", 1)
    assert likely_pattern(find_sources([tmp_path])) is None
