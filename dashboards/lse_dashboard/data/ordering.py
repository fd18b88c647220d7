"""Orders of images: by a column, by their distance to the centre of a set; and images found by name or by a query."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lse.client import Client
from lse.errors import InvalidArgumentError
from lse_dashboard import wording
from lse_dashboard.data.images import ImageIndex, Rows, positions
from lse_dashboard.data.sky_search import POSITION_COLUMNS, cone_meant, rows_within

__all__ = ["MOST_MEASURED", "distances", "rows_meant", "sorted_rows", "values_at", "vectors_of"]

# Vectors of more images than this are not fetched to measure distances.
MOST_MEASURED = 50_000
_COMPARISON = re.compile(r"[=<>:]")


def sorted_rows(rows: Rows, values: pa.Array | pa.ChunkedArray, *, descending: bool) -> Rows:
    """Rows ordered by a value of each, missing values last; equal ones keep their order."""
    keys = pa.table({"value": values})
    order = pc.sort_indices(keys, sort_keys=[("value", "descending" if descending else "ascending")])
    sorted_: Rows = rows[order.to_numpy()]
    return sorted_


def vectors_of(client: Client, experiment: str, rows: Rows) -> npt.NDArray[np.float32]:
    """Latent vectors of some rows, scaled to length 1, shape (n, D).

    Raises
    ------
    InvalidArgumentError
        ``COUNT_INVALID``: there are more than `MOST_MEASURED`.
    """
    if len(rows) > MOST_MEASURED:
        raise InvalidArgumentError(
            wording.Gallery.TOO_MANY.format(count=len(rows), most=MOST_MEASURED),
            reason="COUNT_INVALID",
            count=len(rows),
        )
    column = client.experiments.vectors(experiment, rows=rows, columns=["vector"])["vector"].combine_chunks()
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    scaled: npt.NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def distances(client: Client, experiment: str, rows: Rows) -> npt.NDArray[np.float32]:
    """Cosine distance of each row to the centre of all of them in latent space, shape (n,)."""
    vectors = vectors_of(client, experiment, rows)
    centre = vectors.mean(axis=0)
    measured: npt.NDArray[np.float32] = 1 - vectors @ (centre / max(float(np.linalg.norm(centre)), 1e-12))
    return measured


def rows_meant(client: Client, dataset: str, images: ImageIndex, text: str) -> Rows:
    """Rows of the images that a text means.

    Parameters
    ----------
    client, dataset
        Where to look.
    images
        Images of the dataset.
    text
        A query on metadata, such as ``redshift > 0.5 AND class = spiral``; names; a position on the sky, see
        `cone_meant`; else a part of names.

    Raises
    ------
    InvalidArgumentError
        The query cannot be read.
    """
    cone = cone_meant(text)
    if cone is None and _COMPARISON.search(text):
        rows = [image.row for image in client.datasets.images(dataset, status="prepared", filter=text)]
        return np.array(sorted(rows), dtype=np.int64)
    names = pa.array([name for name in re.split(r"[\s,;]+", text.strip()) if name])
    if len(names) == 0:
        return np.zeros(0, dtype=np.int64)
    exact = np.asarray(pc.is_in(images.names, value_set=names))
    if exact.any():
        named: Rows = images.rows[exact]
        return named
    if cone is not None and len(near := rows_within(cone, client.datasets.table(dataset, columns=POSITION_COLUMNS))):
        return near
    alike: Rows = images.rows[np.asarray(pc.match_substring(images.names, text.strip(), ignore_case=True))]
    return alike


def values_at(images: ImageIndex, values: pa.ChunkedArray, rows: Rows) -> pa.ChunkedArray:
    """Values of a column, which is in the order of `images`, for some rows."""
    return values.take(pa.array(positions(images.rows, rows)))
