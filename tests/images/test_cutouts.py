"""Cutouts of mosaics, compared with `astropy.nddata.Cutout2D`."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D, NoOverlapError
from astropy.wcs import WCS

from lse.images.cutouts import depths_in_mosaic, read_cutout
from lse.images.formats import Extensions, ReadError, ReadLimits, SourceImage

HEIGHT, WIDTH = 90, 120


def wcs(kind: str = "RA---TAN", **cards: Any) -> WCS:
    made = WCS(naxis=2)
    made.wcs.ctype = [kind, kind.replace("RA--", "DEC-").replace("GLON", "GLAT")]
    made.wcs.crval, made.wcs.crpix, made.wcs.cdelt = [30.0, -20.0], [50.0, 40.0], [-2e-4, 2e-4]
    made.wcs.pc = [[0.8, -0.6], [0.6, 0.8]]
    for key, value in cards.items():
        setattr(made.wcs, key, value)
    return made


def write(path: Path, data: np.ndarray, frame: WCS, form: str) -> None:
    header = frame.to_header()
    if form == "primary":
        hdus = [fits.PrimaryHDU(data, header)]
    elif form == "cube":
        hdus = [fits.PrimaryHDU(data[np.newaxis, np.newaxis], header)]
    elif form == "extension":
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(data, header, name="SCI")]
    elif form == "scaled":
        hdus = [fits.PrimaryHDU(data.astype(np.int16), header)]
        hdus[0].header["BLANK"] = 3
    else:
        hdus = [fits.PrimaryHDU(), fits.CompImageHDU(data, header, compression_type=form)]
    fits.HDUList(hdus).writeto(path)


def cut(path: Path, position: tuple[float, float], side: int) -> SourceImage:
    return read_cutout(
        path, position, side, name="x", limits=ReadLimits(), extensions=Extensions(), within=(path.parent,)
    )


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("form", ["primary", "cube", "extension", "scaled", "RICE_1", "GZIP_2"])
@pytest.mark.parametrize("kind", ["RA---TAN", "GLON-SIN"])
def test_cutouts_are_those_of_astropy(tmp_path: Path, form: str, kind: str, side: int) -> None:
    data = np.random.default_rng(1).normal(0, 100, size=(HEIGHT, WIDTH)).astype(np.float32)
    frame = wcs(kind)
    path = tmp_path / "m.fits"
    write(path, data, frame, form)
    with fits.open(path) as hdus:
        hdu = next(each for each in hdus if each.data is not None)
        truth, hdu_frame = np.squeeze(hdu.data), WCS(hdu.header).celestial
    for x, y in ((60.3, 44.7), (10.5, 20.5), (0.2, 0.2), (118.9, 50.0), (-3.5, 30.0), (119.49, 89.49)):
        place = hdu_frame.pixel_to_world(x, y).icrs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = Cutout2D(
                truth.astype(np.float64), place, side, wcs=hdu_frame, mode="partial", fill_value=np.nan
            ).data
        found = cut(path, (place.ra.deg, place.dec.deg), side)
        np.testing.assert_array_equal(found.pixels[0][::-1], expected)
        outside = np.isnan(expected).mean() if form != "scaled" else found.metadata["outside_fraction"]
        assert found.metadata["outside_fraction"] == pytest.approx(outside)
        assert (found.metadata["ra_deg"], found.metadata["dec_deg"]) == pytest.approx((place.ra.deg, place.dec.deg))
        assert found.metadata["pixel_scale_arcsec"] == pytest.approx(0.72, rel=1e-6)
    for x, y in ((-9.0, 30.0), (60.0, 120.0)):
        place = hdu_frame.pixel_to_world(x, y).icrs
        with pytest.raises(NoOverlapError):
            Cutout2D(truth, place, side, wcs=hdu_frame, mode="partial")
        with pytest.raises(ReadError) as caught:
            cut(path, (place.ra.deg, place.dec.deg), side)
        assert caught.value.reason == "POSITION_OUT_OF_RANGE"


@pytest.mark.parametrize("frame_name", ["ICRS", "FK5"])
def test_distortions_count(tmp_path: Path, frame_name: str) -> None:
    data = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH)).astype(np.float32)
    header = wcs("RA---TAN", radesys=frame_name).to_header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 2e-3, "B_0_2": -1e-3, "B_1_1": 5e-4})
    path = tmp_path / "m.fits"
    fits.writeto(path, data, header)
    sip = WCS(header)
    for x, y in ((100.3, 70.7), (10.6, 20.4), (60.3, 44.7), (0.4, 0.4)):
        place = sip.pixel_to_world(x, y).icrs
        expected = Cutout2D(data, place, 8, wcs=sip, mode="partial", fill_value=np.nan).data
        found = cut(path, (place.ra.deg, place.dec.deg), 8)
        assert (found.metadata["mosaic_x"], found.metadata["mosaic_y"]) == pytest.approx((x, y), abs=1e-3)
        np.testing.assert_array_equal(found.pixels[0][::-1], expected)
    far = depths_in_mosaic(path, "m", np.array([[200.0, 40.0], [30.0, -10.0]]), Extensions(), (tmp_path,))
    assert (far < 0).all()


def test_how_deep_positions_lie(tmp_path: Path) -> None:
    write(tmp_path / "m.fits", np.ones((HEIGHT, WIDTH), np.float32), wcs(), "primary")
    places = SkyCoord(wcs().pixel_to_world([60, 0, -5], [45, 0, 10])).icrs
    positions = np.array([*zip(places.ra.deg, places.dec.deg, strict=True), (np.nan, 1.0), (210.0, 20.0)])
    depths = depths_in_mosaic(tmp_path / "m.fits", "m", positions, Extensions(), None)
    np.testing.assert_allclose(depths, [44.5, 0.5, -4.5, -np.inf, -np.inf], atol=1e-6)


def test_what_is_no_mosaic(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "flat.fits", np.ones((9, 9), np.float32))
    (tmp_path / "text.fits").write_text("nothing")
    header = wcs().to_header()
    header["A_ORDER"] = header["B_ORDER"] = 20_000
    fits.writeto(tmp_path / "sip.fits", np.ones((9, 9), np.float32), header)
    for name in ("flat.fits", "text.fits", "sip.fits", "absent.fits"):
        with pytest.raises(ReadError):
            cut(tmp_path / name, (30.0, -20.0), 8)
    with pytest.raises(ReadError) as caught:
        cut(tmp_path / "flat.fits", (float("nan"), 1.0), 8)
    assert caught.value.reason == "POSITION_MISSING"


def test_a_cutout_takes_the_memory_of_itself(tmp_path: Path) -> None:
    data = np.zeros((3000, 3000), np.float32)
    data[1500:1510, 1500:1510] = 1
    write(tmp_path / "m.fits", data, wcs(crpix=[1500.0, 1500.0]), "primary")
    write(tmp_path / "c.fits", data, wcs(crpix=[1500.0, 1500.0]), "RICE_1")
    del data
    cut(tmp_path / "m.fits", (30.0, -20.0), 64)
    for name in ("m.fits", "c.fits"):
        tracemalloc.start()
        assert cut(tmp_path / name, (30.0, -20.0), 64).pixels.sum() == pytest.approx(
            100, rel=0.01
        )  # tiles are quantised
        assert tracemalloc.get_traced_memory()[1] < 6_000_000  # a sixth of the mosaic
        tracemalloc.stop()
