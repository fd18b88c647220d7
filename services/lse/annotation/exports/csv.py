"""CSV: a plain table that every program reads, so what a header would say stands in columns."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
from pyarrow import csv

from lse.annotation.exports.table import IDENTITY, CatalogueTable

__all__ = ["write_csv"]

_ROWS = 16384


def write_csv(catalogue: CatalogueTable, file: BinaryIO) -> None:
    """Write a catalogue as CSV in UTF-8: missing values are empty, text is quoted.

    Vectors take one column a component, ``vector.0`` and so on; the facts that identify the catalogue are constant
    columns ``provenance.…``.
    """
    table = catalogue.table
    facts = {f"provenance.{key}": catalogue.facts[key] for key in IDENTITY if key in catalogue.facts}
    # In pieces, since the components of many vectors as text are many times larger than they are as numbers.
    writer: csv.CSVWriter | None = None
    for start in range(0, max(table.num_rows, 1), _ROWS):
        piece = _flat(table.slice(start, _ROWS).combine_chunks())
        for name, value in facts.items():
            piece = piece.append_column(name, pa.array([value] * piece.num_rows, pa.string()))
        writer = writer or csv.CSVWriter(file, piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


def _flat(table: pa.Table) -> pa.Table:
    """Table in which each component of a list is a column."""
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
            columns.append(column)
    return pa.table(columns, names=names)
