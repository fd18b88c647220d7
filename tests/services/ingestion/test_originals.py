"""Images as they are in their sources: the pixels of the file, the header, and the sky to a billionth of a degree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from lse.client import Client
from lse.errors import LseError


def header_of(kind: str) -> fits.Header:
    """Header of a WCS with digits that matter; with distortions, in galactic coordinates, or in an old equinox."""
    wcs = WCS(naxis=2)
    wcs.wcs.crval, wcs.wcs.crpix = [150.116321234567, 2.205812345678], [20.123456789, 15.98765432101]
    wcs.wcs.cd = [[-7.2234567890123e-5, 1.1123456789e-6], [1.3123456789e-6, 7.2123456789012e-5]]
    wcs.wcs.ctype = ["GLON-TAN", "GLAT-TAN"] if kind == "galactic" else ["RA---TAN", "DEC--TAN"]
    header = wcs.to_header(relax=True)
    for axis in (1, 2):
        header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = float(wcs.wcs.crval[axis - 1]), float(wcs.wcs.crpix[axis - 1])
    if kind == "fk4":
        header["RADESYS"], header["EQUINOX"] = "FK4", 1950.0
    if kind == "sip":
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
        header.update(A_ORDER=2, B_ORDER=2, A_2_0=1.2345678e-6, B_0_2=-2.3456789e-6, A_1_1=3.1e-7)
    if kind == "tpv":
        header["CTYPE1"], header["CTYPE2"] = "RA---TPV", "DEC--TPV"
        header.update(PV1_0=1.1e-7, PV1_1=1.000123456789012, PV1_4=1.3e-3, PV2_1=0.99912345678901, PV2_5=2.1e-3)
    return header


@pytest.mark.parametrize("kind", ["plain", "sip", "tpv", "galactic", "fk4"])
def test_pixels_and_sky_are_those_of_the_file(client: Client, tmp_path: Path, kind: str) -> None:
    folder, stored = tmp_path / "images", np.random.default_rng(1).normal(size=(30, 40)).astype(np.float32)
    folder.mkdir()
    stored[3, 4] = np.nan
    header = header_of(kind)
    header["OBJECT"], header["BUNIT"] = "M 51", "Jy/beam"
    fits.writeto(folder / "a.fits", stored, header)
    client.datasets.ingest("d", folder, recipe={"size": 8, "crop": 16}).wait()
    original = client.datasets.original("d", "a")
    assert np.array_equal(original.pixels, stored[np.newaxis, ::-1], equal_nan=True)
    assert (original.header.unit, original.cards["object"]) == ("Jy beam-1", "M 51")
    wcs = WCS(fits.getheader(folder / "a.fits"))
    for row, column in ((0, 0), (29, 39), (7.25, 30.5)):
        true = wcs.pixel_to_world(column, 29 - row).icrs
        ra, dec = original.position(row, column) or (0, 0)
        assert abs(ra - true.ra.deg) < 1e-9
        assert abs(dec - true.dec.deg) < 1e-9


def test_what_has_no_sky_and_what_is_not_there_any_more(client: Client, tmp_path: Path) -> None:
    folder, pixels = tmp_path / "images", np.random.default_rng(2).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    client.datasets.ingest("d", folder).wait()
    original = client.datasets.original("d", "a")
    assert original.header.channels == ("red", "green", "blue")
    assert np.array_equal(original.pixels, np.moveaxis(pixels, -1, 0))
    assert original.wcs is None
    assert original.position(0, 0) is None
    (folder / "b.png").unlink()
    with pytest.raises(LseError, match=r"b\.png"):
        client.datasets.original("d", "b")
    # What was sent is kept with the dataset.
    client.datasets.upload("sent", {"c.png": folder / "a.png"}).wait()
    (folder / "a.png").unlink()
    assert np.array_equal(client.datasets.original("sent", "c").pixels, np.moveaxis(pixels, -1, 0))
