"""The labels of experts, as every service may read them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select

from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.records import DatasetRecord, LabelSchemeRecord
from lse.platform.catalogue.tables import EXPERT_LABELS, LABELS

__all__ = ["copy_labels", "read_labels"]

_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.string()),
        ("author", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
    ]
)


def read_labels(
    catalogue: Catalogue, scheme: LabelSchemeRecord, dataset: DatasetRecord, *, each_expert: bool = False
) -> pa.Table:
    """Labels of a dataset by a scheme: columns ``row``, ``label``, ``author``, ``time`` (UTC), by row.

    Parameters
    ----------
    catalogue
        Where labels are kept.
    scheme, dataset
        Label scheme and dataset.
    each_expert
        Whether to read the label of each expert in place of those in force.
    """
    said = EXPERT_LABELS if each_expert else LABELS
    query = (
        select(said.c.row, said.c.label, said.c.author, said.c.time)
        .where(said.c.scheme == scheme.uid, said.c.dataset == dataset.uid)
        .order_by(said.c.row, said.c.author)
    )
    with catalogue.reading() as connection:
        found = connection.execute(query).all()
    rows, labels, authors, seconds = zip(*found, strict=True) if found else ((), (), (), ())
    times = [round(moment * 1e6) for moment in seconds]
    columns = zip((rows, labels, authors, times), _SCHEMA, strict=True)
    return pa.table([pa.array(values, field.type) for values, field in columns], schema=_SCHEMA)


def copy_labels(catalogue: Catalogue, from_uid: str, to_uid: str, rows: NDArray[np.int64]) -> None:
    """Give a dataset that has some images of another one their labels by all schemes, with author and time.

    Parameters
    ----------
    catalogue
        Where labels are kept.
    from_uid, to_uid
        The datasets.
    rows
        Rows of the images in the first, in the order of their rows in the second.
    """
    new_rows = {int(row): new for new, row in enumerate(rows)}
    with catalogue.transaction() as connection:
        for said in (LABELS, EXPERT_LABELS):
            found = connection.execute(select(said).where(said.c.dataset == from_uid)).mappings().all()
            connection.execute(delete(said).where(said.c.dataset == to_uid))
            known = [label for label in found if label["row"] in new_rows]
            if known:
                copies = [{**label, "dataset": to_uid, "row": new_rows[label["row"]]} for label in known]
                connection.execute(insert(said), copies)
