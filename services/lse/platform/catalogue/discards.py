"""Bulk data that nothing names any more: remembered in the step that took their name, until they are gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.tables import DISCARDS

__all__ = ["FILES", "PAYLOAD", "Discard", "Discards", "remember"]

FILES, PAYLOAD = "files", "payload"


class Discard(NamedTuple):
    """Bulk data to be removed.

    Attributes
    ----------
    what
        The uid of a resource, or the URI of a file or folder; of what the vectors of an experiment carry of a
        clustering or prediction, the uid of the experiment, a slash, and the name.
    kind
        Kind of the resource, `FILES` or `PAYLOAD`.
    """

    what: str
    kind: str


def remember(connection: Connection, discards: Sequence[Discard]) -> None:
    """Keep, inside the transaction that takes their names, what is to be removed."""
    wanted = dict.fromkeys(discards)
    known = connection.execute(select(DISCARDS.c.what).where(DISCARDS.c.what.in_([each.what for each in wanted])))
    there, now = set(known.scalars()), time.time()
    new = [{"what": each.what, "kind": each.kind, "time": now} for each in wanted if each.what not in there]
    if new:
        connection.execute(insert(DISCARDS), new)


class Discards:
    """What is to be removed, of a whole catalogue.

    Parameters
    ----------
    catalogue
        The catalogue.

    Attributes
    ----------
    left
        Set where this process could not remove something.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.left = threading.Event()

    def pending(self) -> list[Discard]:
        """What is still there, the oldest first."""
        with self._catalogue.reading() as connection:
            rows = connection.execute(select(DISCARDS.c.what, DISCARDS.c.kind).order_by(DISCARDS.c.time)).all()
        return [Discard(row.what, row.kind) for row in rows]

    def forget(self, what: str) -> None:
        """Note that something is gone."""
        with self._catalogue.transaction() as connection:
            connection.execute(delete(DISCARDS).where(DISCARDS.c.what == what))
