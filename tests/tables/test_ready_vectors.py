"""Ready vectors, from files that fit and files that do not."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.errors import InvalidArgumentError
from lse.tables.ready_vectors import read_vectors

NAMES = ["a", "b", "c"]
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)


def saved(kind: str, names: list[str], vectors: np.ndarray) -> bytes:
    """Content of a file of vectors."""
    if kind == "vectors.npz":
        return archive(name=names, vectors=vectors)
    if kind == "lists.parquet":
        return parquet(name=names, vector=vectors.tolist())
    return parquet(name=names, **{f"v{i}": vectors[:, i] for i in range(vectors.shape[1])})


def plain(vectors: np.ndarray) -> bytes:
    """Content of a NumPy file."""
    content = io.BytesIO()
    np.save(content, vectors)
    return content.getvalue()


def archive(**arrays: object) -> bytes:
    """Content of a NumPy archive."""
    content = io.BytesIO()
    np.savez(content, **{name: np.asarray(values) for name, values in arrays.items()})
    return content.getvalue()


def parquet(**columns: object) -> bytes:
    """Content of a Parquet file."""
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


def hdf5(datasets: Mapping[str, object]) -> bytes:
    """Content of an HDF5 file."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for path, values in datasets.items():
            file[path] = values
    return content.getvalue()


@given(order=st.permutations(range(3)), kind=st.sampled_from(["vectors.npz", "lists.parquet", "columns.parquet"]))
def test_vectors_are_joined_by_name_in_any_order(order: list[int], kind: str) -> None:
    content = saved(kind, [NAMES[i] for i in order], VECTORS[order])
    np.testing.assert_array_equal(read_vectors(content, kind, NAMES), VECTORS)


def test_plain_array_is_taken_in_the_order_of_the_rows() -> None:
    np.testing.assert_array_equal(read_vectors(plain(VECTORS), "vectors.npy", NAMES), VECTORS)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"nothing", "vectors.npy", "cannot be read"),
        (b"nothing", "vectors.parquet", "cannot be read"),
        (b"nothing", "vectors.h5", "cannot be read"),
        (b"nothing", "vectors.csv", "no known format"),
        (saved("vectors.npz", ["a", "b", "b"], VECTORS), "vectors.npz", "more than one vector for 'b'"),
        (hdf5({"vectors": VECTORS}), "vectors.h5", "needs one dataset of image names.*vectors float32"),
        (hdf5({"names": NAMES}), "vectors.h5", "needs one dataset of vectors"),
        (hdf5({"a": NAMES, "b": NAMES, "v": VECTORS}), "vectors.h5", "call it 'names'"),
        (hdf5({"names": NAMES[:2], "v": VECTORS}), "vectors.h5", "2 names and 3 vectors"),
        (hdf5({"names": NAMES, "v": np.full((3, 2), np.inf)}), "vectors.hdf5", "NaN or infinity"),
        (plain(VECTORS[:2]), "vectors.npy", "for 3 images"),
        (saved("vectors.npz", NAMES[:2], VECTORS[:2]), "vectors.npz", "no vector for 1 of the 3 images, such as 'c'"),
        (archive(sources=NAMES, vectors=VECTORS), "vectors.npz", "has sources, vectors: .* 'names'"),
        (archive(name=NAMES, numbers=VECTORS), "vectors.npz", "has name, numbers: .* 'vectors'"),
        (parquet(source=NAMES, vector=VECTORS.tolist()), "vectors.parquet", "has source, vector: .* 'names'"),
        (parquet(name=NAMES, x=VECTORS.tolist(), y=VECTORS.tolist()), "vectors.parquet", "has x, y: .* 'vectors'"),
        (plain(np.full((3, 2), np.nan, np.float32)), "vectors.npy", "NaN or infinity"),
        (plain(np.array([["a"], ["b"], ["c"]])), "vectors.npy", "row of numbers"),
    ],
)
def test_file_that_does_not_fit_is_refused_in_a_sentence(content: bytes, name: str, says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        read_vectors(content, name, NAMES)


@pytest.mark.parametrize(
    "datasets",
    [
        {"names": NAMES[::-1], "vectors": VECTORS[::-1]},
        {"survey/id": np.array(NAMES[::-1], "S8"), "survey/anything": VECTORS[::-1].astype(np.float64)},
        {"name": NAMES[::-1], "comment": ["x", "y", "z"], "latents": VECTORS[::-1], "positions": np.zeros((3, 2))},
    ],
)
@pytest.mark.parametrize("file_name", ["vectors.h5", "vectors.hdf5"])
def test_hdf5_is_joined_by_name_wherever_its_datasets_are(datasets: Mapping[str, object], file_name: str) -> None:
    np.testing.assert_array_equal(read_vectors(hdf5(datasets), file_name, NAMES), VECTORS)


def test_hdf5_that_points_at_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(VECTORS.tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["vectors"] = VECTORS
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["names"] = NAMES
        file.create_dataset("vectors", (3, 4), "f4", external=[(str(tmp_path / "secret"), 0, h5py.h5f.UNLIMITED)])
        file["linked"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/vectors")
        layout = h5py.VirtualLayout((3, 4), "f4")
        layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "vectors", shape=(3, 4))
        file.create_virtual_dataset("virtual", layout)
    with pytest.raises(InvalidArgumentError, match="needs one dataset of vectors"):
        read_vectors(content.getvalue(), "vectors.h5", NAMES)
