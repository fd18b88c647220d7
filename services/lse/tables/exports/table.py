"""A catalogue to be exported: its columns, its rows in blocks, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import pyarrow as pa

__all__ = ["IDENTITY", "VECTOR_COLUMN", "CatalogueTable"]

VECTOR_COLUMN = "vector"

# The facts that tell which catalogue a row is from, where only columns can tell it.
IDENTITY = ("experiment", "experiment_uid", "dataset", "encoder", "simulated", "software")


@dataclass(frozen=True)
class CatalogueTable:
    """A catalogue with one row per image, of which a block at a time is in memory.

    Attributes
    ----------
    schema
        Columns of the kinds of `lse.kinds.KINDS`, int32 and float32; vectors as a fixed-size list of float32 named
        ``vector``.  Units, UCDs and descriptions are metadata of the fields (`lse.columns.ColumnMeaning`).
    count
        Number of rows.
    blocks
        Function that gives some of the columns, block by block; formats may call it several times.
    title
        One line for a person.
    facts
        Provenance: what was made of what, how, by which version; keys are words of letters, digits, ``.``, ``_`` and
        ``-``.
    """

    schema: pa.Schema
    count: int
    blocks: Callable[[Sequence[str]], Iterable[pa.Table]]
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pa.Table, title: str, facts: Mapping[str, str] | None = None) -> Self:
        """Catalogue of a table in memory.

        Examples
        --------
        >>> import io, pyarrow as pa
        >>> from lse.tables.exports import write_catalogue
        >>> write_catalogue(CatalogueTable.of(pa.table({"z": [0.1, 0.2]}), "Redshifts"), "fits", io.BytesIO())
        """
        return cls(table.schema, table.num_rows, lambda names: [table.select(list(names))], title, facts or {})
