"""The prepared images of a dataset, as the services after ingestion see them: one line each, in their order."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from lse.platform.artifacts import Artifacts

__all__ = ["prepared_images"]


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
