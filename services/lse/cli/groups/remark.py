"""`lse remark`: how interesting images are, their tags and notes."""

from __future__ import annotations

from typing import Annotated

import typer

from lse.cli.failures import group
from lse.cli.rows import Rows, RowsFrom, parse_rows
from lse.cli.session import Session, service_command
from lse.values import counted

__all__ = ["app"]

app = group("How interesting images are, their tags, and notes about them.")

DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="Name of the dataset.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Tag that they get (repeatable).")]
Untags = Annotated[list[str] | None, typer.Option("--untag", metavar="TAG", help="Tag that they lose (repeatable).")]


@service_command(app, "set")
def set_remarks(
    session: Session,
    dataset: DatasetName,
    *,
    rows: Rows = None,
    rows_from: RowsFrom = None,
    interest: Annotated[
        int | None, typer.Option("--interest", min=-1, max=5, help="0 to 5; -1 takes it away (default: as it is).")
    ] = None,
    tags: Tags = None,
    untags: Untags = None,
    note: Annotated[str | None, typer.Option("--note", help="Note; '' takes it away (default: as it is).")] = None,
) -> None:
    """Say how interesting images are, tag them, or note something about them."""
    changed = session.client.remarks.set(
        dataset,
        rows=parse_rows(rows, rows_from),
        interest=interest,
        add_tags=tags or (),
        remove_tags=untags or (),
        note=note,
    )
    session.say({"changed": changed}, f"{counted(changed, 'image')} changed.")


@service_command(app, "read")
def read(session: Session, dataset: DatasetName) -> None:
    """List the remarks on the images of a dataset."""
    remarks = session.client.remarks.table(dataset).to_pylist()
    session.table(
        remarks,
        ("image", "row", "interest", "tags", "note", "author", "time"),
        (
            (
                item["name"],
                str(item["row"]),
                "" if item["interest"] is None else str(item["interest"]),
                ", ".join(item["tags"]),
                item["note"],
                item["author"],
                item["time"],
            )
            for item in remarks
        ),
    )


@service_command(app, "rank")
def rank(
    session: Session,
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Name of the experiment.")],
    *,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of images at most.")] = 20,
    unjudged: Annotated[bool, typer.Option("--unjudged", help="Leave out images whose interest was judged.")] = False,
) -> None:
    """List the images that are likely to be most interesting, learnt from the interest given to some."""
    images = session.client.remarks.rank(experiment, count=count, unjudged_only=unjudged).to_pylist()
    session.table(
        images,
        ("image", "row", "expected interest", "interest"),
        (
            (
                item["name"],
                str(item["row"]),
                f"{item['score']:.2f}",
                "" if item["interest"] is None else str(item["interest"]),
            )
            for item in images
        ),
    )
