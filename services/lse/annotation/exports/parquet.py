"""Apache Parquet: typed columns, with meanings and provenance in its metadata."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from lse.annotation.exports.table import CatalogueTable

__all__ = ["write_parquet"]


def write_parquet(catalogue: CatalogueTable, file: BinaryIO) -> None:
    """Write a catalogue as Parquet.

    The schema's metadata hold the title and all facts; those of a field ``description``, ``unit`` and ``ucd``. Vectors
    are one column of fixed-size lists.
    """
    fields = []
    for field in catalogue.table.schema:
        meaning = catalogue.meaning(field.name)
        said = {"description": meaning.description, "unit": meaning.unit, "ucd": meaning.ucd}
        fields.append(field.with_metadata({key: value for key, value in said.items() if value}))
    schema = pa.schema(fields, metadata={"title": catalogue.title, **catalogue.facts})
    pq.write_table(catalogue.table.cast(schema), file, compression="zstd", row_group_size=65536)
