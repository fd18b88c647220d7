"""ASDF files as those of the Roman telescope, against gwcs and the arrays that went in."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import asdf
import gwcs
import numpy as np
import pytest
from astropy import coordinates, units
from astropy.modeling import models
from astropy.time import Time
from astropy.wcs import WCS
from gwcs import coordinate_frames

from lse.images.formats import Extensions, ReadError, ReadLimits, SourceImage, read_image
from lse.images.stacks import images_of, read_member

RANDOM = np.random.default_rng(4)
PIXELS = RANDOM.normal(size=(48, 64)).astype(np.float32)
PIXELS[3, 4] = np.nan
FLAGS = (RANDOM.random((48, 64)) < 0.2).astype(np.uint32) * 4 + (RANDOM.random((48, 64)) < 0.2).astype(np.uint32)


def sky(frame: Any) -> gwcs.WCS:
    """A turned tangential WCS with a distortion of the second order."""
    matrix = np.array([[-0.8, 0.6], [0.6, 0.8]]) * 0.11 / 3600
    polynomial = models.Polynomial2D(2, c1_0=1, c2_0=1e-5), models.Polynomial2D(2, c0_1=1, c1_1=2e-5)
    distortion = models.Mapping((0, 1, 0, 1)) | polynomial[0] & polynomial[1]
    shift = models.Shift(-20.5) & models.Shift(-10.5)
    turn = models.AffineTransformation2D(matrix)
    world = models.Pix2Sky_TAN() | models.RotateNative2Celestial(150.1, 2.2, 180)
    detector = coordinate_frames.Frame2D(name="detector", unit=(units.pix, units.pix))
    celestial = coordinate_frames.CelestialFrame(reference_frame=frame, unit=(units.deg, units.deg))
    return gwcs.WCS([(detector, shift | distortion | turn | world), (celestial, None)])


def content(tree: dict[str, Any], compression: str | None = "zlib") -> bytes:
    buffer = io.BytesIO()
    asdf.AsdfFile(tree).write_to(buffer, all_array_compression=compression)
    return buffer.getvalue()


def roman(data: Any = PIXELS, frame: Any = None) -> dict[str, Any]:
    meta = {
        "exposure": {"start_time": Time("2027-01-02T03:04:05"), "exposure_time": 107.5},
        "target": {"name": "0266", "id": 2**62 + 1},
        "wcs": sky(frame or coordinates.ICRS()),
    }
    arrays = {"amp33": np.zeros((40, 48, 20), np.uint16), "data": data, "dq": FLAGS, "err": np.ones_like(PIXELS)}
    return {"roman": {"meta": meta, **arrays}}


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("frame", [coordinates.ICRS(), coordinates.Galactic(), coordinates.FK5()])
def test_pixels_tree_and_position_are_those_of_the_file(compression: str | None, frame: Any) -> None:
    tree = roman(PIXELS * units.DN / units.s, frame)
    image = read_image(content(tree, compression))
    np.testing.assert_array_equal(image.pixels[0], PIXELS[::-1])
    assert (image.pixels.dtype, image.channels, image.units) == (np.float32, ("grey",), {"pixels": "DN / s"})
    facts = image.metadata
    assert (facts["format"], facts["array"], facts["not_read"]) == ("ASDF", "roman.data", "amp33, dq, err")
    assert (facts["header.meta.target.name"], facts["header.meta.target.id"]) == ("0266", 2**62 + 1)
    assert facts["header.meta.exposure.start_time"] == "2027-01-02T03:04:05.000"
    assert facts["header.meta.exposure.exposure_time"] == 107.5
    middle = tree["roman"]["meta"]["wcs"].pixel_to_world(31.5, 23.5).icrs
    assert (facts["ra_deg"], facts["dec_deg"]) == pytest.approx((middle.ra.deg, middle.dec.deg), abs=1e-9)
    assert facts["pixel_scale_arcsec"] == pytest.approx(0.11, rel=2e-3)
    assert image.sky is not None
    corner = tree["roman"]["meta"]["wcs"].pixel_to_world(2, 5).icrs
    found = image.sky.at(3, 6)
    assert (found["ra_deg"], found["dec_deg"]) == pytest.approx((corner.ra.deg, corner.dec.deg), abs=1e-9)
    if isinstance(frame, coordinates.ICRS):
        from astropy.io import fits

        written = WCS(fits.open(io.BytesIO(image.sky.to_fits()))[0].header).pixel_to_world(2, 5)
        assert written.separation(corner).arcsec < 0.11 * 0.02


def test_masks_bands_and_choices() -> None:
    file = content(roman())
    bad = read_image(file, extensions=Extensions(mask="dq", bits=4))
    np.testing.assert_array_equal(np.isnan(bad.pixels[0]), (np.isnan(PIXELS) | ((FLAGS & 4) != 0))[::-1])
    assert bad.metadata["mask"] == "dq"
    assert read_image(file, extensions=Extensions(images=("roman.err",))).pixels.max() == 1
    two = content({"g": {"sci": PIXELS, "err": PIXELS}, "r": {"sci": PIXELS * 2}})
    bands = read_image(two, extensions=Extensions(images=("g.sci", "r.sci")))
    assert bands.channels == ("g.sci", "r.sci")
    np.testing.assert_array_equal(bands.pixels, np.stack([PIXELS, PIXELS * 2])[:, ::-1])
    masked = np.ma.array(PIXELS, mask=FLAGS != 0)
    found = read_image(content({"data": masked})).pixels[0]
    np.testing.assert_array_equal(np.isnan(found), (np.isnan(PIXELS) | (FLAGS != 0))[::-1])
    with pytest.raises(ReadError, match="name one of 0 data, 1 dq, 2 err"):
        read_image(content({"data": PIXELS, "dq": FLAGS, "err": PIXELS}), extensions=Extensions(images=("sci",)))


def test_what_is_no_image_or_points_elsewhere_is_refused(tmp_path: Path) -> None:
    def reason(file: bytes) -> str:
        with pytest.raises(ReadError) as caught:
            read_image(file)
        return caught.value.reason

    file = content({"data": PIXELS}, None)
    other = tmp_path / "other.asdf"
    other.write_bytes(file)
    assert reason(file.replace(b"source: 0", f"source: file://{other}".encode())) == "FILE_OUTSIDE_NOT_ALLOWED"
    linked = file.replace(b"asdf_library", b"more: {$ref: 'other.asdf#/data'}\nasdf_library", 1)
    assert reason(linked) == "FILE_OUTSIDE_NOT_ALLOWED"
    assert reason(content({"words": "none"})) == "IMAGE_HDU_MISSING"
    assert reason(file[:300]) == "HEADER_DAMAGED"
    assert reason(file[:-4000]) == "IMAGE_DAMAGED"
    assert reason(file.replace(b"shape: [48, 64]", b"shape: [99999, 99999]")) == "IMAGE_TOO_LARGE"
    unknown = content(roman()).replace(b"gwcs/wcs-", b"gwcs/wxs-")
    assert "sky_note" in read_image(unknown).metadata


def test_a_block_that_claims_to_be_huge_is_not_waited_for() -> None:
    whole = content({"data": PIXELS})
    sizes = whole.index(b"\xd3BLK") + 14  # behind its magic, the length of its header, flags and compression
    started = time.monotonic()
    with pytest.raises(ReadError, match="is damaged"):
        read_image(whole[:sizes] + (2**50).to_bytes(8, "big") * 2 + whole[sizes + 16 :], name="a.asdf")
    assert time.monotonic() - started < 5


def test_a_file_of_many_images(tmp_path: Path) -> None:
    path = tmp_path / "a.asdf"
    stack = RANDOM.normal(size=(30, 24, 20))
    path.write_bytes(content({"survey": {"images": stack, "redshift": np.arange(30) / 10}}))
    assert images_of(path, "a", None) == ("#", [str(row) for row in range(30)])
    image: SourceImage = read_member(path, "7", name="a#7", limits=ReadLimits(), extensions=Extensions(), within=None)
    np.testing.assert_array_equal(image.pixels[0], stack[7])
    assert image.metadata["header.redshift"] == 0.7
    path.write_bytes(content(roman()))
    assert images_of(path, "a", None) is None
