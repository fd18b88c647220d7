"""Bookmarks: views of the explorer that the members of a project share."""

from __future__ import annotations

import pytest

from lse.client import Client
from lse.errors import AbortedError, AlreadyExistsError, InvalidArgumentError, NotFoundError


def test_bookmarks_are_kept_changed_and_deleted(client: Client) -> None:
    made = client.bookmarks.create("arcs", query="http://127.0.0.1:5006/?experiment=x&colour=clusters", title="Arcs")
    assert (made.id, made.title, made.query, made.pinned) == ("arcs", "Arcs", "experiment=x&colour=clusters", False)
    assert client.bookmarks.get("arcs") == made
    changed = client.bookmarks.update("arcs", query="?experiment=y", etag=made.etag)
    assert (changed.title, changed.query) == ("Arcs", "experiment=y")
    with pytest.raises(AbortedError, match="changed in the meantime"):
        client.bookmarks.update("arcs", title="Lenses", etag=made.etag)
    with pytest.raises(AlreadyExistsError, match="bookmark named 'arcs' exists"):
        client.bookmarks.create("arcs", query="experiment=x")
    client.bookmarks.delete("arcs")
    with pytest.raises(NotFoundError, match="no bookmark named 'arcs'"):
        client.bookmarks.get("arcs")


def test_one_bookmark_is_pinned(client: Client) -> None:
    for name in ("a", "b"):
        client.bookmarks.create(name, query="experiment=x", pinned=True)
    client.bookmarks.create("c", query="experiment=x")
    assert [one.id for one in client.bookmarks.list(filter="pinned = true")] == ["b"]
    client.bookmarks.update("c", pinned=True)
    assert [one.pinned for one in client.bookmarks.list()] == [False, False, True]
    client.bookmarks.update("c", pinned=False)
    assert not any(one.pinned for one in client.bookmarks.list())
    # Those of another project are not touched.
    other = client.with_project("elsewhere")
    other.bookmarks.create("d", query="experiment=x", pinned=True)
    client.bookmarks.update("a", pinned=True)
    assert other.bookmarks.get("d").pinned


@pytest.mark.parametrize("query", ["", "?", "experiment=x y", "experiment=ü", "a" * 20_000, "experiment=x\n"])
def test_what_is_no_query_is_refused(client: Client, query: str) -> None:
    with pytest.raises(InvalidArgumentError, match="copy the link") as refused:
        client.bookmarks.create("b", query=query)
    assert refused.value.reason == "BOOKMARK_QUERY_INVALID"
    assert not client.bookmarks.list()
