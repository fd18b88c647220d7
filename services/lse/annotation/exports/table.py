"""A catalogue to be exported: its table, what its columns mean, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

__all__ = ["IDENTITY", "VECTOR_COLUMN", "CatalogueTable", "ColumnMeaning"]

VECTOR_COLUMN = "vector"

# The facts that tell which catalogue a row is from, where only columns can tell it.
IDENTITY = ("experiment", "experiment_uid", "dataset", "encoder", "simulated", "software")


@dataclass(frozen=True)
class ColumnMeaning:
    """What a column says.

    Attributes
    ----------
    description
        One sentence.
    unit
        Unit as FITS and VOTable write it, such as ``deg``; empty without one.
    ucd
        Unified content descriptor of the IVOA (UCD1+); empty without one.
    """

    description: str = ""
    unit: str = ""
    ucd: str = ""


@dataclass(frozen=True)
class CatalogueTable:
    """A catalogue, one row an image.

    Attributes
    ----------
    table
        Columns of int, float, bool and string; vectors as a fixed-size list of float32 named ``vector``.
    title
        One line for a person.
    facts
        Provenance: what was made of what, how, by which version; keys are words of letters, digits, ``.``, ``_`` and
        ``-``.
    meanings
        What the columns mean, as far as known.
    """

    table: pa.Table
    title: str
    facts: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, ColumnMeaning] = field(default_factory=dict)

    def meaning(self, column: str) -> ColumnMeaning:
        """What a column means."""
        return self.meanings.get(column, ColumnMeaning())
