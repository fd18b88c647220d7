"""Bookmarks: views of the explorer under names, of which a project has at most one pinned."""

from __future__ import annotations

from sqlalchemy import Connection, select

from lse.errors import InvalidArgumentError
from lse.platform.catalogue import BookmarkRecord, Resources
from lse.platform.catalogue.tables import RESOURCES

__all__ = ["check_query", "unpin_others"]

# Longer addresses are cut by servers and mail programs on their way.
_LONGEST_QUERY = 16_384


def check_query(query: str) -> str:
    """Query of an address as it was given.

    Raises
    ------
    InvalidArgumentError
        ``BOOKMARK_QUERY_INVALID``: it is empty, too long, or no query of an address.
    """
    if not query or len(query) > _LONGEST_QUERY or not query.isascii() or not query.isprintable() or " " in query:
        raise InvalidArgumentError(
            f"A bookmark needs the query of an address of the explorer, such as 'experiment=x&colour=clusters', of at "
            f"most {_LONGEST_QUERY:,} characters: copy the link to the view.",
            reason="BOOKMARK_QUERY_INVALID",
        )
    return query


def unpin_others(connection: Connection, changed: BookmarkRecord, resources: Resources) -> None:
    """Take the pin from every other bookmark of the project of one that is pinned, in its transaction."""
    if not changed.spec.pinned:
        return
    parent = changed.name.rpartition("/bookmarks/")[0]
    found = select(RESOURCES).where(
        RESOURCES.c.kind == BookmarkRecord.kind, RESOURCES.c.parent == parent, RESOURCES.c.uid != changed.uid
    )
    for row in connection.execute(found.with_for_update()).mappings().all():
        other = BookmarkRecord.from_row(dict(row))
        if other.spec.pinned:
            unpinned = other.spec.model_copy(update={"pinned": False})
            resources.save_within(connection, other.model_copy(update={"spec": unpinned}))
