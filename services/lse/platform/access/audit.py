"""The audit log: who did what, when, from where."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select

from lse.filters import Field, Order
from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.queries import FieldColumn, PageRequest, select_page
from lse.platform.catalogue.tables import AUDIT

__all__ = ["AuditEntry", "AuditLog", "note_resources", "noting"]

_COLUMNS = {
    **{key: FieldColumn(Field("text"), AUDIT.c[key]) for key in ("name", "caller", "method", "code", "peer")},
    "time": FieldColumn(Field("time"), AUDIT.c.time),
}
_NOTED: ContextVar[list[str] | None] = ContextVar("noted", default=None)
_PRUNE_SECONDS = 3600.0
_MOST_RESOURCES = 100
_LONGEST = 200


@contextmanager
def noting(resources: list[str]) -> Iterator[None]:
    """Add to a list what `note_resources` is given meanwhile."""
    before = _NOTED.set(resources)
    try:
        yield
    finally:
        _NOTED.reset(before)


def note_resources(*names: str) -> None:
    """Have the entry of the call in progress name resources that its request does not, and be in their projects."""
    noted = _NOTED.get()
    if noted is not None:
        noted += names


@dataclass(frozen=True)
class AuditEntry:
    """Something that a caller did, or was refused.

    Attributes
    ----------
    caller, method, code, peer
        Who, what, how it ended, from where.
    resources
        Names of the resources that the request names.
    time
        Seconds since 1970, UTC.
    """

    caller: str
    method: str
    code: str
    peer: str
    resources: tuple[str, ...] = ()
    time: float = field(default_factory=time.time)


class AuditLog:
    """The audit log of a catalogue.

    Parameters
    ----------
    catalogue
        Where it is kept.
    days
        For how long.
    """

    def __init__(self, catalogue: Catalogue, *, days: int) -> None:
        self._catalogue = catalogue
        self._seconds = days * 86_400.0
        self._pruned = 0.0

    def record(self, entry: AuditEntry, projects: Collection[str]) -> None:
        """Keep an entry, once for each of the projects that it concerns."""
        common = {
            **{key: getattr(entry, key)[:_LONGEST] for key in ("caller", "method", "peer")},
            "code": entry.code,
            "time": entry.time,
            "resources": list(entry.resources[:_MOST_RESOURCES]),
        }
        rows = [{"name": uuid.uuid4().hex, "project": project, **common} for project in projects or [""]]
        with self._catalogue.transaction() as connection:
            connection.execute(insert(AUDIT), rows)
            if entry.time - self._pruned > _PRUNE_SECONDS:
                connection.execute(delete(AUDIT).where(AUDIT.c.time < entry.time - self._seconds))
                self._pruned = entry.time

    def page(self, project: str, request: PageRequest) -> tuple[list[AuditEntry], str]:
        """Page of the entries of a project, or of all when empty, newest first, and the token of the next page."""
        query = select(AUDIT).where(AUDIT.c.project == project) if project else select(AUDIT)
        newest = Order("time", descending=True)
        with self._catalogue.reading() as connection:
            rows = select_page(connection, query, _COLUMNS, request, scope=f"audit {project}", order=newest)
        return [_entry(row) for row in rows.rows], rows.token_after(len(rows.rows))


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(row.caller, row.method, row.code, row.peer, tuple(row.resources), row.time)
