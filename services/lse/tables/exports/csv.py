"""CSV: a plain table that every program reads, so what a header would say stands in columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv

from lse.columns import printable
from lse.methods import Method, NoFacts
from lse.parameters import Parameters
from lse.tables.exports.table import IDENTITY, CatalogueTable

__all__ = ["METHOD", "write_csv"]

# The components of many vectors as text are many times larger than they are as numbers.
_ROWS = 8192


def write_csv(catalogue: CatalogueTable, file: BinaryIO) -> None:
    """Write a catalogue as CSV in UTF-8: missing values are empty, text is quoted.

    Vectors take one column a component, ``vector.0`` and so on; the facts that identify the catalogue are constant
    columns ``provenance.…``.
    """
    facts = {f"provenance.{key}": catalogue.facts[key] for key in IDENTITY if key in catalogue.facts}
    with csv.CSVWriter(file, _written(catalogue.schema.empty_table(), facts).schema) as writer:
        for block in catalogue.blocks(catalogue.schema.names):
            for start in range(0, block.num_rows, _ROWS):
                writer.write_table(_written(block.slice(start, _ROWS), facts))


def _written(table: pa.Table, facts: dict[str, str]) -> pa.Table:
    """Table in which each component of a list is a column, and each fact too."""
    names: list[str] = []
    columns: list[pa.ChunkedArray | pa.Array] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_fixed_size_list(column.type):
            width = column.type.list_size
            # flatten() of a combined chunk heeds its offset, .values would not.
            values = column.combine_chunks().flatten().to_numpy().reshape(-1, width)
            names += [f"{name}.{index}" for index in range(width)]
            columns += [pa.array(values[:, index]) for index in range(width)]
        else:
            names.append(name)
            columns.append(printable(column))
    for name, value in facts.items():
        names.append(name)
        columns.append(pa.array([value] * table.num_rows, pa.string()))
    return pa.table(columns, names=names)


METHOD: Method[Callable[[CatalogueTable, BinaryIO], None], NoFacts] = Method(
    id="csv",
    title="CSV",
    summary="Comma-separated values, which every program reads; units and provenance are lost.",
    parameters=Parameters,
    run=write_csv,
    facts=NoFacts(),
    order=10,
)
