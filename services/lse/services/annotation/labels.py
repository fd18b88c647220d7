"""Labels: which class of a scheme an image has, and who said so when."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import bindparam, delete, insert, select

from lse.errors import InvalidArgumentError
from lse.platform.auth import current_caller
from lse.platform.catalogue import Catalogue, DatasetRecord, LabelSchemeRecord, Resources
from lse.platform.catalogue.labels import read_labels
from lse.platform.catalogue.tables import LABELS

__all__ = ["LabelStore"]


class LabelStore:
    """The labels of a catalogue, at most one an image and scheme.

    Scheme and dataset are kept by their ``uid``: a dataset made anew under an old name must not take over the labels
    of other images.

    Parameters
    ----------
    catalogue, resources
        Where they are kept.
    """

    def __init__(self, catalogue: Catalogue, resources: Resources) -> None:
        self._catalogue = catalogue
        self._resources = resources

    def set(self, scheme_name: str, dataset: DatasetRecord, rows: NDArray[np.int64], *, label: str) -> int:
        """Give images a class, or take their label away; the caller of the request is the author.

        Parameters
        ----------
        scheme_name
            Label scheme.
        dataset
            Dataset of the images.
        rows
            Their rows, ascending.
        label
            Class of the scheme; empty takes the label away.

        Returns
        -------
        int
            Labels that changed; an image that has this class already keeps its author and time.

        Raises
        ------
        NotFoundError
            If there is no such scheme.
        InvalidArgumentError
            If the scheme has no such class.
        """
        with self._catalogue.transaction() as connection:
            scheme = self._resources.get_within(connection, scheme_name, LabelSchemeRecord, lock=True)
            if label and label not in scheme.spec.classes:
                known = ", ".join(scheme.spec.classes) or "none yet"
                raise InvalidArgumentError(
                    f"The scheme '{scheme.id}' has no class '{label}': its classes are {known}.",
                    reason="CLASS_UNKNOWN",
                    label=label,
                )
            here = (LABELS.c.scheme == scheme.uid, LABELS.c.dataset == dataset.uid)
            span = LABELS.c.row.between(int(rows[0]), int(rows[-1]))
            found = connection.execute(select(LABELS.c.row, LABELS.c.label).where(*here, span)).all()
            before: dict[int, str] = {row: was for row, was in found}  # noqa: C416  # rows are not plain pairs to mypy
            # Taken away is as good as the empty label, which no image has.
            changed = [row for row in rows.tolist() if before.get(row, "") != label]
            old = [{"which": row} for row in changed if row in before]
            if old:
                connection.execute(delete(LABELS).where(*here, LABELS.c.row == bindparam("which")), old)
            if label and changed:
                fixed = {
                    "scheme": scheme.uid,
                    "dataset": dataset.uid,
                    "label": label,
                    "author": current_caller().name,
                    "time": time.time(),
                }
                connection.execute(insert(LABELS), [{**fixed, "row": row} for row in changed])
        return len(changed)

    def read(self, scheme: LabelSchemeRecord, dataset: DatasetRecord) -> pa.Table:
        """Labels of a dataset by a scheme: columns ``row``, ``label``, ``author``, ``time`` (UTC), by row."""
        return read_labels(self._catalogue, scheme, dataset)
