"""Catalogues as files, one module a format."""

from __future__ import annotations

from typing import BinaryIO

from lse.annotation.exports.table import VECTOR_COLUMN, CatalogueTable, ColumnMeaning
from lse.platform.errors import InvalidArgumentError

__all__ = ["FORMATS", "VECTOR_COLUMN", "CatalogueTable", "ColumnMeaning", "write_catalogue"]

FORMATS = ("csv", "parquet", "votable", "fits")


def write_catalogue(catalogue: CatalogueTable, form: str, file: BinaryIO) -> None:
    """Write a catalogue in a format.

    Parameters
    ----------
    catalogue
        The catalogue.
    form
        One of `FORMATS`.
    file
        Binary file to write to.

    Raises
    ------
    InvalidArgumentError
        If there is no such format.
    """
    # Each is imported when it is wanted: astropy takes its time.
    if form == "csv":
        from lse.annotation.exports.csv import write_csv as write
    elif form == "parquet":
        from lse.annotation.exports.parquet import write_parquet as write
    elif form == "votable":
        from lse.annotation.exports.votable import write_votable as write
    elif form == "fits":
        from lse.annotation.exports.fits import write_fits as write
    else:
        raise InvalidArgumentError(
            f"Catalogues are not written as '{form}': choose {', '.join(FORMATS)}.", reason="INVALID_FORMAT"
        )
    write(catalogue, file)
