"""`lse label`: classes that experts define, and the labels of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.resource import NAMED, Column, Description, ResourceCommands, Title
from lse.cli.rows import Rows, RowsFrom, parse_rows
from lse.cli.session import ExperimentName, Session
from lse.names import LABEL_SCHEME
from lse.values import counted

if TYPE_CHECKING:
    from lse.client.resources import ExpertPair

__all__ = ["app"]

Classes = Annotated[list[str] | None, typer.Option("--class", metavar="CLASS", help="Class (repeatable).")]

commands = ResourceCommands(
    LABEL_SCHEME,
    "Classes that experts define, and the labels of images.",
    columns=(
        Column("classes", lambda scheme: ", ".join(scheme.classes), listed=True),
        Column("definitions", "class_definitions"),
        *NAMED,
        Column("updated", "update_time", listed=True),
    ),
    changes={"classes": Classes},
    deletes="its labels",
)
app = commands.app

Scheme = Annotated[str, typer.Argument(metavar="SCHEME", help="Name of the label scheme.")]
DatasetName = Annotated[str, typer.Option("--dataset", metavar="D", help="Dataset.")]


@commands.command("create")
def create(
    session: Session,
    scheme: Scheme,
    *,
    classes: Classes = None,
    title: Title = None,
    description: Description = None,
) -> None:
    """Create a label scheme."""
    made = session.client.label_schemes.create(
        scheme, title=title or "", description=description or "", classes=classes or ()
    )
    commands.show(session, made)


@commands.command("define")
def define(
    session: Session,
    scheme: Scheme,
    label: Annotated[str, typer.Argument(metavar="CLASS", help="Class of the scheme.")],
    definition: Annotated[str, typer.Argument(metavar="TEXT", help="What it means; '' takes the definition away.")],
) -> None:
    """Say what a class means."""
    before = session.client.label_schemes.get(scheme)
    definitions = {**before.class_definitions, label: definition}
    changed = session.client.label_schemes.update(scheme, class_definitions=definitions, etag=before.etag)
    commands.show(session, changed)


@commands.command("set")
def set_labels(
    session: Session,
    scheme: Scheme,
    label: Annotated[str, typer.Argument(metavar="CLASS", help="Class of the scheme; '' removes the label.")],
    *,
    dataset: DatasetName,
    rows: Rows = None,
    rows_from: RowsFrom = None,
) -> None:
    """Label images with a class."""
    wanted = parse_rows(rows, rows_from)
    changed = session.client.labels.set(scheme, dataset=dataset, rows=wanted, label=label)
    session.say({"changed": changed}, f"{counted(changed, 'label')} changed.")


@commands.command("read")
def read(session: Session, scheme: Scheme, *, dataset: DatasetName) -> None:
    """List the labels of the images of a dataset."""
    labels = session.client.labels.table(scheme, dataset=dataset).to_pylist()
    session.table(
        labels,
        ("image", "row", "label", "author", "time"),
        ((item["name"], str(item["row"]), item["label"], item["author"], item["time"]) for item in labels),
    )


@commands.command("agreement")
def agreement(
    session: Session,
    scheme: Scheme,
    *,
    dataset: DatasetName,
    save: Annotated[
        str | None, typer.Option("--save", metavar="NAME", help="Keep the images in dispute as a selection.")
    ] = None,
) -> None:
    """Compare what several experts said of the same images."""
    found = session.client.labels.agreement(scheme, dataset=dataset)
    rows = {
        "images of several experts": found.shared,
        "in dispute": len(found.disputed_rows),
        "Krippendorff's alpha": "nothing can disagree" if found.alpha is None else f"{found.alpha:.3f}",
        **{f"labelled by {one.expert}": f"{one.images}, {one.shared} shared" for one in found.experts},
        **{f"{one.first} and {one.second}": _agree(one) for one in found.pairs},
    }
    if save and found.disputed_rows:
        session.client.selections.create(save, dataset=dataset, rows=sorted(found.disputed_rows))
        rows["saved as"] = save
    session.record(found, rows)


def _agree(pair: ExpertPair) -> str:
    """How two experts agree, in a few words."""
    if pair.agreement is None:
        return "no image in common"
    kappa = "without Cohen's kappa: one class" if pair.kappa is None else f"Cohen's kappa {pair.kappa:.3f}"
    return f"{pair.images} images, {pair.agreement:.1%} the same, {kappa}"


@commands.command("suggest")
def suggest(
    session: Session,
    scheme: Scheme,
    *,
    experiment: ExperimentName,
    count: Annotated[int, typer.Option("--count", min=1, max=1000, help="Number of images wanted.")] = 20,
) -> None:
    """List the images whose labels would help most, by their rows."""
    suggestion = session.client.labels.suggest(scheme, experiment=experiment, count=count)
    rows = ", ".join(str(row) for row in suggestion.rows)
    session.record(suggestion, {"rows": rows or "none", "notes": suggestion.notes})
