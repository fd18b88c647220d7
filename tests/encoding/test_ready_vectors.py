"""Ready vectors, from files that fit and files that do not."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lse.encoding.ready_vectors import read_vectors
from lse.platform.errors import InvalidArgumentError

NAMES = ["a", "b", "c"]
VECTORS = np.arange(12, dtype=np.float32).reshape(3, 4)


def saved(kind: str, names: list[str], vectors: np.ndarray) -> bytes:
    """Content of a file of vectors."""
    file = io.BytesIO()
    if kind == "vectors.npy":
        np.save(file, vectors)
    elif kind == "vectors.npz":
        np.savez(file, name=np.array(names), vectors=vectors)
    elif kind == "lists.parquet":
        pq.write_table(pa.table({"name": names, "vector": vectors.tolist()}), file)
    else:
        columns = {f"v{i}": vectors[:, i] for i in range(vectors.shape[1])}
        pq.write_table(pa.table({"name": names, **columns}), file)
    return file.getvalue()


@given(order=st.permutations(range(3)), kind=st.sampled_from(["vectors.npz", "lists.parquet", "columns.parquet"]))
def test_vectors_are_joined_by_name_in_any_order(order: list[int], kind: str) -> None:
    content = saved(kind, [NAMES[i] for i in order], VECTORS[order])
    np.testing.assert_array_equal(read_vectors(content, kind, NAMES), VECTORS)


def test_plain_array_is_taken_in_the_order_of_the_rows() -> None:
    np.testing.assert_array_equal(read_vectors(saved("vectors.npy", [], VECTORS), "vectors.npy", NAMES), VECTORS)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"nothing", "vectors.npy", "cannot be read"),
        (b"nothing", "vectors.parquet", "cannot be read"),
        (b"nothing", "vectors.h5", "no known format"),
        (saved("vectors.npy", [], VECTORS[:2]), "vectors.npy", "for 3 images"),
        (saved("vectors.npz", NAMES[:2], VECTORS[:2]), "vectors.npz", "no vector for 1 of the 3 images, such as 'c'"),
        (saved("vectors.npy", [], np.full((3, 2), np.nan, np.float32)), "vectors.npy", "NaN or infinity"),
        (saved("vectors.npy", [], np.array([["a"], ["b"], ["c"]])), "vectors.npy", "row of numbers"),
    ],
)
def test_file_that_does_not_fit_is_refused_in_a_sentence(content: bytes, name: str, says: str) -> None:
    with pytest.raises(InvalidArgumentError, match=says):
        read_vectors(content, name, NAMES)
