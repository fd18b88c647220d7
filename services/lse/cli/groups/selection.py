"""`lse selection`: named sets of images."""

from __future__ import annotations

from typing import Annotated

import typer

from lse.cli.resource import NAMED, Column, Description, ResourceCommands, Title, short
from lse.cli.rows import Rows, RowsFrom, parse_rows
from lse.cli.session import Session
from lse.names import SELECTION

__all__ = ["app"]

commands = ResourceCommands(
    SELECTION,
    "Named sets of images.",
    columns=(
        Column("dataset", short("dataset"), listed=True),
        Column("images", listed=True),
        Column("rows", lambda selection: ", ".join(str(row) for row in selection.rows)),
        *NAMED,
    ),
)
app = commands.app


@commands.command("create")
def create(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the selection.")],
    *,
    dataset: Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")],
    rows: Rows = None,
    rows_from: RowsFrom = None,
    title: Title = None,
    description: Description = None,
) -> None:
    """Keep a set of images of a dataset under a name."""
    wanted = parse_rows(rows, rows_from)
    made = session.client.selections.create(
        name, dataset=dataset, rows=wanted, title=title or "", description=description or ""
    )
    commands.show(session, made)
