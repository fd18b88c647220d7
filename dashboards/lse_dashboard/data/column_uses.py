"""How the columns of a dataset can colour a map."""

from __future__ import annotations

from lse.client import Client
from lse.client.resources import Dataset
from lse.kinds import kind_named
from lse_dashboard.data.colouring import ColumnUse, column_use, use_of
from lse_dashboard.data.images import ordered_columns, prepared_alone

__all__ = ["COLUMNS_AT_ONCE", "column_uses", "known_use"]

# Columns that are read together: so many of a million images are 130 MB.
COLUMNS_AT_ONCE = 16


def known_use(dataset: Dataset, column: str) -> ColumnUse | None:
    """How a column can colour a map, as far as its dataset says."""
    found = dataset.columns[column]
    return column_use(kind_named(found.type), found.distinct_count, dataset.prepared)


def column_uses(client: Client, dataset: Dataset) -> dict[str, ColumnUse]:
    """Metadata columns that can colour a map, in the order of interest, and how.

    The dataset says so; of one from before it did, every column is read once, in blocks, and none is kept.
    """
    names = ordered_columns(list(dataset.columns))
    uses = {name: known_use(dataset, name) for name in names}
    if not any(column.distinct_count for column in dataset.columns.values()):
        for start in range(0, len(names), COLUMNS_AT_ONCE):
            block = names[start : start + COLUMNS_AT_ONCE]
            table = prepared_alone(client.datasets.table(dataset.id, columns=block))
            uses |= {name: use_of(table[name]) for name in block}
    return {name: use for name, use in uses.items() if use is not None}
