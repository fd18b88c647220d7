"""The labels of experts, as every service may read them."""

from __future__ import annotations

import pyarrow as pa
from sqlalchemy import select

from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.records import DatasetRecord, LabelSchemeRecord
from lse.platform.catalogue.tables import LABELS

__all__ = ["read_labels"]

_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.string()),
        ("author", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
    ]
)


def read_labels(catalogue: Catalogue, scheme: LabelSchemeRecord, dataset: DatasetRecord) -> pa.Table:
    """Labels of a dataset by a scheme: columns ``row``, ``label``, ``author``, ``time`` (UTC), by row."""
    query = (
        select(LABELS.c.row, LABELS.c.label, LABELS.c.author, LABELS.c.time)
        .where(LABELS.c.scheme == scheme.uid, LABELS.c.dataset == dataset.uid)
        .order_by(LABELS.c.row)
    )
    with catalogue.transaction() as connection:
        found = connection.execute(query).all()
    rows, labels, authors, seconds = zip(*found, strict=True) if found else ((), (), (), ())
    times = [round(moment * 1e6) for moment in seconds]
    columns = zip((rows, labels, authors, times), _SCHEMA, strict=True)
    return pa.table([pa.array(values, field.type) for values, field in columns], schema=_SCHEMA)
