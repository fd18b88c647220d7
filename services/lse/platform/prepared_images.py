"""The prepared images of a dataset, as the services after ingestion see them: one line each, in their order."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lse import names
from lse.columns import with_pandas_types
from lse.errors import DataLossError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import DatasetRecord, ExperimentRecord

__all__ = ["image_blocks", "image_line", "image_row", "image_rows", "pixel_blocks", "prepared_images"]

_SHOWN = 3
_BLOCK_BYTES = 4 * 2**20
# Column of lines beside those of an image table, whose names have no such character.
_BY_NAME = "\0by name"


def prepared_images(
    artifacts: Artifacts, table_uri: str, columns: Sequence[str], rows: NDArray[np.int64] | range | None = None
) -> pa.Table:
    """Columns of the image table for the images that have a row in the arrays.

    Parameters
    ----------
    artifacts
        Where the table is.
    table_uri
        URI of the image table of a dataset, which also has the rejected inputs.
    columns
        Columns wanted.
    rows
        Rows wanted, ascending; all where not given.

    Returns
    -------
    Table
        Those columns; line i is the image of row i, or of the i-th of the rows wanted.
    """
    blocks = list(image_blocks(artifacts, table_uri, columns, rows))
    if blocks:
        return pa.concat_tables(blocks)
    schema = artifacts.table_schema(table_uri)
    return pa.schema([schema.field(name) for name in columns], metadata=schema.metadata).empty_table()


def pixel_blocks(artifacts: Artifacts, images_uri: str, rows: NDArray[np.int64] | range) -> Iterator[pa.Table]:
    """Prepared images, the columns ``row`` and ``pixels``, in blocks of some MiB; only one is in memory.

    Parameters
    ----------
    artifacts, images_uri
        Where the array of images is.
    rows
        Rows wanted, ascending.
    """
    images = artifacts.array_rows(images_uri)
    length = int(np.prod(images.shape[1:]))
    step = max(1, _BLOCK_BYTES // (4 * length))
    for start in range(0, max(1, len(rows)), step):
        wanted = np.asarray(rows[start : start + step], np.int64)
        pixels = pa.array(images[wanted].astype(np.float32, copy=False).ravel())
        yield pa.table({"row": wanted, "pixels": pa.FixedSizeListArray.from_arrays(pixels, length)})


def image_blocks(
    artifacts: Artifacts, table_uri: str, columns: Sequence[str], rows: NDArray[np.int64] | range | None = None
) -> Iterator[pa.Table]:
    """As `prepared_images`, in blocks, each of some thousand consecutive images at most; only these are in memory.

    Raises
    ------
    DataLossError
        If the table lacks one of the rows.
    """
    read = list(dict.fromkeys(["row", *columns]))
    wanted = None if rows is None else np.asarray(rows, np.int64)
    found = 0
    with artifacts.opened_table(table_uri) as file:
        ends = _row_ends(file)
        for group, (first, end) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
            here = np.arange(first, end) if wanted is None else _between(wanted, first, end)
            if len(here):
                block = file.read_row_group(group, read)
                # Rejected inputs lie between the images; the rows of these follow one another.
                lines = np.flatnonzero(block["row"].to_numpy() >= 0)
                if len(lines) != end - first:
                    break
                found += len(here)
                block = block.select(list(columns)).take(pa.array(lines[here - first]))
                yield with_pandas_types(block)
    if found < (ends[-1] if wanted is None else len(wanted)):
        raise DataLossError(
            f"The image table {table_uri} lacks rows: restore it from a backup.", reason="ARTIFACT_DAMAGED"
        )


def _row_ends(file: pq.ParquetFile) -> list[int]:
    """For each group of rows of an image table the row after its last image's, from the statistics of the file."""
    column = file.schema_arrow.get_field_index("row")
    ends = [0]
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(column).statistics
        ends.append(max(ends[-1], statistics.max + 1))
    return ends[1:] or [0]


def _between(rows: NDArray[np.int64], first: int, end: int) -> NDArray[np.int64]:
    return rows[slice(*np.searchsorted(rows, [first, end]))]


def image_rows(artifacts: Artifacts, table_uri: str) -> pa.Table:
    """Names, rows and files of all inputs of a dataset, and the lines in the order of the names.

    The row of a rejected input is negative.
    """
    rows = artifacts.read_table(table_uri, ["name", "row", "source"]).combine_chunks()
    return rows.append_column(_BY_NAME, pc.sort_indices(rows["name"]))


def image_line(wanted: str, rows: pa.Table, *, dataset: str) -> int:
    """Line of an input of a dataset, however a person names it.

    Parameters
    ----------
    wanted
        Its name; or else the path of its file, the end of that path or the file's name, with or without the suffix;
        or else its row.
    rows
        See `image_rows`.
    dataset
        Id of the dataset, for messages.

    Raises
    ------
    NotFoundError
        ``IMAGE_NOT_FOUND``.
    InvalidArgumentError
        ``IMAGE_AMBIGUOUS`` where several inputs fit and none has this name.
    """
    by_name, known = rows[_BY_NAME], rows["name"]
    place = bisect_left(range(len(rows)), wanted, key=lambda each: known[by_name[each].as_py()].as_py())
    if place < len(rows) and known[line := by_name[place].as_py()].as_py() == wanted:
        return int(line)
    if (line := pc.index(rows["source"], wanted).as_py()) >= 0:
        return int(line)
    # Canonically equivalent texts are one name: systems write an umlaut as one character or as two.
    text = unicodedata.normalize("NFC", wanted).removeprefix("./")
    names, files = (pc.utf8_normalize(rows[column], form="NFC") for column in ("name", "source"))
    ending = pc.match_substring_regex(files, rf"(^|/){re.escape(text)}(\.[^/]*)?$")
    row = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
    fits = pc.or_(pc.or_(pc.equal(names, text), ending), pc.and_(pc.equal(rows["row"], row), row >= 0))
    lines = np.flatnonzero(fits.to_numpy())
    if not len(lines):
        raise NotFoundError(
            f"The dataset '{dataset}' has no image '{wanted}': give its name, its path or its row.",
            reason="IMAGE_NOT_FOUND",
            name=wanted,
        )
    if len(lines) > 1:
        shown = ", ".join(f"'{rows['name'][line]}' (row {rows['row'][line]})" for line in lines[:_SHOWN])
        raise InvalidArgumentError(
            f"'{wanted}' fits {len(lines)} images of the dataset '{dataset}', such as {shown}: give the name of one.",
            reason="IMAGE_AMBIGUOUS",
            name=wanted,
        )
    return int(lines[0])


def image_row(image: str, rows: pa.Table, *, dataset: DatasetRecord, experiment: ExperimentRecord) -> int:
    """Row of an image among the vectors of an experiment.

    Parameters
    ----------
    image
        Its resource name, of which the last part may be all that `image_line` finds an image by.
    rows
        See `image_rows`.
    dataset, experiment
        The experiment and its dataset.

    Raises
    ------
    InvalidArgumentError
        If the image is of another dataset, or several images fit.
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
            reason="DATASET_MISMATCH",
        )
    row: int = rows["row"][image_line(image_id, rows, dataset=dataset.id)].as_py()
    if not 0 <= row < experiment.result.image_count:
        why = "was rejected" if row < 0 else "was added after the experiment was encoded"
        raise FailedPreconditionError(
            f"The image '{image_id}' {why} and has no vector in '{experiment.id}'.", reason="VECTOR_MISSING"
        )
    return row
