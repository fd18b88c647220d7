"""What the readers of tables give."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["FileTable", "TableError"]


class TableError(ValueError):
    """A file that is not the table that it begins like; the text says why and quotes nothing of the file."""


@dataclass(frozen=True)
class FileTable:
    """A table of a file.

    Attributes
    ----------
    table
        Its columns; units, UCDs and descriptions are metadata of the fields (`lse.columns.ColumnMeaning`).
    form
        What the file is, such as ``VOTable``.
    typed
        Whether the file has types of its own; where it has none all columns are texts.
    notes
        What was done to read it, a sentence each.
    """

    table: pa.Table
    form: str
    typed: bool
    notes: tuple[str, ...] = ()
