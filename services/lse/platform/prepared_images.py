"""The prepared images of a dataset, as the services after ingestion see them: one line each, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from lse.platform import names
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Resource
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError

__all__ = ["image_row", "image_rows", "prepared_images"]


def prepared_images(artifacts: Artifacts, table_uri: str, columns: Sequence[str]) -> pa.Table:
    """Columns of the image table for the images that have a row in the arrays.

    Parameters
    ----------
    artifacts
        Where the table is.
    table_uri
        URI of the image table of a dataset, which also has the rejected inputs.
    columns
        Columns wanted.

    Returns
    -------
    Table
        Those columns; line i is the image of row i.
    """
    table = artifacts.read_table(table_uri, list(dict.fromkeys(["row", *columns])))
    return table.filter(pc.greater_equal(table["row"], 0)).sort_by("row").select(list(columns))


def image_rows(artifacts: Artifacts, table_uri: str) -> dict[str, int]:
    """Rows of all images of a dataset by their ids; negative of a rejected one."""
    table = artifacts.read_table(table_uri, ["name", "row"])
    return dict(zip(table["name"].to_pylist(), table["row"].to_pylist(), strict=True))


def image_row(image: str, rows: Mapping[str, int], *, dataset: Resource, experiment: Resource) -> int:
    """Row of an image among the vectors of an experiment.

    Parameters
    ----------
    image
        Its resource name.
    rows
        See `image_rows`.
    dataset, experiment
        The experiment and its dataset.

    Raises
    ------
    InvalidArgumentError
        If the image is of another dataset.
    NotFoundError
        If the dataset has no such image.
    FailedPreconditionError
        If the image has no vector.
    """
    project, dataset_id, image_id = names.IMAGE.parse(image)
    if names.DATASET.format(project, dataset_id) != dataset.name:
        raise InvalidArgumentError(
            f"The image '{image_id}' is of another dataset than the experiment '{experiment.id}': "
            f"name one of {dataset.name}.",
            reason="OTHER_DATASET",
        )
    row = rows.get(image_id)
    if row is None:
        raise NotFoundError(
            f"The dataset '{dataset.id}' has no image named '{image_id}'.", reason="IMAGE_NOT_FOUND", name=image
        )
    if not 0 <= row < experiment.result["images"]:
        why = "was rejected" if row < 0 else "was added after the experiment was encoded"
        raise FailedPreconditionError(
            f"The image '{image_id}' {why} and has no vector in '{experiment.id}'.", reason="NO_VECTOR"
        )
    return row
