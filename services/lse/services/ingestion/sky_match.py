"""The catalogue of an ingest joined by position, when the images of all parts are prepared."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lse.errors import InvalidArgumentError
from lse.platform.artifacts import Artifacts
from lse.services.ingestion.parts import part_uri
from lse.tables.catalogue import Catalogue
from lse.tables.image_table import beside, facts_of
from lse.tables.join import join_notes
from lse.tables.sky_join import join_by_sky

__all__ = ["checked_radius", "match_by_sky"]

_LARGEST_RADIUS_ARCSEC = 36_000
_POSITION = ("header:ra_deg", "header:dec_deg")


def checked_radius(radius: float) -> float:
    """Return the largest separation in arcsec of a catalogue that is joined by position, 0 where it is not.

    Raises
    ------
    InvalidArgumentError
        ``RADIUS_OUT_OF_RANGE``.
    """
    if not 0 <= radius <= _LARGEST_RADIUS_ARCSEC:
        raise InvalidArgumentError(
            f"Positions cannot be joined within {radius:g} arcsec: give a radius of more than 0 and at most "
            f"{_LARGEST_RADIUS_ARCSEC:,}.",
            reason="RADIUS_OUT_OF_RANGE",
        )
    return radius


def match_by_sky(
    artifacts: Artifacts, folder: str, parts: int, catalogue: Catalogue, *, radius_arcsec: float
) -> list[str]:
    """Give the images of all parts the columns of their rows; what became of rows and images, a sentence each.

    Parts that have them from an interrupted attempt get them anew.
    """
    heads = [_head(artifacts, part_uri(folder, index)) for index in range(parts)]
    names = [name for head in heads for name in head["name"].to_pylist()]
    ra, dec = (np.concatenate([head[column].to_numpy() for head in heads]) for column in _POSITION)
    joined = join_by_sky(names, ra, dec, catalogue, radius_arcsec=radius_arcsec)
    columns = facts_of(joined.table, "catalogue")
    first = 0
    for index, head in enumerate(heads):
        part = artifacts.read_table(part_uri(folder, index))
        own = [name for name in part.column_names if name not in columns.column_names]
        own_columns = part.select(own)
        artifacts.write_table(part_uri(folder, index), beside(own_columns, columns.slice(first, head.num_rows)))
        first += head.num_rows
    return join_notes(joined, f"position within {radius_arcsec:g} arcsec", len(names))


def _head(artifacts: Artifacts, uri: str) -> pa.Table:
    """Names and positions of the images of a part, null where it has none."""
    there = artifacts.table_schema(uri).names
    head = artifacts.read_table(uri, ["name", *(column for column in _POSITION if column in there)])
    for column in _POSITION:
        values = head[column].cast(pa.float64(), safe=False) if column in there else pa.nulls(len(head), pa.float64())
        head = head.drop_columns([column]) if column in there else head
        head = head.append_column(column, values)
    return head
