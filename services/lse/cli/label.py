"""`lse label`: classes that experts define and give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.rows import Rows, RowsFrom, parse_rows
from lse.cli.session import Session, service_command

if TYPE_CHECKING:
    from lse.client.resources import LabelScheme

__all__ = ["app"]

app = group("Classes that experts define and give.")

Scheme = Annotated[str, typer.Argument(metavar="SCHEME", help="Name of the label scheme.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]
Classes = Annotated[
    list[str] | None, typer.Option("--class", metavar="CLASS", help="Class; may be given several times.")
]
Title = Annotated[str | None, typer.Option("--title", help="Title for a person.")]


@service_command(app, "list")
def list_schemes(session: Session) -> None:
    """List the label schemes of the project."""
    schemes = session.client.labels.schemes()
    session.table(
        schemes,
        ("name", "title", "classes", "changed"),
        ((item.id, item.title, ", ".join(item.classes), item.update_time) for item in schemes),
    )


@service_command(app, "show")
def show(session: Session, scheme: Scheme) -> None:
    """Show a label scheme."""
    _show(session, session.client.labels.scheme(scheme))


@service_command(app, "create")
def create(session: Session, scheme: Scheme, *, classes: Classes = None, title: Title = None) -> None:
    """Make a label scheme."""
    _show(session, session.client.labels.create_scheme(scheme, title=title or "", classes=classes or ()))


@service_command(app, "update")
def update(session: Session, scheme: Scheme, *, classes: Classes = None, title: Title = None) -> None:
    """Change the title, or replace the classes, of a label scheme."""
    _show(session, session.client.labels.update_scheme(scheme, title=title, classes=classes or None))


@service_command(app, "delete")
def delete(session: Session, scheme: Scheme) -> None:
    """Delete a label scheme with its labels."""
    session.client.labels.delete_scheme(scheme)
    session.say({"deleted": scheme}, f"Label scheme {scheme} is deleted.")


@service_command(app, "set")
def set_labels(
    session: Session,
    scheme: Scheme,
    label: Annotated[str, typer.Argument(metavar="CLASS", help="Class of the scheme; '' takes the label away.")],
    *,
    dataset: DatasetName,
    rows: Rows = None,
    rows_from: RowsFrom = None,
    author: Annotated[str, typer.Option("--author", help="Who says so.")] = "",
) -> None:
    """Give images a class."""
    wanted = parse_rows(rows, rows_from)
    changed = session.client.labels.set(scheme, dataset=dataset, rows=wanted, label=label, author=author)
    session.say({"changed": changed}, f"{changed:,} labels changed.")


@service_command(app, "read")
def read(session: Session, scheme: Scheme, *, dataset: DatasetName) -> None:
    """List the labels that the images of a dataset were given."""
    labels = session.client.labels.table(scheme, dataset=dataset).to_pylist()
    session.table(
        labels,
        ("image", "row", "label", "author", "time"),
        ((item["name"], str(item["row"]), item["label"], item["author"], item["time"]) for item in labels),
    )


@service_command(app, "suggest")
def suggest(
    session: Session,
    scheme: Scheme,
    *,
    experiment: Annotated[str, typer.Option("--experiment", metavar="X", help="Experiment.")],
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="Images wanted.")] = 20,
) -> None:
    """List rows of images whose labels would teach most."""
    suggestion = session.client.labels.suggestion(scheme, experiment=experiment, count=count)
    rows = ", ".join(str(row) for row in suggestion.rows)
    session.record(suggestion, {"rows": rows or "none", "notes": suggestion.notes})


def _show(session: Session, scheme: LabelScheme) -> None:
    session.record(
        scheme,
        {
            "scheme": scheme.id,
            "title": scheme.title,
            "classes": ", ".join(scheme.classes),
            "made": scheme.create_time,
            "changed": scheme.update_time,
        },
    )
