"""Remarks: how interesting an image is, its tags, a note, and who said so when."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import bindparam, delete, insert, select

from lse.errors import InvalidArgumentError
from lse.platform.auth import current_caller
from lse.platform.catalogue import Catalogue, DatasetRecord, Resources
from lse.platform.catalogue.tables import REMARKS

__all__ = ["MOST_INTEREST", "NO_INTEREST", "Change", "Remark", "RemarkStore"]

MOST_INTEREST = 5
NO_INTEREST = -1
_LONGEST_TAG, _MOST_TAGS = 100, 50
_LONGEST_NOTE = 10_000
_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("interest", pa.int32()),
        ("tags", pa.list_(pa.string())),
        ("note", pa.string()),
        ("author", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True)
class Remark:
    """What is said of an image.

    Attributes
    ----------
    interest
        From 0 to `MOST_INTEREST`, None where nobody judged it.
    tags
        In alphabetical order.
    note
        Empty for none.
    """

    interest: int | None = None
    tags: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Change:
    """What is to be said of some images; what is None or empty stays as it is.

    Attributes
    ----------
    interest
        `NO_INTEREST` takes the judgement away.
    added, removed
        Tags.
    note
        Empty takes the note away.

    Raises
    ------
    InvalidArgumentError
        ``REMARK_INVALID``: the interest is out of bounds, a tag is blank, has a comma or is too long, or the note is
        too long.
    """

    interest: int | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    note: str | None = None

    def __post_init__(self) -> None:
        wrong = next((tag for tag in self.added if not 0 < len(tag.strip()) <= _LONGEST_TAG or "," in tag), None)
        if self.interest is not None and not NO_INTEREST <= self.interest <= MOST_INTEREST:
            message = f"The interest is {self.interest}: give 0 to {MOST_INTEREST}, or {NO_INTEREST} to take it away."
        elif wrong is not None:
            message = f"'{wrong[:40]}' cannot be a tag: write 1 to {_LONGEST_TAG} characters without a comma."
        elif self.note is not None and len(self.note) > _LONGEST_NOTE:
            message = f"The note has {len(self.note)} characters: use at most {_LONGEST_NOTE:,}."
        else:
            return
        raise InvalidArgumentError(message, reason="REMARK_INVALID")

    def applied(self, before: Remark) -> Remark:
        """What is said of an image after the change.

        Raises
        ------
        InvalidArgumentError
            ``REMARK_INVALID``: it would have too many tags.
        """
        interest = before.interest if self.interest is None else self.interest
        tags = sorted({*before.tags, *(tag.strip() for tag in self.added)} - set(self.removed))
        if len(tags) > _MOST_TAGS:
            raise InvalidArgumentError(
                f"An image would have {len(tags)} tags: take some away, so that there are at most {_MOST_TAGS}.",
                reason="REMARK_INVALID",
            )
        note = before.note if self.note is None else self.note.strip()
        return Remark(None if interest == NO_INTEREST else interest, tuple(tags), note)


class RemarkStore:
    """The remarks of a catalogue, at most one an image; datasets are kept by their ``uid``, as of labels.

    Parameters
    ----------
    catalogue, resources
        Where they are kept.
    """

    def __init__(self, catalogue: Catalogue, resources: Resources) -> None:
        self._catalogue = catalogue
        self._resources = resources

    def set(self, dataset: DatasetRecord, rows: NDArray[np.int64], change: Change) -> int:
        """Change what is said of images; the caller of the request is the author.

        Parameters
        ----------
        dataset
            Dataset of the images.
        rows
            Their rows, ascending.
        change
            What is said.

        Returns
        -------
        int
            Images of which something else is said now.
        """
        with self._catalogue.transaction() as connection:
            self._resources.get_within(connection, dataset.name, DatasetRecord, lock=True)
            here = REMARKS.c.dataset == dataset.uid
            span = REMARKS.c.row.between(int(rows[0]), int(rows[-1]))
            query = select(REMARKS.c.row, REMARKS.c.interest, REMARKS.c.tags, REMARKS.c.note).where(here, span)
            before = {
                row: Remark(interest, tuple(tags), note) for row, interest, tags, note in connection.execute(query)
            }
            changed = {}
            for row in rows.tolist():
                was = before.get(row, Remark())
                if (new := change.applied(was)) != was:
                    changed[row] = new
            if old := [{"which": row} for row in changed if row in before]:
                connection.execute(delete(REMARKS).where(here, REMARKS.c.row == bindparam("which")), old)
            said = {"dataset": dataset.uid, "author": current_caller().name, "time": time.time()}
            # Of an image of which nothing is left to say there is no remark.
            if kept := [_row(row, remark, said) for row, remark in changed.items() if remark != Remark()]:
                connection.execute(insert(REMARKS), kept)
        return len(changed)

    def read(self, dataset: DatasetRecord) -> pa.Table:
        """Remarks of a dataset by row: ``row``, ``interest``, ``tags``, ``note``, ``author`` and ``time`` (UTC)."""
        columns = [REMARKS.c[name] for name in _SCHEMA.names]
        query = select(*columns).where(REMARKS.c.dataset == dataset.uid).order_by(REMARKS.c.row)
        with self._catalogue.reading() as connection:
            found = [{**row, "time": round(row["time"] * 1e6)} for row in connection.execute(query).mappings()]
        return pa.Table.from_pylist(found, schema=_SCHEMA)


def _row(row: int, remark: Remark, said: dict[str, object]) -> dict[str, object]:
    return {"row": row, "interest": remark.interest, "tags": list(remark.tags), "note": remark.note, **said}
