"""Objects with a file a band."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

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


def test_files_that_look_like_bands(tmp_path: Path) -> None:
    for name in ("a_g.fits", "a_r.fits", "b_g.fits", "b_r.fits"):
        write(tmp_path / name, 1)
    assert likely_pattern(find_sources([tmp_path])) == "{object}_{band}.fits"
    write(tmp_path / "c_g.fits", 1)
    assert likely_pattern(find_sources([tmp_path])) is None
