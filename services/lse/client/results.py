"""What a call found, as a list that is a table as well, and Arrow tables as tables of astropy."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from lse.client.resources.fields import Received
from lse.columns import ColumnMeaning, with_pandas_types

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from astropy.table import Table

__all__ = ["Results", "to_astropy"]

ReceivedT = TypeVar("ReceivedT", bound=Received)

_POSITION = ("ra_deg", "dec_deg")


class Results(list[ReceivedT]):
    """What a call found, in its order: a list with the ways to look at it as a table.

    The column ``name`` of a table is what an image or a resource is called, as in the tables of datasets, vectors and
    coordinates, so that they can be joined by it.  Attributes that are dictionaries, such as metadata, are a column a
    key.

    Examples
    --------
    >>> similar = client.search.similar("survey", image="J0013+0951").to_pandas()
    >>> similar.merge(client.datasets.table("survey").to_pandas(), on=["name", "row"])
    """

    def to_arrow(self) -> pa.Table:
        """Table with one row an item."""
        import pyarrow as pa

        rows = [_cells(item) for item in self]
        names = dict.fromkeys(name for row in rows for name in row)
        table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
        return with_pandas_types(table)

    def to_pandas(self) -> pd.DataFrame:
        """Data frame with one row an item; whole numbers stay exact where some are missing (``Int64``)."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_astropy(self) -> Table:
        """Table of astropy with one row an item, see `to_astropy`."""
        return to_astropy(self.to_arrow())

    def _repr_html_(self) -> str:
        return str(self.to_pandas()._repr_html_())  # type: ignore[operator]  # a method of data frames


def to_astropy(table: pa.Table) -> Table:
    """Arrow table as a table of astropy.

    Parameters
    ----------
    table
        Any table of the client, such as that of a dataset.

    Returns
    -------
    astropy.table.Table
        Columns with their units, descriptions and, in ``meta``, UCDs; missing values are masked.  Where there are
        the columns ``ra_deg`` and ``dec_deg``, the further column ``position`` holds ICRS coordinates, NaN where the
        position is not known.

    Raises
    ------
    ModuleNotFoundError
        If astropy, which the client does not install, is missing.

    Examples
    --------
    >>> survey = to_astropy(client.datasets.table("survey"))
    >>> survey["position"].separation(SkyCoord("10h +20d"))
    """
    import numpy as np
    import pyarrow as pa
    from astropy.coordinates import SkyCoord
    from astropy.table import Column, MaskedColumn, Table

    found = Table()
    for field, values in zip(table.schema, table.columns, strict=True):
        meaning = ColumnMeaning.of(field)
        said: dict[str, Any] = {
            "name": field.name,
            "unit": meaning.unit or None,
            "description": meaning.description or None,
            "meta": {"ucd": meaning.ucd} if meaning.ucd else None,
        }
        if pa.types.is_fixed_size_list(field.type):
            flat = values.combine_chunks().flatten().to_numpy(zero_copy_only=False)
            found.add_column(Column(flat.reshape(len(values), field.type.list_size), **said))
            continue
        mask = values.is_null().to_numpy()
        if not mask.any():
            found.add_column(Column(values.to_numpy(), **said))
            continue
        present = values.drop_null().to_numpy()
        filled = np.zeros(len(values), present.dtype) if len(present) else np.zeros(len(values))
        filled[~mask] = present
        found.add_column(MaskedColumn(filled, mask=mask, **said))
    if set(_POSITION) <= set(found.colnames):
        ra, dec = (np.ma.filled(np.ma.asarray(found[name], np.float64), np.nan) for name in _POSITION)
        found["position"] = SkyCoord(ra, dec, unit="deg")
    return found


def _cells(item: Received) -> dict[str, Any]:
    """Values of one item by the columns of its table."""
    cells: dict[str, Any] = {}
    keyed: dict[str, dict[str, Any]] = {}
    if item.called is not None:
        cells["name"] = item.called
    for field in dataclasses.fields(item):  # type: ignore[arg-type]  # all that is received are dataclasses
        value = getattr(item, field.name)
        if isinstance(value, dict):
            keyed[field.name] = value
        elif field.name not in {"name", "image"}:
            cells[field.name] = _cell(value)
    for name, values in keyed.items():
        for key, value in values.items():
            cells[key if key not in cells else f"{name}.{key}"] = _cell(value)
    return cells


def _cell(value: object) -> object:
    """Value that a column can hold; what has parts is text."""
    if value is None or isinstance(value, bool | int | float | str | datetime):
        return value
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return ", ".join(str(part) for part in value)
    return str(value)


def _column(values: list[Any]) -> pa.Array:
    """Array of the values of a column; as text where they are of several kinds."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
