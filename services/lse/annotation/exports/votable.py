"""VOTable 1.4 (Ochsenbein et al. 2019, IVOA Recommendation), data in BINARY2."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from lse.annotation.exports.columns import plain_column
from lse.annotation.exports.table import CatalogueTable

__all__ = ["write_votable"]


def write_votable(catalogue: CatalogueTable, file: BinaryIO) -> None:
    """Write a catalogue as VOTable.

    Fields have units, UCDs and descriptions, every fact is an INFO of the resource. Missing integers and truth values
    are null, missing numbers NaN and missing texts empty; vectors are one array field.
    """
    from astropy.io.votable.tree import Info, VOTableFile
    from astropy.table import Column, MaskedColumn, Table

    table = Table()
    # IDs must be words of ASCII, names may be anything without line breaks.
    for index, name in enumerate(catalogue.table.column_names):
        plain, meaning = plain_column(catalogue.table[name]), catalogue.meaning(name)
        settings: dict[str, Any] = {
            "name": f"column{index}",
            "unit": meaning.unit or None,
            "description": meaning.description or None,
            "meta": {"ucd": meaning.ucd} if meaning.ucd else None,
        }
        if plain.missing is not None:
            table.add_column(MaskedColumn(plain.values, mask=plain.missing, **settings))
        else:
            table.add_column(Column(np.ascontiguousarray(plain.values), **settings))
    document = VOTableFile.from_table(table)
    document.description = catalogue.title
    (resource,) = document.resources
    resource.infos.extend(Info(name=key, value=value) for key, value in catalogue.facts.items())
    resource.tables[0].name = "catalogue"
    for field, name in zip(resource.tables[0].fields, catalogue.table.column_names, strict=True):
        field.name = " ".join(name.split())
    document.to_xml(file, tabledata_format="binary2")
