"""Apache Parquet: typed columns, with meanings and provenance in its metadata."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from lse.columns import ColumnMeaning, pandas_schema
from lse.methods import Method, NoFacts
from lse.parameters import Parameters
from lse.tables.exports.table import CatalogueTable

__all__ = ["METHOD", "write_parquet"]

_ROWS_PER_GROUP = 65536


def write_parquet(catalogue: CatalogueTable, file: BinaryIO) -> None:
    """Write a catalogue as Parquet.

    The schema's metadata hold the title and all facts; those of a field ``description``, ``unit`` and ``ucd``. Vectors
    are one column of fixed-size lists.
    """
    fields = [ColumnMeaning.of(field).on(pa.field(field.name, field.type)) for field in catalogue.schema]
    schema = pandas_schema(pa.schema(fields, metadata={"title": catalogue.title, **catalogue.facts}))
    held, rows = [schema.empty_table()], 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for block in catalogue.blocks(schema.names):
            held.append(block.cast(schema))
            rows += block.num_rows
            if rows >= _ROWS_PER_GROUP:
                writer.write_table(pa.concat_tables(held), row_group_size=_ROWS_PER_GROUP)
                held, rows = [schema.empty_table()], 0
        writer.write_table(pa.concat_tables(held))


METHOD: Method[Callable[[CatalogueTable, BinaryIO], None], NoFacts] = Method(
    id="parquet",
    title="Parquet",
    summary="Apache Parquet, with types, units and provenance.",
    parameters=Parameters,
    run=write_parquet,
    facts=NoFacts(),
    order=20,
)
