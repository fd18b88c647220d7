"""`lse selection`: named sets of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.rows import Rows, RowsFrom, parse_rows
from lse.cli.session import Session, service_command

if TYPE_CHECKING:
    from lse.client.resources import Selection

__all__ = ["app"]

app = group("Named sets of images.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the selection.")]


@service_command(app, "list")
def list_selections(session: Session) -> None:
    """List the selections of the project."""
    selections = session.client.selections.list()
    session.table(
        selections,
        ("name", "dataset", "images", "made"),
        ((item.id, item.dataset.rsplit("/", 1)[-1], item.images, item.create_time) for item in selections),
    )


@service_command(app, "show")
def show(session: Session, name: Name) -> None:
    """Show a selection with its rows."""
    _show(session, session.client.selections.get(name))


@service_command(app, "create")
def create(
    session: Session,
    name: Name,
    *,
    dataset: Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")],
    rows: Rows = None,
    rows_from: RowsFrom = None,
) -> None:
    """Keep a set of images of a dataset under a name."""
    wanted = parse_rows(rows, rows_from)
    _show(session, session.client.selections.create(name, dataset=dataset, rows=wanted))


@service_command(app, "delete")
def delete(session: Session, name: Name) -> None:
    """Delete a selection."""
    session.client.selections.delete(name)
    session.say({"deleted": name}, f"Selection {name} is deleted.")


def _show(session: Session, selection: Selection) -> None:
    session.record(
        selection,
        {
            "selection": selection.id,
            "dataset": selection.dataset.rsplit("/", 1)[-1],
            "images": selection.images,
            "rows": ", ".join(str(row) for row in selection.rows),
            "made": selection.create_time,
        },
    )
