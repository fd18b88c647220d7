"""A dataset of some images of another one: their tensors, thumbnails, columns, sources and labels, under new rows."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import DatasetRecord
from lse.platform.catalogue.labels import copy_labels
from lse.platform.catalogue.records.dataset import DatasetResult, versions_of
from lse.platform.operations import JobContext
from lse.rows import rows_of_bitmap, unpack_bitmap
from lse.services.ingestion.assembly import ROWS_PER_CHUNK, THUMBNAILS_PER_GROUP, create_images
from lse.services.ingestion.distinct import distinct_counts
from lse.services.ingestion.notes import NOTED, preparation_notes
from lse.services.ingestion.source_table import sources_uri

__all__ = ["subset_dataset"]

_LINES = 8192  # of a table in memory at a time


def subset_dataset(context: JobContext[DatasetRecord]) -> None:
    """Make a dataset of some images of another one, which stays as it is."""
    platform, spec, folder = context.platform, context.resource.spec, context.folder
    whole = context.once(
        lambda: platform.resources.get_ready(spec.subset_of, DatasetRecord), stage="scanning", returns=DatasetRecord
    )
    found, artifacts, rows = whole.result, platform.artifacts, rows_of_bitmap(unpack_bitmap(spec.packed_rows))
    count = len(rows)
    platform.access.quotas.require(context.resource.parent, image_count=count)
    images_uri = f"{folder}/images.zarr"
    shape = (count, len(found.channels), found.image_size, found.image_size)
    context.once(lambda: create_images(artifacts, images_uri, shape), stage="laying out", returns=NoneType)
    firsts = range(0, count, ROWS_PER_CHUNK)
    context.map(
        copy_images,
        {
            f"{first:09d}": (artifacts, found.images_uri, images_uri, first, rows[first : first + ROWS_PER_CHUNK])
            for first in firsts
        },
        stage="copying images",
        unit="images",
        units={f"{first:09d}": min(ROWS_PER_CHUNK, count - first) for first in firsts},
    )
    with context.stage("cataloguing"):
        facts = _copy_tables(artifacts, found, folder, rows)
        distinct = distinct_counts(artifacts, f"{folder}/images.parquet", found.columns)
        digests_uri = f"{folder}/digests.parquet" if found.digests_uri else ""
        if digests_uri:
            _copy_lines(artifacts, found.digests_uri, digests_uri, rows)
        copy_labels(platform.catalogue, whole.uid, context.resource.uid, rows)
    made_of = (
        f"Made of {count:,} of the {found.prepared_count:,} images of the dataset '{whole.id}', with their labels."
    )
    context.publish(
        found.model_copy(
            update={
                "folder": folder,
                "images_uri": images_uri,
                "table_uri": f"{folder}/images.parquet",
                "thumbnails_uri": f"{folder}/thumbnails.parquet",
                "sources_uri": sources_uri(folder) if found.sources_uri else "",
                "inputs_uri": "",
                "digests_uri": digests_uri,
                "versions": versions_of(None, prepared=count, rejected=0, sources=found.sources),
                "columns": {
                    name: column.model_copy(update={"distinct_count": distinct[name]})
                    for name, column in found.columns.items()
                },
                "prepared_count": count,
                "rejected_count": 0,
                "notes": (made_of, *preparation_notes(facts)),
            }
        )
    )


def copy_images(artifacts: Artifacts, from_uri: str, to_uri: str, first: int, rows: NDArray[np.int64]) -> int:
    """Copy some rows of an array of images to consecutive rows of another one; how many."""
    target = artifacts.open_array(to_uri, writable=True)
    target[first : first + len(rows)] = artifacts.read_array(from_uri, rows)
    return len(rows)


def _copy_tables(artifacts: Artifacts, found: DatasetResult, folder: str, rows: NDArray[np.int64]) -> pa.Table:
    """Write image table, sources and thumbnails of some rows; the columns that notes are made of."""
    numbers = artifacts.read_table(found.table_uri, ["row"])["row"].to_numpy()
    lines = np.flatnonzero(np.isin(numbers, rows))
    schema = artifacts.table_schema(found.table_uri)
    noted, done = [], 0
    with artifacts.table_writer(f"{folder}/images.parquet", schema) as write:
        for piece in _pieces(artifacts, found.table_uri, lines):
            own = pa.array(np.arange(done, done + piece.num_rows))
            done += piece.num_rows
            write(piece.set_column(piece.column_names.index("row"), schema.field("row"), own))
            noted.append(piece.select([name for name in NOTED if name in schema.names]))
    if found.sources_uri:
        _copy_lines(artifacts, found.sources_uri, sources_uri(folder), lines)
    _copy_lines(
        artifacts, found.thumbnails_uri, f"{folder}/thumbnails.parquet", rows, rows_per_group=THUMBNAILS_PER_GROUP
    )
    return pa.concat_tables(noted)


def _copy_lines(artifacts: Artifacts, from_uri: str, to_uri: str, lines: NDArray[np.int64], **options: int) -> None:
    with artifacts.table_writer(to_uri, artifacts.table_schema(from_uri), **options) as write:
        for piece in _pieces(artifacts, from_uri, lines):
            write(piece)


def _pieces(artifacts: Artifacts, uri: str, lines: NDArray[np.int64]) -> Iterator[pa.Table]:
    return (artifacts.read_table(uri, rows=lines[first : first + _LINES]) for first in range(0, len(lines), _LINES))
