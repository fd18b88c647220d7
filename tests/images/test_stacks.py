"""Files of many images: archives, arrays, tables."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import h5py
import numcodecs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr
from astropy.io import fits
from PIL import Image

from lse.images.formats import Extensions, ReadError, ReadLimits, SourceImage
from lse.images.sources import find_sources
from lse.images.stacks import images_of, is_stack_name, read_member

RANDOM = np.random.default_rng(5)
GREY = RANDOM.normal(size=(30, 24, 20)).astype(np.float32)
COLOUR = RANDOM.integers(0, 256, size=(5, 24, 20, 3), dtype=np.uint8)
PLANES = RANDOM.normal(size=(5, 2, 24, 20))


def read(path: Path, image: str, **limits: int) -> SourceImage:
    return read_member(
        path, image, name=f"{path.name}#{image}", limits=ReadLimits(**limits), extensions=Extensions(), within=None
    )


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_npy(path: Path, array: np.ndarray) -> Path:
    np.save(path.with_suffix(".npy"), array)
    return path.with_suffix(".npy")


def write_npz(path: Path, array: np.ndarray) -> Path:
    np.savez(path.with_suffix(".npz"), images=array, label=np.arange(len(array)))
    return path.with_suffix(".npz")


def write_hdf5(path: Path, array: np.ndarray) -> Path:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file.create_dataset("group/images", data=array, chunks=True, compression="gzip")
        file["group/label"] = np.arange(len(array))
        file["ra"], file["dec"] = np.full(len(array), 10.25), np.full(len(array), -5.5)
        file["telescope"] = ["ü"] * len(array)
    return path.with_suffix(".h5")


def write_zarr(path: Path, array: np.ndarray, zarr_format: Literal[2, 3]) -> Path:
    store = path.with_suffix(".zarr")
    group = zarr.open_group(store, mode="w", zarr_format=zarr_format)
    group.create_array("group/images", data=array, chunks=(2, *array.shape[1:]))
    group.create_array("group/label", data=np.arange(len(array)))
    group.create_array("ra", data=np.full(len(array), 10.25))
    group.create_array("dec", data=np.full(len(array), -5.5))
    return store


@pytest.mark.parametrize(
    "write",
    [write_npy, write_npz, write_hdf5, partial(write_zarr, zarr_format=2), partial(write_zarr, zarr_format=3)],
)
@pytest.mark.parametrize("array", [GREY, COLOUR, PLANES])
def test_each_row_of_an_array_is_an_image(
    tmp_path: Path, write: Callable[[Path, np.ndarray], Path], array: np.ndarray
) -> None:
    path = write(tmp_path / "stack", array)
    assert is_stack_name(path)
    assert images_of(path, "stack", None) == ("#", [str(row) for row in range(len(array))])
    for row in (len(array) - 1, 0, 2):
        expected = array[row] if array is not COLOUR else np.moveaxis(array[row], -1, 0)
        image = read(path, str(row))
        np.testing.assert_array_equal(image.pixels, expected[np.newaxis] if array is GREY else expected)
        if path.suffix != ".npy":
            assert image.metadata["header.label"] == row
        if path.suffix in (".h5", ".zarr"):
            assert (image.metadata["ra_deg"], image.metadata["dec_deg"]) == (10.25, -5.5)
        if path.suffix == ".h5":
            assert image.metadata["header.telescope"] == "ü"
    with pytest.raises(ReadError) as caught:
        read(path, "0", pixels=9)
    assert caught.value.reason == "IMAGE_TOO_LARGE"


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (8, 8, 1), (3, 8, 10), (8, 10, 3), (5, 8, 8), (12, 12, 5)])
def test_rows_may_be_tiny_images(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(40 * np.prod(shape), dtype=np.uint16).reshape(40, *shape)
    np.save(tmp_path / "tiny.npy", array)
    assert images_of(tmp_path / "tiny.npy", "tiny", None) == ("#", [str(row) for row in range(40)])
    image = read(tmp_path / "tiny.npy", "7").pixels
    last = len(shape) == 3 and (shape[2] in (1, 3) or shape[0] == shape[1])
    expected = np.moveaxis(array[7], -1, 0) if last else array[7].reshape(image.shape)
    np.testing.assert_array_equal(image, expected)


def test_channels_that_may_be_first_or_last_are_not_guessed(tmp_path: Path) -> None:
    np.save(tmp_path / "tiny.npy", np.zeros((40, 8, 8, 8), np.uint8))
    with pytest.raises(ReadError, match="the first or the last number may be that of channels"):
        read(tmp_path / "tiny.npy", "0")


def test_files_of_one_image_stay_what_they_are(tmp_path: Path) -> None:
    for array in (GREY[0], PLANES[0], COLOUR[0]):
        np.save(tmp_path / "one.npy", array)
        assert images_of(tmp_path / "one.npy", "one", None) is None
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["image"] = PLANES[0]
    assert images_of(tmp_path / "one.h5", "one", None) == ("#", ["0"])
    np.testing.assert_array_equal(read(tmp_path / "one.h5", "0").pixels, PLANES[0])
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["flux"] = np.arange(9)
    assert images_of(tmp_path / "table.h5", "table", None) is None


def test_which_array_is_asked_for(tmp_path: Path) -> None:
    np.savez(tmp_path / "several.npz", first=GREY, second=GREY + 1)
    with pytest.raises(ReadError, match="call the one to read 'images'"):
        images_of(tmp_path / "several.npz", "several", None)
    np.savez(tmp_path / "named.npz", first=GREY, images=GREY + 1)
    np.testing.assert_array_equal(read(tmp_path / "named.npz", "3").pixels[0], GREY[3] + 1)


def test_an_array_that_points_at_other_files_is_no_stack(tmp_path: Path) -> None:
    GREY.tofile(tmp_path / "secret.bin")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", GREY.shape, "f4", external=[("secret.bin", 0, GREY.nbytes)])
        file["link"] = h5py.ExternalLink("other.h5", "images")
    assert images_of(tmp_path / "a.h5", "a", None) is None
    np.save(tmp_path / "objects.npy", np.array([{}] * 40, dtype=object), allow_pickle=True)
    assert images_of(tmp_path / "objects.npy", "objects", None) is None


def test_a_store_is_one_source_and_runs_no_code(tmp_path: Path) -> None:
    write_zarr(tmp_path / "stack", GREY, 3)
    (tmp_path / "a.png").write_bytes(png(COLOUR[0]))
    (tmp_path / "empty.zarr").mkdir()
    assert [source.relative for source in find_sources([tmp_path])] == ["a.png", "stack.zarr"]
    assert [source.relative for source in find_sources([tmp_path / "stack.zarr"])] == ["stack.zarr"]
    alone = zarr.create_array(tmp_path / "alone.zarr", data=PLANES[0])
    assert images_of(tmp_path / "alone.zarr", "alone", None) == ("#", ["0"])
    np.testing.assert_array_equal(read(tmp_path / "alone.zarr", "0").pixels, np.asarray(alone))
    for codec, reason in ((numcodecs.Pickle(), "IMAGE_DAMAGED"), (numcodecs.Base64(), "COMPRESSION_UNSUPPORTED")):
        path = tmp_path / f"{reason}.zarr"
        zarr.create_array(path, shape=GREY.shape, dtype="f4", zarr_format=2, filters=[codec])
        with pytest.raises(ReadError) as caught:
            images_of(path, "code", None)
        assert caught.value.reason == reason
    (tmp_path / "alone.zarr" / "c").rename(tmp_path / "elsewhere")
    (tmp_path / "alone.zarr" / "c").symlink_to(tmp_path / "elsewhere")
    for path, within in ((tmp_path / "stack.zarr", [tmp_path / "other"]), (tmp_path / "alone.zarr", [tmp_path])):
        with pytest.raises(ReadError) as caught:
            images_of(path, "x", within)
        assert caught.value.reason == "FILE_OUTSIDE_NOT_ALLOWED"


@pytest.mark.parametrize("form", ["struct", "binary"])
def test_each_row_of_a_table_is_an_image(tmp_path: Path, form: str) -> None:
    contents = [png(pixels) for pixels in COLOUR]
    images: list[Any] = (
        [{"bytes": content, "path": f"{row}.png"} for row, content in enumerate(contents)]
        if form == "struct"
        else contents
    )
    table = pa.table({"image": images, "label": list(range(5)), "ra": [1.5] * 5, "dec": [2.5] * 5})
    path = tmp_path / "train.parquet"
    pq.write_table(table, path, row_group_size=2)
    assert images_of(path, "train", None) == ("#", list("01234"))
    for row in (4, 0, 3):
        image = read(path, str(row))
        np.testing.assert_array_equal(image.pixels, np.moveaxis(COLOUR[row], -1, 0))
        assert image.metadata["header.label"] == row
        assert image.metadata["ra_deg"] == 1.5
    pq.write_table(pa.table({"name": ["a"], "flux": [1.5]}), path)
    assert images_of(path, "train", None) is None


def test_images_as_lists_in_partitions(tmp_path: Path) -> None:
    for number in (0, 1):
        folder = tmp_path / "hats" / "dataset" / f"Norder={number}" / "Dir=0"
        folder.mkdir(parents=True)
        table = pa.table(
            {
                "cutout": pa.array([image.tolist() for image in GREY[3 * number : 3 * number + 3]]),
                "spectrum": pa.array([[1.0, 2.0]] * 3),
                "ra": [1.5] * 3,
                "dec": [2.5] * 3,
            }
        )
        pq.write_table(table, folder / "Npix=4.parquet")
    for name in ("hats/dataset/_metadata", "hats/dataset/_common_metadata", "hats/point_map.fits"):
        (tmp_path / name).write_bytes(b"PAR1")
    (tmp_path / "hats/properties").write_text("#HATS catalog\ndataproduct_type=object\nhats_col_ra=ra\n")
    pq.write_table(table, tmp_path / "hats/dataset/data_thumbnail.parquet")
    margin = tmp_path / "margin" / "dataset" / "Norder=0" / "Dir=0"
    margin.mkdir(parents=True)
    pq.write_table(table, margin / "Npix=5.parquet")
    (tmp_path / "margin/hats.properties").write_text("obs_collection=a\ndataproduct_type = margin\n")
    sources = find_sources([tmp_path], also={".parquet"})
    assert [source.path.name for source in sources] == ["Npix=4.parquet"] * 2
    image = read(sources[1].path, "2")
    np.testing.assert_array_equal(image.pixels[0], GREY[5])
    assert image.metadata["dec_deg"] == 2.5
    colours = pa.array([image.tolist() for image in PLANES], pa.list_(pa.list_(pa.list_(pa.float32(), 20), 24), 2))
    pq.write_table(pa.table({"image": colours}), tmp_path / "fixed.parquet")
    np.testing.assert_array_equal(read(tmp_path / "fixed.parquet", "1").pixels, PLANES[1].astype(np.float32))
    pq.write_table(pa.table({"image": [[[1.0, 2.0], [3.0]], [[1.0, None], [3.0, 4.0]]]}), tmp_path / "ragged.parquet")
    for row in "01":
        with pytest.raises(ReadError) as caught:
            read(tmp_path / "ragged.parquet", row)
        assert caught.value.reason == "VALUES_UNSUPPORTED"


def test_bands_beside_their_names(tmp_path: Path) -> None:
    flux = PLANES.astype(np.float32)
    images = [
        {"band": ["g", "r"], "flux": each.tolist(), "mask": (each > 0).tolist(), "psf_fwhm": [1.25, 1.5], "scale": 0.26}
        for each in flux
    ]
    table = pa.table({"image": images, "object_id": ["0266", "b", "c", "d", "e"], "ra": [1.5] * 5, "dec": [2.5] * 5})
    pq.write_table(table, tmp_path / "a.parquet")
    assert images_of(tmp_path / "a.parquet", "a", None) == ("#", list("01234"))
    image = read(tmp_path / "a.parquet", "3")
    np.testing.assert_array_equal(image.pixels, flux[3])
    assert image.channels == ("g", "r")
    facts = image.metadata
    assert (facts["header.psf_fwhm.g"], facts["header.psf_fwhm.r"], facts["header.scale"]) == (1.25, 1.5, 0.26)
    assert (facts["not_read"], facts["header.object_id"], facts["dec_deg"]) == ("mask", "d", 2.5)
    pq.write_table(table.set_column(0, "image", [pa.array([None, *images[1:]])]), tmp_path / "a.parquet")
    with pytest.raises(ReadError, match="has no image"):
        read(tmp_path / "a.parquet", "0")


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(("write", "name"), [(zipped, "a.zip"), (tarred, "a.tar"), (tarred, "a.tar.gz")])
def test_each_file_of_an_archive_is_an_image(
    tmp_path: Path, write: Callable[[Path, dict[str, bytes]], Path], name: str
) -> None:
    buffer = io.BytesIO()
    fits.writeto(buffer, GREY[0])
    files = {"x/J0013+0951.fits": buffer.getvalue(), "x/b.png": png(COLOUR[1]), "x/README.md": b"", ".hidden.png": b""}
    path = write(tmp_path / name, {**files, "../out.png": png(COLOUR[2])})
    assert images_of(path, name, None) == ("/", ["x/J0013+0951.fits", "x/b.png", "../out.png"])
    np.testing.assert_array_equal(read(path, "x/J0013+0951.fits").pixels[0], GREY[0][::-1])
    np.testing.assert_array_equal(read(path, "x/b.png").pixels, np.moveaxis(COLOUR[1], -1, 0))
    with pytest.raises(ReadError, match="out of its archive") as caught:
        read(path, "../out.png")
    assert caught.value.reason == "FILE_UNSUPPORTED"
    with pytest.raises(ReadError) as caught:
        read(path, "x/b.png", file_bytes=10)
    assert caught.value.reason == "IMAGE_TOO_LARGE"


def test_links_and_devices_of_archives_are_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("l.png", tarfile.SYMTYPE), ("h.png", tarfile.LNKTYPE), ("d.png", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    linked = zipfile.ZipInfo("l.png")
    linked.create_system, linked.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zip_archive:
        zip_archive.writestr(linked, "/etc/passwd")
    for archive_name, names in (("a.tar", ("l.png", "h.png", "d.png")), ("a.zip", ("l.png",))):
        for name in names:
            with pytest.raises(ReadError) as caught:
                read(tmp_path / archive_name, name)
            assert caught.value.reason == "FILE_UNSUPPORTED"


def test_a_bomb_costs_itself(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"vast.png": bytes(50 * 2**20), "b.png": png(COLOUR[0])})
    assert path.stat().st_size < 100_000
    with pytest.raises(ReadError) as caught:
        read(path, "vast.png", file_bytes=2**20)
    assert caught.value.reason == "IMAGE_TOO_LARGE"
    assert read(path, "b.png").channels == ("red", "green", "blue")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.h5", "a.npz", "a.npy", "a.parquet"])
def test_damaged_files_have_a_reason(tmp_path: Path, name: str) -> None:
    begins = {".zip": b"PK\x03\x04", ".tar": b"\0" * 257 + b"ustar", ".gz": b"\x1f\x8b", ".h5": b"\x89HDF\r\n\x1a\n"}
    begin = {**begins, ".npz": b"PK\x03\x04", ".npy": b"\x93NUMPY", ".parquet": b"PAR1"}[Path(name).suffix]
    (tmp_path / name).write_bytes(begin + b"secret" * 300)
    with pytest.raises(ReadError) as caught:
        images_of(tmp_path / name, name, None)
    assert "secret" not in caught.value.message
    (tmp_path / name).write_bytes(b"something else")
    assert images_of(tmp_path / name, name, None) is None
