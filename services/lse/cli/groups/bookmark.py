"""`lse bookmark`: views of the explorer under names."""

from __future__ import annotations

from typing import Annotated

import typer

from lse.cli.resource import NAMED, Column, Description, ResourceCommands, Title
from lse.cli.session import Session
from lse.names import BOOKMARK

__all__ = ["app"]

commands = ResourceCommands(
    BOOKMARK,
    "Views of the explorer under names.",
    columns=(Column("pinned", listed=True), Column("query"), *NAMED, Column("updated", "update_time", listed=True)),
    changes={
        "query": Annotated[str | None, typer.Option("--link", help="Link to another view.")],
        "pinned": Annotated[
            bool | None,
            typer.Option("--pinned/--not-pinned", help="Whether the project opens with it.", show_default=False),
        ],
    },
)
app = commands.app

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the bookmark.")]


@commands.command("create")
def create(
    session: Session,
    name: Name,
    link: Annotated[str, typer.Argument(metavar="LINK", help="Link to the view, as the explorer copies it.")],
    *,
    pinned: Annotated[bool, typer.Option("--pinned", help="Open the project with it.")] = False,
    title: Title = None,
    description: Description = None,
) -> None:
    """Keep a view of the explorer under a name."""
    made = session.client.bookmarks.create(
        name, query=link, title=title or "", description=description or "", pinned=pinned
    )
    commands.show(session, made)
