"""How the parts of an ingest become a dataset: one array of tensors, one image table, one table of thumbnails.

Which row an image gets is known only when all parts are there, since rejected inputs have none.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lse.platform.artifacts import Artifacts
from lse.services.ingestion.parts import part_uri
from lse.tables.image_table import conformed, earlier_piece, image_schema, json_piece

__all__ = [
    "ROWS_PER_CHUNK",
    "THUMBNAILS_PER_GROUP",
    "Segment",
    "create_images",
    "fill_rows",
    "segments_of",
    "segments_within",
    "write_tables",
]

# A chunk of 256 images of 64x64 in one band is 4 MiB: large enough to stream, small enough to touch a few images.
ROWS_PER_CHUNK = 256
THUMBNAILS_PER_GROUP = 256

_THUMBNAILS = pa.schema([("thumbnail", pa.binary())])
_PICTURES = {"thumbnail", "tensor", "digest"}


@dataclass(frozen=True)
class Segment:
    """Consecutive prepared images in a part, or in an earlier version of the dataset.

    Attributes
    ----------
    table_uri
        The part, or the image table of the earlier version.
    first_row
        Row of its first image in the dataset.
    count
        Images in it.
    images_uri, thumbnails_uri
        Arrays and thumbnails of an earlier version; empty for a part, which has its own.
    inputs_uri
        Table of inputs, with their facts as JSON, of an earlier version that has one.
    """

    table_uri: str
    first_row: int
    count: int
    images_uri: str = ""
    thumbnails_uri: str = ""
    inputs_uri: str = ""


def segments_of(folder: str, prepared: Sequence[int], earlier: Segment | None) -> list[Segment]:
    """Segments of a dataset: the earlier version's, then one per part with its number of prepared images."""
    segments = [earlier] if earlier else []
    row = earlier.count if earlier else 0
    for index, count in enumerate(prepared):
        segments.append(Segment(part_uri(folder, index), row, count))
        row += count
    return segments


def segments_within(segments: Sequence[Segment], first: int) -> list[Segment]:
    """Segments with images of the chunk that begins at row `first`, by bisection: there are many of both."""
    begin = bisect.bisect_right(segments, first, key=lambda segment: segment.first_row) - 1
    end = bisect.bisect_left(segments, first + ROWS_PER_CHUNK, key=lambda segment: segment.first_row)
    return [segment for segment in segments[max(begin, 0) : end] if segment.first_row + segment.count > first]


def create_images(artifacts: Artifacts, uri: str, shape: tuple[int, ...]) -> None:
    """Lay out the array of the images of a dataset, of a shape (n, C, size, size)."""
    artifacts.create_array(uri, shape=shape, dtype="float32", chunks=(min(ROWS_PER_CHUNK, shape[0]), *shape[1:]))


def fill_rows(artifacts: Artifacts, images_uri: str, first: int, segments: Sequence[Segment]) -> int:
    """Fill the chunk of a dataset's array that begins at row `first` with the images of some segments.

    Returns
    -------
    int
        Rows filled.
    """
    array = artifacts.open_array(images_uri, writable=True)
    last = min(first + ROWS_PER_CHUNK, array.shape[0])
    chunk = np.empty((last - first, *array.shape[1:]), dtype=np.float32)
    for segment in segments:
        begin = max(first, segment.first_row)
        end = min(last, segment.first_row + segment.count)
        if begin >= end:
            continue
        within = slice(begin - segment.first_row, end - segment.first_row)
        if segment.images_uri:
            chunk[begin - first : end - first] = artifacts.open_array(segment.images_uri)[within]
        else:
            tensors = artifacts.read_table(segment.table_uri, ["tensor"])["tensor"].drop_null()[within]
            images = np.stack([np.frombuffer(tensor.as_buffer(), np.float32) for tensor in tensors])
            chunk[begin - first : end - first] = images.reshape(-1, *array.shape[1:])
    array[first:last] = chunk
    return last - first


def write_tables(artifacts: Artifacts, segments: Sequence[Segment], images_uri: str, thumbnails_uri: str) -> pa.Schema:
    """Write the image table and the thumbnails of a dataset, piece by piece.

    Returns
    -------
    Schema
        That of the image table.
    """
    schema = image_schema(schema for segment in segments for schema in _schemas(artifacts, segment))
    with artifacts.table_writer(images_uri, schema) as write:
        row = 0
        for segment in segments:
            for piece in _pieces(artifacts, segment):
                table = conformed(piece, schema, first_row=row)
                row += pc.sum(pc.greater_equal(table["row"], 0)).as_py() or 0
                write(table)
    with artifacts.table_writer(thumbnails_uri, _THUMBNAILS, rows_per_group=THUMBNAILS_PER_GROUP) as write:
        for segment in segments:
            for group in artifacts.row_groups(segment.thumbnails_uri or segment.table_uri, ["thumbnail"]):
                write(group.filter(group["thumbnail"].is_valid()).cast(_THUMBNAILS))
    return schema


def _schemas(artifacts: Artifacts, segment: Segment) -> Iterator[pa.Schema]:
    if segment.images_uri:
        yield from (piece.schema for piece in _pieces(artifacts, segment))
    else:
        yield artifacts.table_schema(segment.table_uri)


def _pieces(artifacts: Artifacts, segment: Segment) -> Iterator[pa.Table]:
    if segment.inputs_uri:
        yield from (json_piece(group) for group in artifacts.row_groups(segment.inputs_uri))
    elif segment.images_uri:
        yield from (earlier_piece(group) for group in artifacts.row_groups(segment.table_uri))
    else:
        columns = [name for name in artifacts.table_schema(segment.table_uri).names if name not in _PICTURES]
        yield artifacts.read_table(segment.table_uri, columns)
