"""Readers on files made here, each with a known answer."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lse.images.formats import Extensions, ReadError, ReadLimits, SourceImage, read_image

RAMP = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def fits_bytes(data: Any, header: dict[str, Any] | None = None, *, extension: bool = False, **options: Any) -> bytes:
    cards = fits.Header()
    for key, value in (header or {}).items():
        cards[key] = value
    buffer = io.BytesIO()
    if extension:
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data, cards)]).writeto(buffer)
    elif options:
        fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(data, cards, **options)]).writeto(buffer)
    else:
        fits.PrimaryHDU(data, cards).writeto(buffer)
    return buffer.getvalue()


def refused(data: bytes, reason: str, **options: Any) -> ReadError:
    with pytest.raises(ReadError) as caught:
        read_image(data, name="x", **options)
    assert caught.value.reason == reason
    assert caught.value.message.startswith("x ")
    assert caught.value.message.endswith(".")
    return caught.value


def test_grey_png_keeps_its_values() -> None:
    image = read_image(encoded(Image.fromarray(RAMP), "PNG"))
    np.testing.assert_array_equal(image.pixels[0], RAMP)
    assert image.channels == ("grey",)
    assert image.metadata == {"format": "PNG", "width": 30, "height": 20, "bit_depth": 8}


def test_deep_grey_png_keeps_16_bits() -> None:
    deep = (RAMP.astype(np.uint16) * 257)[::-1]
    image = read_image(encoded(Image.fromarray(deep), "PNG"))
    np.testing.assert_array_equal(image.pixels[0], deep)
    assert image.metadata["bit_depth"] == 16


def test_deep_colour_png_says_that_bits_are_lost() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = (2).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    row = b"\x00" + (40000).to_bytes(2, "big") * 6
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 2)) + chunk(b"IEND", b"")
    image = read_image(data)
    assert image.pixels.shape == (3, 2, 2)
    assert image.metadata["file_bit_depth"] == 16
    assert image.metadata["bits_kept"] == 8
    assert image.pixels.max() == 40000 // 256


@pytest.mark.parametrize("mode", ["P", "CMYK", "RGB"])
def test_colour_modes_become_rgb(mode: str) -> None:
    kind = "PNG" if mode == "P" else "TIFF"
    image = read_image(encoded(Image.new("RGB", (8, 6), (255, 0, 51)).convert(mode), kind))
    assert image.channels == ("red", "green", "blue")
    np.testing.assert_allclose(image.pixels[:, 0, 0], (255, 0, 51), atol=2)


def test_black_and_white_png_is_grey() -> None:
    image = read_image(encoded(Image.fromarray(RAMP > 100), "PNG"))
    assert sorted(np.unique(image.pixels)) == [0, 255]


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("LA", 1)])
def test_transparent_pixels_are_missing(mode: str, channels: int) -> None:
    picture = Image.new("RGBA", (8, 6), (10, 20, 30, 255))
    picture.putpixel((2, 1), (10, 20, 30, 0))
    image = read_image(encoded(picture.convert(mode), "PNG"))
    assert image.pixels.shape == (channels, 6, 8)
    assert np.isnan(image.pixels[:, 1, 2]).all()
    assert np.isnan(image.pixels).sum() == channels


def test_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held a quarter turn
    picture = Image.new("RGB", (16, 8), (0, 0, 0))
    picture.paste((255, 255, 255), (0, 0, 8, 8))  # left half white: upright that is the upper half
    image = read_image(encoded(picture, "JPEG", exif=exif, quality=95))
    assert image.pixels.shape == (3, 16, 8)
    assert image.pixels[:, :6].min() > 200
    assert image.pixels[:, 10:].max() < 50


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_tiff_of_any_depth_and_channels(dtype: str, channels: int) -> None:
    data = (np.arange(12 * 10 * channels).reshape(12, 10, channels) % 200).astype(dtype)
    buffer = io.BytesIO()
    photometric = "rgb" if channels == 3 else "minisblack"
    planar = None if channels == 1 else "contig"
    tifffile.imwrite(buffer, data[..., 0] if channels == 1 else data, photometric=photometric, planarconfig=planar)
    image = read_image(buffer.getvalue())
    np.testing.assert_array_equal(image.pixels, np.moveaxis(data, -1, 0).astype(np.float32))
    assert len(image.channels) == channels


def test_tiff_with_lzw_of_deep_grey() -> None:
    deep = RAMP.astype(np.uint16) * 200
    image = read_image(encoded(Image.fromarray(deep), "TIFF", compression="tiff_lzw"))
    np.testing.assert_array_equal(image.pixels[0], deep)


def test_tiff_orientation_of_deep_images_agrees_with_that_of_shallow_ones() -> None:
    for orientation in range(1, 9):
        pictures = []
        for dtype in (np.uint8, np.float32):
            buffer = io.BytesIO()
            tag = (274, "H", 1, orientation, True)
            tifffile.imwrite(buffer, RAMP.astype(dtype), extratags=[tag], photometric="minisblack")
            pictures.append(read_image(buffer.getvalue()).pixels)
        np.testing.assert_array_equal(*pictures)


def test_tiff_float_keeps_nan_and_negative_values() -> None:
    data = np.linspace(-5, 5, 60, dtype=np.float32).reshape(6, 10)
    data[0, 0], data[1, 1] = np.nan, np.inf
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, data)
    pixels = read_image(buffer.getvalue()).pixels[0]
    assert np.isnan(pixels[0, 0])
    assert np.isnan(pixels[1, 1])
    assert pixels[5, 9] == 5


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
def test_fits_of_every_type_with_the_top_row_first(dtype: str) -> None:
    data = np.arange(6 * 8).reshape(6, 8).astype(dtype)
    image = read_image(fits_bytes(data))
    np.testing.assert_array_equal(image.pixels[0], data[::-1].astype(np.float32))
    assert image.metadata["format"] == "FITS"
    assert (image.metadata["width"], image.metadata["height"], image.metadata["hdu"]) == (8, 6, 0)


@pytest.mark.parametrize("compression", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1"])
def test_tile_compressed_fits(compression: str) -> None:
    data = (np.arange(40 * 50).reshape(40, 50) % 100).astype(np.int16)
    image = read_image(fits_bytes(data, compression_type=compression))
    np.testing.assert_array_equal(image.pixels[0], data[::-1])
    assert image.metadata["hdu"] == 1


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files(pack: Any) -> None:
    data = np.arange(60, dtype=np.float32).reshape(6, 10)
    np.testing.assert_array_equal(read_image(pack(fits_bytes(data))).pixels[0], data[::-1])
    np.testing.assert_array_equal(read_image(pack(encoded(Image.fromarray(RAMP), "PNG"))).pixels[0], RAMP)


def test_fits_scaling_and_blank() -> None:
    data = np.arange(12, dtype=np.int16).reshape(3, 4)
    raw = fits_bytes(data)
    header = fits.Header.fromstring(raw[:2880].decode())
    header["BSCALE"], header["BZERO"], header["BLANK"] = 0.5, 100.0, 0
    scaled = read_image(header.tostring().encode() + raw[2880:])
    expected = (data[::-1] * 0.5 + 100).astype(np.float32)
    expected[data[::-1] == 0] = np.nan  # a blank of zero counts as well
    np.testing.assert_array_equal(scaled.pixels[0], expected)


def test_fits_nan_and_infinity_are_missing() -> None:
    data = np.ones((4, 4), dtype=np.float64)
    data[0, 0], data[1, 1], data[2, 2] = np.nan, np.inf, 1e300
    pixels = read_image(fits_bytes(data)).pixels
    assert np.isnan(pixels).sum() == 2
    assert np.nanmax(pixels) == 1e300  # which float64 holds


def test_radio_cube_loses_its_axes_of_one() -> None:
    image = read_image(fits_bytes(np.random.default_rng(0).normal(size=(1, 1, 5, 7))))
    assert image.pixels.shape == (1, 5, 7)


def test_planes_are_channels_and_bands_are_named() -> None:
    data = np.random.default_rng(0).normal(size=(2, 5, 7))
    assert read_image(fits_bytes(data)).channels == ("plane0", "plane1")
    assert read_image(fits_bytes(data, {"BAND1": "g", "BAND2": "r"})).channels == ("g", "r")


def test_first_image_extension_is_read_with_the_primary_header() -> None:
    data = np.random.default_rng(0).normal(size=(5, 7))
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(data), fits.ImageHDU(data[:3])])
    hdus[0].header["TELESCOP"], hdus[1].header["EXPTIME"] = "VLA", 12.5
    hdus[0].header["SIMDATA"] = True
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    image = read_image(buffer.getvalue())
    assert image.pixels.shape == (1, 5, 7)
    assert image.metadata["header.telescop"] == "VLA"
    assert image.metadata["header.exptime"] == 12.5
    assert image.metadata["header.simdata"] is True
    assert "header.naxis1" not in image.metadata


PLAIN = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 16.5, "CRPIX2": 16.5, "CRVAL1": 150.0, "CRVAL2": 2.0}


def test_sky_position() -> None:
    scale = {"CDELT1": -5e-4, "CDELT2": 5e-4, "RADESYS": "ICRS"}
    facts = read_image(fits_bytes(np.eye(32), PLAIN | scale)).metadata
    assert facts["ra_deg"] == pytest.approx(150, abs=1e-9)
    assert facts["dec_deg"] == pytest.approx(2, abs=1e-9)
    assert facts["pixel_scale_arcsec"] == pytest.approx(1.8, rel=1e-6)
    assert (facts["orientation_deg"] + 180) % 360 == pytest.approx(180, abs=1e-6)
    assert facts["mirrored"] is False


def test_orientation_and_mirror() -> None:
    angle = np.deg2rad(30)
    # North lies 30 degrees to the left of up when up lies 30 degrees east... of north: position angle of up is -30.
    matrix = {"CD1_1": -np.cos(angle), "CD1_2": np.sin(angle), "CD2_1": np.sin(angle), "CD2_2": np.cos(angle)}
    matrix = {key: value / 3600 for key, value in matrix.items()}
    facts = read_image(fits_bytes(np.eye(32), PLAIN | matrix)).metadata
    assert facts["orientation_deg"] == pytest.approx(30, abs=1e-4)
    assert facts["mirrored"] is False
    flipped = read_image(
        fits_bytes(np.eye(32), PLAIN | matrix | {"CD1_1": -matrix["CD1_1"], "CD2_1": -matrix["CD2_1"]})
    )
    assert flipped.metadata["mirrored"] is True


@pytest.mark.parametrize(
    ("header", "frame"),
    [
        ({"RADESYS": "FK5", "EQUINOX": 2000.0}, "fk5"),
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, "fk4"),
        ({"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL2": 0.0}, "galactic"),
    ],
)
def test_other_frames_become_icrs(header: dict[str, Any], frame: str) -> None:
    cards = PLAIN | {"CDELT1": -5e-4, "CDELT2": 5e-4} | header
    facts = read_image(fits_bytes(np.eye(32), cards)).metadata
    truth = SkyCoord(cards["CRVAL1"], cards["CRVAL2"], unit="deg", frame=frame).icrs
    assert facts["ra_deg"] == pytest.approx(truth.ra.deg, abs=1e-7)
    assert facts["dec_deg"] == pytest.approx(truth.dec.deg, abs=1e-7)


def test_distorted_and_unusable_wcs() -> None:
    sip = {
        "CTYPE1": "RA---TAN-SIP",
        "CTYPE2": "DEC--TAN-SIP",
        "CDELT1": -5e-4,
        "CDELT2": 5e-4,
        "A_ORDER": 2,
        "A_2_0": 1e-4,
    }
    facts = read_image(fits_bytes(np.eye(32), PLAIN | sip | {"B_ORDER": 2, "B_0_2": 0.0})).metadata
    assert facts["ra_deg"] == pytest.approx(150, abs=1e-9)
    assert "ra_deg" not in read_image(fits_bytes(np.eye(32), {"CTYPE1": "PIXEL", "CTYPE2": "PIXEL"})).metadata
    assert "ra_deg" not in read_image(fits_bytes(np.eye(32), {"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN"})).metadata
    apparent = PLAIN | {"CDELT1": -5e-4, "CDELT2": 5e-4, "RADESYS": "GAPPT"}
    assert "ra_deg" not in read_image(fits_bytes(np.eye(32), apparent)).metadata
    broken = PLAIN | {"CD1_1": 0.0, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.0}
    assert "ra_deg" not in read_image(fits_bytes(np.eye(32), broken)).metadata


def array_bytes(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">u4", "<f4", ">f8", "?"])
def test_arrays_of_numpy_of_every_type(dtype: str) -> None:
    array = (RAMP > 9).astype(dtype) if dtype == "?" else RAMP.astype(dtype)
    image = read_image(array_bytes(array))
    np.testing.assert_array_equal(image.pixels[0], array)
    assert image.channels == ("grey",)
    assert (image.metadata["format"], image.metadata["width"], image.metadata["height"]) == ("NumPy", 30, 20)
    assert image.metadata["floating"] == (array.dtype.kind == "f")


def test_channels_of_an_array_are_first_or_last() -> None:
    bands = np.random.default_rng(0).normal(size=(5, 20, 30)).astype(np.float32)
    bands[0, 3, 4] = np.inf
    first, last = (read_image(array_bytes(array)) for array in (bands, np.moveaxis(bands, 0, -1)))
    np.testing.assert_array_equal(first.pixels, last.pixels)
    assert first.pixels.shape == (5, 20, 30)
    assert np.isnan(first.pixels[0, 3, 4])


def test_arrays_that_are_no_image_are_refused() -> None:
    for shape in ((), (9,), (20, 30, 40), (2, 3, 4, 5), (1, 30)):
        refused(array_bytes(np.zeros(shape)), "DIMENSIONS_UNSUPPORTED")
    refused(array_bytes(np.zeros((4, 4), complex)), "VALUES_UNSUPPORTED")
    refused(array_bytes(np.array([[{}]]), allow_pickle=True), "VALUES_UNSUPPORTED")
    refused(array_bytes(RAMP)[:-9], "IMAGE_TRUNCATED")
    refused(array_bytes(RAMP), "IMAGE_TOO_LARGE", limits=ReadLimits(pixels=9))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("JPEG2000", {"irreversible": False}),
        ("JPEG2000", {"irreversible": False, "no_jp2": True}),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_other_raster_images_are_what_pillow_reads(kind: str, options: dict[str, Any], mode: str) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, size=(21, 30, 3) if mode == "RGB" else (21, 30), dtype=np.uint8)
    content = encoded(Image.fromarray(pixels), kind, **options)
    with Image.open(io.BytesIO(content)) as opened:
        truth = np.asarray(opened.convert(mode))
    image = read_image(content)
    planes = np.moveaxis(truth, -1, 0) if mode == "RGB" else truth[np.newaxis]
    np.testing.assert_array_equal(image.pixels[: len(planes)], planes)
    assert image.metadata["format"] == kind
    assert image.metadata["bit_depth"] == 8
    if kind != "GIF":  # whose palette is not that of the pixels
        np.testing.assert_array_equal(truth, pixels)


def test_deep_jpeg_2000() -> None:
    pixels = np.random.default_rng(4).integers(0, 2**16, size=(20, 24), dtype=np.uint16)
    image = read_image(encoded(Image.fromarray(pixels), "JPEG2000", irreversible=False))
    np.testing.assert_array_equal(image.pixels[0], pixels)
    assert image.metadata["bit_depth"] == 16


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (10, 200)]
    for kind in ("GIF", "WEBP"):
        frames[0].save(tmp_path / "a", format=kind, save_all=True, append_images=frames[1:], lossless=True)
        image = read_image(tmp_path / "a")
        assert image.metadata["frames"] == 2
        assert np.all(image.pixels[0] == 10)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_pages_of_a_tiff_are_asked_for_by_number(dtype: type, tmp_path: Path) -> None:
    pages = np.random.default_rng(5).integers(0, 200, size=(3, 20, 24)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", metadata=None)
    first = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(first.pixels, pages[:1])
    assert first.metadata["frames"] == 3
    for wanted in ((2,), (2, 0), (0, 1, 2)):
        image = read_image(tmp_path / "a.tif", extensions=Extensions(images=wanted))
        np.testing.assert_array_equal(image.pixels, pages[list(wanted)])
        assert "frames" not in image.metadata
    assert image.channels == ("page0", "page1", "page2")
    for refused in (Extensions(images=(3,)), Extensions(images=("SCI",)), Extensions(images=(-1,)), Extensions(mask=1)):
        with pytest.raises(ReadError, match="has 3 pages, which have numbers from 0") as caught:
            read_image(tmp_path / "a.tif", extensions=refused)
        assert caught.value.reason == "EXTENSION_MISSING"
    tifffile.imwrite(tmp_path / "a.tif", pages[0, :9], photometric="minisblack", append=True)
    with pytest.raises(ReadError, match="24 x 20, 24 x 9"):
        read_image(tmp_path / "a.tif", extensions=Extensions(images=(0, 3)))


def test_what_is_no_image_says_what_it_is(tmp_path: Path) -> None:
    refused(b"", "FILE_EMPTY")
    refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "FILE_NOT_FETCHED")
    refused(b"/annex/objects/SHA256E-s1--0.fits\n", "FILE_NOT_FETCHED")
    refused(b"  <!DOCTYPE HTML><html></html>", "WEB_PAGE_UNSUPPORTED")
    refused(b"a,b\n1,2\n", "FORMAT_UNKNOWN")
    refused(b"\x00\x01\x02" * 9, "FORMAT_UNKNOWN")
    refused(b"%PDF-1.4", "FORMAT_UNSUPPORTED")
    refused(b"GIF89a....", "IMAGE_DAMAGED")
    refused(b"PK\x03\x04....", "COMPRESSION_UNSUPPORTED")
    refused(gzip.compress(RAMP.tobytes() * 9)[:90], "IMAGE_TRUNCATED")
    refused(gzip.compress(RAMP.tobytes())[:-8] + b"00000000", "COMPRESSION_DAMAGED")
    refused(encoded(Image.fromarray(RAMP), "PNG")[:60], "IMAGE_TRUNCATED")
    broken = bytearray(encoded(Image.fromarray(RAMP), "PNG"))
    broken[41:60] = bytes(19)
    refused(bytes(broken), "IMAGE_DAMAGED")
    refused(b"II*\x00" + b"\xff" * 50, "IMAGE_DAMAGED")
    refused(b"SIMPLE  =                    T", "HEADER_DAMAGED")
    with pytest.raises(ReadError) as caught:
        read_image(tmp_path / "absent.fits")
    assert caught.value.reason == "FILE_UNREADABLE"
    with pytest.raises(ReadError) as caught:
        read_image(tmp_path)
    assert caught.value.reason == "FILE_UNSUPPORTED"


def test_fits_without_a_usable_image() -> None:
    buffer = io.BytesIO()
    column = fits.Column(name="a", format="E", array=np.arange(3.0))
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])]).writeto(buffer)
    refused(buffer.getvalue(), "IMAGE_HDU_MISSING")
    refused(fits_bytes(np.arange(10.0)), "DIMENSIONS_UNSUPPORTED")
    refused(fits_bytes(np.zeros((1, 1))), "DIMENSIONS_UNSUPPORTED")
    refused(fits_bytes(np.zeros((17, 4, 4))), "DIMENSIONS_UNSUPPORTED")
    refused(fits_bytes(np.zeros((2, 3, 4, 4))), "DIMENSIONS_UNSUPPORTED")
    refused(fits_bytes(np.zeros((40, 40)))[:9000], "IMAGE_TRUNCATED")


def test_limits_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    huge = fits.Header()
    huge["SIMPLE"], huge["BITPIX"], huge["NAXIS"], huge["NAXIS1"], huge["NAXIS2"] = True, -64, 2, 777_777_701, 900_000
    refused(huge.tostring().encode(), "IMAGE_TOO_LARGE")
    small = ReadLimits(file_bytes=100, content_bytes=1000, pixels=50)
    refused(encoded(Image.fromarray(RAMP), "PNG"), "IMAGE_TOO_LARGE", limits=small)
    refused(encoded(Image.fromarray(RAMP), "TIFF"), "IMAGE_TOO_LARGE", limits=small)
    refused(fits_bytes(np.zeros((40, 40)), compression_type="RICE_1"), "IMAGE_TOO_LARGE", limits=small)
    refused(gzip.compress(bytes(5000)), "IMAGE_TOO_LARGE", limits=small)
    path = tmp_path / "x"
    path.write_bytes(bytes(200))
    with pytest.raises(ReadError) as caught:
        read_image(path, limits=small)
    assert caught.value.reason == "IMAGE_TOO_LARGE"


def test_what_libraries_warn_about_becomes_a_note() -> None:
    data = fits_bytes(np.eye(4, dtype=np.int16), {"NOTHING": -5.5})
    image = read_image(data.replace(b"NOTHING =", b"BLANK   ="))
    assert "BLANK" in str(image.metadata["reader_notes"])


def test_errors_and_images_cross_process_borders() -> None:
    error = refused(b"", "FILE_EMPTY")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.reason) == (ReadError, error.message, error.reason)
    image = read_image(fits_bytes(np.eye(4)))
    assert isinstance(pickle.loads(pickle.dumps(image)), SourceImage)


def check_outcome(data: bytes) -> None:
    """An image or a reason, and nothing else."""
    error = None
    try:
        image = read_image(data, name="x")
    except ReadError as refusal:
        error = refusal
    if error is None:
        assert image.pixels.dtype == np.float32
        assert not np.isinf(image.pixels).any()
    else:
        assert error.reason.isupper()
        assert error.message.startswith("x ")
        assert " at 0x" not in error.message


STARTS = [
    b"",
    b"SIMPLE  =                    T",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
    b"\xff\xd8\xff\xe0",
    b"II*\x00\x08\x00\x00\x00",
    b"MM\x00*",
    b"\x1f\x8b\x08\x00",
    b"BZh9",
]


@settings(max_examples=300, deadline=None)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=400))
def test_random_bytes_end_as_a_reason(start: bytes, rest: bytes) -> None:
    check_outcome(start + rest)


WHOLE = [
    fits_bytes(np.arange(400.0).reshape(20, 20), PLAIN | {"CDELT1": -1.0, "CDELT2": 1.0}),
    fits_bytes(np.arange(400, dtype=np.int16).reshape(20, 20), extension=True),
    encoded(Image.fromarray(RAMP), "PNG"),
    encoded(Image.fromarray(RAMP), "JPEG"),
    encoded(Image.fromarray(RAMP), "TIFF"),
]


@settings(max_examples=200, deadline=None)
@given(
    whole=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=8)), max_size=5),
    end=st.integers(0, 10_000),
)
def test_damaged_files_end_as_an_image_or_a_reason(whole: bytes, changes: list[tuple[int, bytes]], end: int) -> None:
    damaged = bytearray(whole)
    for place, patch in changes:
        damaged[place : place + len(patch)] = patch
    check_outcome(bytes(damaged[:end]))


def truth(cards: dict[str, Any], shape: tuple[int, int] = (31, 40)) -> SkyCoord:
    """What astropy says of the centre of an image."""
    return WCS(fits.Header(cards)).celestial.pixel_to_world((shape[1] - 1) / 2, (shape[0] - 1) / 2).icrs


def assert_at(facts: Any, place: SkyCoord) -> None:
    assert facts["ra_deg"] == pytest.approx(place.ra.deg, abs=1e-9)
    assert facts["dec_deg"] == pytest.approx(place.dec.deg, abs=1e-9)


TURNED = {"CD1_1": 3e-6, "CD1_2": 1e-4, "CD2_1": 1e-4, "CD2_2": -2e-6, "CRPIX1": 7.25, "CRPIX2": -3.5}
DEC_FIRST = TURNED | {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 2.2, "CRVAL2": 150.1, "RADESYS": "ICRS"}
SIP = {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "B_0_2": -2e-4, "B_1_1": 3e-5}
SIP_FIRST = DEC_FIRST | SIP | {"CTYPE1": "DEC--TAN-SIP", "CTYPE2": "RA---TAN-SIP"}
AXES = {
    "dec first": DEC_FIRST,
    "dec first with sip": SIP_FIRST,
    "galactic, latitude first": DEC_FIRST | {"CTYPE1": "GLAT-CAR", "CTYPE2": "GLON-CAR", "RADESYS": ""},
    "fk5, dec first": DEC_FIRST | {"RADESYS": "FK5", "EQUINOX": 1975.0},
    "fk4, dec first": DEC_FIRST | {"RADESYS": "FK4", "EQUINOX": 1950.0},
    "equinox alone": {key: value for key, value in DEC_FIRST.items() if key != "RADESYS"} | {"EQUINOX": 1950.0},
    "near the pole": DEC_FIRST | {"CRVAL1": 89.9999},
}


@pytest.mark.parametrize("cards", AXES.values(), ids=AXES)
@pytest.mark.parametrize("primary", [False, True])
def test_positions_are_those_of_astropy_whatever_the_order_of_the_axes(*, cards: dict[str, Any], primary: bool) -> None:
    data = np.random.default_rng(0).normal(size=(31, 40))
    hdus = fits.HDUList([fits.PrimaryHDU(data, fits.Header(cards))])
    if primary:
        hdus = fits.HDUList([fits.PrimaryHDU(None, fits.Header(cards)), fits.ImageHDU(data)])
    buffer = io.BytesIO()
    hdus.writeto(buffer)
    assert_at(read_image(buffer.getvalue()).metadata, truth(cards))


def test_ecliptic_positions() -> None:
    cards = DEC_FIRST | {"CTYPE1": "ELAT-TAN", "CTYPE2": "ELON-TAN", "CRPIX1": 20.5, "CRPIX2": 16.0}
    place = SkyCoord(150.1, 2.2, unit="deg", frame="barycentricmeanecliptic").icrs
    assert_at(read_image(fits_bytes(np.eye(31, 40), cards)).metadata, place)


def test_celestial_axes_that_are_not_those_of_the_image_give_no_position() -> None:
    cards = {"CTYPE1": "FREQ", "CTYPE2": "RA---TAN", "CTYPE3": "DEC--TAN", "CDELT2": -1e-4, "CDELT3": 1e-4}
    image = read_image(fits_bytes(np.random.default_rng(0).normal(size=(1, 31, 40)), cards))
    assert "ra_deg" not in image.metadata


@pytest.mark.parametrize(
    ("cards", "ra", "dec"),
    [
        ({"RA": 210.5, "DEC": -12.25}, 210.5, -12.25),
        ({"RA": "210.5", "DEC": "-12.25"}, 210.5, -12.25),
        ({"RA": "14:02:00.00", "DEC": "-12:15:00.0"}, 210.5, -12.25),
        ({"RA": "14h02m00s", "DEC": "-12d15m00s"}, 210.5, -12.25),
        ({"RA": ("14.03333333333333333", "[h] telescope"), "DEC": -12.25}, 210.5, -12.25),
        ({"RA": (14 + 2 / 60, "right ascension in hours"), "DEC": -12.25}, 210.5, -12.25),
        ({"OBJCTRA": "14 02 00", "OBJCTDEC": "-00 15 00"}, 210.5, -0.25),
        ({"RA": "14 02 00", "DEC": "-0 15 00", "EQUINOX": 2000.0}, 210.5, -0.25),
        ({"RA_TARG": 370.5, "DEC_TARG": 5.0}, 10.5, 5.0),
        ({"RA": "n/a", "DEC": "n/a", "OBJCTRA": "14 02 00", "OBJCTDEC": "+05 00 00"}, 210.5, 5.0),
    ],
)
def test_pointing_cards_give_the_position_where_there_is_no_wcs(cards: dict[str, Any], ra: float, dec: float) -> None:
    facts = read_image(fits_bytes(np.eye(31, 40), cards)).metadata
    assert_at(facts, SkyCoord(ra, dec, unit="deg"))


@pytest.mark.parametrize(
    ("cards", "frame"),
    [({"GLON": 200.0, "GLAT": -10.5}, "galactic"), ({"ELON": 30, "ELAT": -20}, "barycentricmeanecliptic")],
)
def test_pointing_cards_in_other_frames(cards: dict[str, Any], frame: str) -> None:
    facts = read_image(fits_bytes(np.eye(31, 40), cards)).metadata
    assert_at(facts, SkyCoord(*cards.values(), unit="deg", frame=frame).icrs)


NO_PLACE = [{"CRVAL1": "N/A"}, {"CRVAL2": "150.2 deg"}, {"CDELT1": ""}, {"CRVAL1": None}, {"CRVAL2": 95.0}]


@pytest.mark.parametrize("wrong", NO_PLACE)
def test_a_wcs_without_numbers_gives_no_position(wrong: dict[str, Any]) -> None:
    cards = {
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "CRVAL1": 10.0,
        "CRVAL2": 20.0,
        "CDELT1": -0.01,
        "CDELT2": 0.01,
    }
    right = read_image(fits_bytes(np.eye(8), cards)).metadata
    assert abs(right["dec_deg"] - 20) < 0.1
    assert "ra_deg" not in read_image(fits_bytes(np.eye(8), cards | wrong)).metadata
    missing = {keyword: value for keyword, value in cards.items() if not keyword.startswith("CRVAL")}
    assert "ra_deg" not in read_image(fits_bytes(np.eye(8), missing)).metadata
    assert "WCS" in str(read_image(fits_bytes(np.eye(8), cards | wrong)).metadata["sky_note"])
    pointed = read_image(fits_bytes(np.eye(8), cards | wrong | {"RA": 210.5, "DEC": -12.25})).metadata
    assert (pointed["ra_deg"], pointed["dec_deg"]) == (210.5, -12.25)


def test_pointings_of_other_equinoxes_become_icrs_and_wrong_ones_nothing() -> None:
    facts = read_image(fits_bytes(np.eye(8), {"RA": 10.0, "DEC": 41.0, "RADESYS": "FK4", "EQUINOX": 1950.0})).metadata
    assert_at(facts, SkyCoord(10, 41, unit="deg", frame="fk4").icrs)
    for cards in ({"RA": 10.0, "DEC": 95.0}, {"RA": 10.0}, {"RA": "today", "DEC": 3.0}, {"RA": True, "DEC": 1.0}):
        assert "ra_deg" not in read_image(fits_bytes(np.eye(8), cards)).metadata


def test_a_sip_of_absurd_order_costs_nothing() -> None:
    image = read_image(fits_bytes(np.eye(8), SIP_FIRST | {"A_ORDER": 20000}))
    assert "ra_deg" not in image.metadata
    assert "20000" in str(image.metadata["sky_note"])
