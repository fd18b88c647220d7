"""Catalogues as files, one module per format."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from lse.methods import NoFacts, Registry
from lse.parameters import Parameters
from lse.tables.exports.table import VECTOR_COLUMN, CatalogueTable

__all__ = ["EXPORTERS", "VECTOR_COLUMN", "CatalogueTable", "write_catalogue"]

Write: TypeAlias = Callable[[CatalogueTable, BinaryIO], None]


EXPORTERS: Registry[Write, NoFacts] = Registry(
    kind="catalogue format",
    package="lse.tables.exports",
    group="lse.exporters",
    parameters=Parameters,
    facts=NoFacts,
)


def write_catalogue(catalogue: CatalogueTable, form: str, file: BinaryIO) -> None:
    """Write a catalogue in a format, a block of its rows at a time.

    Parameters
    ----------
    catalogue
        The catalogue.
    form
        One of `EXPORTERS`, or a suffix of its files.
    file
        Binary file to write to.

    Raises
    ------
    InvalidArgumentError
        If there is no such format.
    """
    EXPORTERS[form].run(catalogue, file)
