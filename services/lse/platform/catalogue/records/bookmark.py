"""Bookmarks."""

from __future__ import annotations

from typing import ClassVar

from lse import names
from lse.platform.catalogue.records.record import Facts, Nothing, Record

__all__ = ["BookmarkRecord", "BookmarkSpec"]


class BookmarkSpec(Facts):
    """A view of the explorer.

    Attributes
    ----------
    query
        Query of the address that opens it.
    pinned
        Whether the project opens with it.
    """

    query: str
    pinned: bool = False


class BookmarkRecord(Record[BookmarkSpec, Nothing]):
    """A view of the explorer under a name."""

    pattern: ClassVar = names.BOOKMARK
