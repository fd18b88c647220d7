"""`lse dataset`: collections of images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lse.cli.failures import group
from lse.cli.session import NoWait, Session, service_command
from lse.platform.errors import FailedPreconditionError

if TYPE_CHECKING:
    from lse.client.resources import Dataset

__all__ = ["app"]

app = group("Collections of images, prepared alike.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset.")]
Sources = Annotated[list[str], typer.Argument(metavar="SOURCE", help="Files and folders, as the services see them.")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="Recipe (YAML); suggested from the images when not given.")
]
CatalogueFile = Annotated[
    str | None, typer.Option("--catalogue", help="Catalogue (CSV) that is joined by path or name.")
]


@service_command(app, "ingest")
def ingest(
    session: Session,
    name: Name,
    sources: Sources,
    *,
    recipe: RecipeFile = None,
    catalogue: CatalogueFile = None,
    catalogue_key: Annotated[
        str | None, typer.Option("--catalogue-key", help="Column of the catalogue that names the image.")
    ] = None,
    no_wait: NoWait = False,
) -> None:
    """Read files and folders, prepare every image by a recipe, and make a dataset of them."""
    operation = session.client.datasets.ingest(
        name, sources, recipe=recipe, catalogue=catalogue, catalogue_key=catalogue_key
    )
    session.finish(operation, wait=not no_wait, show=lambda dataset: _show(session, dataset))


@service_command(app, "preview")
def preview(
    session: Session,
    sources: Sources,
    *,
    recipe: RecipeFile = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="Images to try.")] = 8,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the pictures (WebP).")] = None,
) -> None:
    """Show what a recipe, or the one suggested, makes of a few sources."""
    result = session.client.datasets.preview(sources, recipe=recipe, count=count)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            for number, image in enumerate(result.images):
                if image.thumbnail:
                    (out / f"{number:02d}-{Path(image.source).stem}.webp").write_bytes(image.thumbnail)
        except OSError as error:
            raise FailedPreconditionError(
                f"The pictures cannot be written to '{out}' ({error.strerror}): choose another folder.",
                reason="FOLDER_UNWRITABLE",
            ) from error
    if not session.as_json:
        typer.echo(f"{result.source_count:,} inputs found; recipe:\n\n{result.recipe.strip()}\n")
    if session.as_json:
        session.say(result, "")
    else:
        session.table(
            result.images,
            ("source", "becomes", "because"),
            (
                (image.source, "rejected" if image.rejection_reason else "prepared", image.rejection_message)
                for image in result.images
            ),
        )


@service_command(app, "add")
def add(
    session: Session, name: Name, sources: Sources, *, catalogue: CatalogueFile = None, no_wait: NoWait = False
) -> None:
    """Add files and folders to a dataset, prepared by its own recipe."""
    operation = session.client.datasets.add(name, sources, catalogue=catalogue)
    session.finish(operation, wait=not no_wait, show=lambda dataset: _show(session, dataset))


@service_command(app, "list")
def list_datasets(session: Session) -> None:
    """List the datasets of the project."""
    datasets = session.client.datasets.list()
    session.table(
        datasets,
        ("name", "state", "prepared", "rejected", "channels", "size", "made"),
        (
            (
                item.id,
                item.state,
                item.prepared,
                item.rejected,
                ", ".join(item.channels),
                item.image_size,
                item.create_time,
            )
            for item in datasets
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name) -> None:
    """Show a dataset with its recipe and its columns."""
    _show(session, session.client.datasets.get(name))


@service_command(app, "images")
def images(
    session: Session,
    name: Name,
    *,
    rejected: Annotated[bool, typer.Option("--rejected", help="Only rejected inputs, with their reasons.")] = False,
) -> None:
    """List the images of a dataset, prepared and rejected."""
    found = list(session.client.datasets.images(name, status="rejected" if rejected else None))
    session.table(
        found,
        ("image", "row", "status", "source", "reason", "message"),
        (
            (
                item.id,
                "" if item.row < 0 else str(item.row),
                item.status,
                item.source,
                item.rejection_reason,
                item.rejection_message,
            )
            for item in found
        ),
    )


@service_command(app, "delete")
def delete(
    session: Session,
    name: Name,
    *,
    force: Annotated[bool, typer.Option("--force", help="Delete what was made from it too.")] = False,
) -> None:
    """Delete a dataset."""
    session.client.datasets.delete(name, force=force)
    session.say({"deleted": name}, f"Dataset {name} is deleted.")


def _show(session: Session, dataset: Dataset) -> None:
    session.record(
        dataset,
        {
            "dataset": dataset.id,
            "state": dataset.state,
            "images": "simulated" if dataset.simulated else "",
            "prepared": dataset.prepared,
            "rejected": dataset.rejected,
            "channels": ", ".join(dataset.channels),
            "size": f"{dataset.image_size} pixels",
            "sources": dataset.sources,
            "columns": dataset.columns,
            "recipe": dataset.recipe,
            "notes": dataset.notes,
            "made": dataset.create_time,
            "operation": dataset.operation,
        },
    )
