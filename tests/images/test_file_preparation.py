"""From file to tensor, and all the real files."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lse.images.file_preparation import Prepared, Rejected, prepare_file
from lse.images.formats import SourceImage, read_image
from lse.images.recipe import load_recipe, suggest_recipe
from lse.images.sources import find_sources
from lse.images.thumbnails import thumbnail
from lse.tables.catalogue import read_catalogue
from lse.tables.join import join_catalogue

RECIPE = load_recipe({"channels": "grey", "stretch": "asinh"})


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_thumbnails(channels: int) -> None:
    pixels = np.zeros((channels, 40, 40), dtype=np.float32)
    pixels[0, :20] = 1  # the first channel is bright above, the last below
    pixels[-1, 20:] = 2
    image = SourceImage(pixels=pixels, channels=tuple(f"plane{index}" for index in range(channels)))
    picture = Image.open(io.BytesIO(thumbnail(image, load_recipe({"thumbnail": 32, "stretch": "linear"}))))
    assert picture.size == (32, 32)
    assert picture.format == "JPEG"
    red, _, blue = np.asarray(picture.convert("RGB"))[4, 16].astype(int)
    assert (red > 200) == (channels > 1)
    if channels == 2:
        assert blue < 80


def test_a_prepared_file_holds_everything_and_crosses_process_borders(tmp_path: Path) -> None:
    Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"<html>")
    first, second = (prepare_file(source, RECIPE) for source in find_sources([tmp_path]))
    assert isinstance(first, Prepared)
    assert first.image.tensor.shape == (1, 64, 64)
    assert first.metadata["bit_depth"] == 16
    assert isinstance(second, Rejected)
    assert second.reason == "WEB_PAGE_UNSUPPORTED"
    assert second.message.startswith("b.png is a web page")
    assert pickle.loads(pickle.dumps(second)) == second
    assert pickle.loads(pickle.dumps(first)).metadata == first.metadata


def test_the_dataset_decides_the_channels(tmp_path: Path) -> None:
    Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30)).save(tmp_path / "a.png")
    source = find_sources([tmp_path])[0]
    result = prepare_file(source, load_recipe({"channels": "all"}), channels=3)
    assert isinstance(result, Rejected)
    assert result.reason == "CHANNEL_MISMATCH"


def test_a_file_that_vanished_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    source = find_sources([tmp_path])[0]
    source.path.unlink()
    result = prepare_file(source, RECIPE)
    assert isinstance(result, Rejected)
    assert result.reason == "FILE_UNREADABLE"


def test_devices_and_pipes_cost_only_themselves(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.fits")
    for source in find_sources(["/dev/zero", tmp_path / "pipe.fits"]):
        result = prepare_file(source, RECIPE)
        assert isinstance(result, Rejected)
        assert result.reason == "FILE_UNSUPPORTED"


# A real picture of nothing: all its pixels are equal.
CONSTANT = {"Bent/22.446_0.776_3_Proctor_Tab1.png"}


@pytest.mark.parametrize(("folder", "every"), [("first_radio_png", 1), ("first_radio_fits", 1), ("clothing_photos", 4)])
def test_real_collections_are_prepared_with_the_suggested_recipe(test_data: Path, folder: str, every: int) -> None:
    sources = find_sources([test_data / folder / "images"])
    joined = join_catalogue(sources, read_catalogue(test_data / folder / "catalogue.csv"))
    assert joined.rows_without_source == joined.sources_without_row == ()
    step = max(1, len(sources) // 24)
    recipe = suggest_recipe([read_image(source.path) for source in sources[::step]])
    rows = joined.table.to_pylist()
    for source, row in list(zip(sources, rows, strict=True))[::every]:
        result = prepare_file(source, recipe)
        if source.relative in CONSTANT:
            assert isinstance(result, Rejected)
            assert result.reason == "IMAGE_CONSTANT"
            continue
        assert isinstance(result, Prepared), f"{source.relative}: {result}"
        assert result.image.tensor.shape == (recipe.channel_count, 64, 64)
        if folder == "first_radio_fits":
            assert result.metadata["ra_deg"] == pytest.approx(row["ra_deg"], abs=0.002)
            assert result.metadata["dec_deg"] == pytest.approx(row["dec_deg"], abs=0.002)
            assert result.metadata["pixel_scale_arcsec"] == pytest.approx(1.8, rel=0.01)


NO_IMAGE = """
astropy__ascii.fits astropy__ascii_i4-i20.fits astropy__btable.fits astropy__chandra_time.fits astropy__dist.fits
astropy__group_invalid.fits astropy__header_with_time_wcslib71.fits astropy__history_header.fits
astropy__ie6d07ujq_wcs.fits astropy__logical_null.fits astropy__random_groups.fits astropy__sip2.fits
astropy__stddata.fits astropy__table.fits astropy__tb.fits astropy__tdim.fits astropy__validate.fits
astropy__variable_length_table.fits astropy__vla_logical_all_zero.fits astropy__zerowidth.fits fitsrs__IUE_LWP.fits
hyrax_hsc__star_cat_correct.fits photutils__synth_highsnr_table.fits photutils__synth_table.fits
photutils__synth_table_mean.fits sunpy__gbm.fits sunpy__go1520110607.fits sunpy__go1520120601.fits.gz
sunpy__hsi_obssumm_20120601_018_truncated.fits.gz
eve_l1_esp_2011046_00_truncated.fits group_invalid.fits history_header.fits validate.fits zerowidth.fits
"""
NOT_TWO_DIMENSIONS = """
astropy__blank.fits astropy__compressed_float_bzero.fits astropy__header_newlines.fits
photutils__STDPSF_ACSWFC_F814W_mock.fits photutils__STDPSF_NRCA1_F150W_mock.fits
photutils__STDPSF_WFC3UV_F814W_mock.fits photutils__STDPSF_WFPC2_F814W_mock.fits regions__example_header.fits
header_newlines.fits tca110810_truncated
"""
REASONS = (
    dict.fromkeys(NO_IMAGE.split(), "IMAGE_HDU_MISSING")
    | dict.fromkeys(NOT_TWO_DIMENSIONS.split(), "DIMENSIONS_UNSUPPORTED")
    | {
        "astropy__fixed-1890.fits": "IMAGE_CONSTANT",
        "fixed-1890.fits": "IMAGE_CONSTANT",
        "hopper_naxis_zero.fits": "HEADER_DAMAGED",
        "idcompspec.fits": "FORMAT_UNKNOWN",
        "lzw.fits.Z": "COMPRESSION_UNSUPPORTED",
        "test_ana.fz": "FORMAT_UNSUPPORTED",
    }
)


@pytest.mark.parametrize("folder", ["fits_variety", "malformed_fits"])
def test_every_odd_file_is_prepared_or_rejected_for_the_right_reason(test_data: Path, folder: str) -> None:
    results = {source.relative: prepare_file(source, RECIPE) for source in find_sources([test_data / folder])}
    assert len(results) == sum(path.is_file() for path in (test_data / folder).rglob("*"))
    outcome = {name: result.reason if isinstance(result, Rejected) else "" for name, result in results.items()}
    expected = {
        name: "FILE_NOT_FETCHED" if name.startswith("lfs_pointers/") else REASONS.get(Path(name).name, "")
        for name in outcome
    }
    assert outcome == expected
    for result in results.values():
        if isinstance(result, Prepared):
            assert np.isfinite(result.image.tensor).all()
