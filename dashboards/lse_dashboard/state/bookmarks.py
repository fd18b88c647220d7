"""The bookmarks of a project, as one visitor sees and changes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection

import param

from lse.client import Client
from lse.client.resources import Bookmark
from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.link import Link
from lse_dashboard.data.opening import wanted_of
from lse_dashboard.state.background import Newest
from lse_dashboard.state.session import Session
from lse_dashboard.state.view import KeptView

__all__ = ["Bookmarks"]

_WORDS = wording.Bookmarks


class Bookmarks(param.Parameterized):
    """The window of the bookmarks.

    Parameters
    ----------
    session
        Whose views.
    kept
        The present view as a link.
    """

    project = param.String("", doc="Project in the window, empty while it is shut.")
    found: param.Parameter[tuple[Bookmark, ...] | None] = param.Parameter(None, doc="None until they are read.")
    said = param.String("", doc="What was done last.")
    problem = param.String("", doc="Why something was refused.")

    def __init__(self, session: Session, kept: KeptView) -> None:
        super().__init__()
        self._session = session
        self._kept = kept
        self._newest = Newest(session.background)

    def open(self) -> None:
        """Open the window."""
        self.param.update(project=self._session.project, found=None, said="", problem="")
        self._ask(lambda _: None)

    def close(self) -> None:
        """Shut it."""
        self._newest.drop()
        self.project = ""

    def go(self, bookmark: str) -> None:
        """Open a view."""
        chosen = self._named(bookmark)
        if chosen is not None:
            self.close()
            self._session.choose_project(self._session.project, wanted_of(Link.of(chosen.query)))

    def keep(self, title: str) -> None:
        """Keep the present view under a title."""
        title = title.strip()
        if not title:
            self.param.update(said="", problem=_WORDS.UNNAMED)
            return
        taken = [one.id for one in self.found or ()]

        def keep(client: Client) -> None:
            client.bookmarks.create(_id_of(title, taken), query=self._kept.query, title=title)

        self._kept.complete(lambda: self._ask(keep, _WORDS.KEPT.format(title=title)))

    def pin(self, bookmark: str) -> None:
        """Have the project open with a view, or no longer."""
        chosen = self._named(bookmark)
        if chosen is not None:
            self._ask(lambda client: client.bookmarks.update(chosen.id, pinned=not chosen.pinned))

    def delete(self, bookmark: str) -> None:
        """Delete one."""
        chosen = self._named(bookmark)
        if chosen is not None:
            said = _WORDS.DELETED.format(title=chosen.title or chosen.id)
            self._ask(lambda client: client.bookmarks.delete(chosen.id), said)

    def _named(self, bookmark: str) -> Bookmark | None:
        return next((one for one in self.found or () if one.id == bookmark), None)

    def _ask(self, change: Callable[[Client], object], said: str = "") -> None:
        """Change something, and see what there is then."""
        client = self._session.library.client(self.project)

        def work() -> tuple[Bookmark, ...]:
            change(client)
            return tuple(client.bookmarks.list(order_by="create_time"))

        def show(found: tuple[Bookmark, ...]) -> None:
            self.param.update(found=found, said=said, problem="")

        def failed(error: LseError) -> None:
            self.param.update(said="", problem=error.message)

        self._newest.ask(work, show, failed)


def _id_of(title: str, taken: Collection[str]) -> str:
    """Id that looks like a title and is not taken."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    name = re.sub("[^a-z0-9]+", "-", plain)[:50].strip("-") or "view"
    return next(one for one in (name, *(f"{name}-{number}" for number in range(2, 10_000))) if one not in taken)
