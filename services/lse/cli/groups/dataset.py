"""`lse dataset`: collections of images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lse.cli.files import STANDARD
from lse.cli.resource import MADE, Column, Limit, ResourceCommands
from lse.cli.rows import Rows, RowsFrom, parse_rows, read_text
from lse.cli.session import Session
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.names import DATASET
from lse.values import counted

if TYPE_CHECKING:
    from lse.client.resources import Dataset
    from lse.client.resources.datasets import ImageStatus, TraceStep

__all__ = ["app"]

_SQUARE_DEGREES = 129_600 / math.pi  # of the sky
_TRACED = ("image", "steps", "rejection_reason", "rejection_message")


def _columns(dataset: Dataset) -> dict[str, str]:
    return {key: f"{column.type} {column.unit}".strip() for key, column in dataset.columns.items()}


def _versions(dataset: Dataset) -> list[str]:
    return [
        f"{each.version}: {counted(each.prepared, 'image')}, {each.rejected:,} rejected" for each in dataset.versions
    ]


commands = ResourceCommands(
    DATASET,
    "Collections of images, prepared alike.",
    columns=(
        Column("state", listed=True),
        Column("images", lambda dataset: "simulated" if dataset.simulated else ""),
        Column("prepared", listed=True),
        Column("rejected", listed=True),
        Column("channels", lambda dataset: ", ".join(dataset.channels), listed=True),
        Column("size", lambda dataset: f"{dataset.image_size} pixels", listed=True),
        Column("sources"),
        Column("versions", _versions),
        Column("columns", _columns),
        Column("recipe"),
        *MADE,
    ),
    forced="what was made from it",
)
app = commands.app

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset.")]
Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCE", help="Files and folders as the services see them; s3:// and https://.")
]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", help="Recipe file, YAML; - is the standard input (default: suggested from the images)."),
]
CatalogueFile = Annotated[
    str | None,
    typer.Option("--catalogue", help="Table that is joined by path or name, or by position (--catalogue-radius)."),
]
CatalogueKey = Annotated[
    str | None,
    typer.Option(
        "--catalogue-key", help="Column of the catalogue that identifies the image (default: found by its name)."
    ),
]
CatalogueRadius = Annotated[
    float | None,
    typer.Option(
        "--catalogue-radius",
        metavar="ARCSEC",
        help="Join the catalogue by position, within this separation (default: by its key).",
    ),
]


@commands.work("ingest")
def ingest(
    session: Session,
    name: Name,
    sources: Sources,
    *,
    recipe: RecipeFile = None,
    catalogue: CatalogueFile = None,
    catalogue_key: CatalogueKey = None,
    catalogue_radius: CatalogueRadius = None,
    upload: Annotated[
        bool, typer.Option("--upload", help="Send one file or folder, and the catalogue, from this machine.")
    ] = False,
) -> Any:
    """Make a dataset of files and folders.

    Every image is prepared by a recipe; what cannot be is kept as rejected, with the reason.
    """
    if upload:
        if len(sources) > 1:
            message = "--upload sends one file or folder: put the images into one folder."
            raise InvalidArgumentError(message, reason="SOURCES_CONFLICT")
        return session.client.datasets.upload(
            name,
            sources[0],
            recipe=_recipe(recipe),
            catalogue=catalogue,
            catalogue_key=catalogue_key,
            catalogue_radius_arcsec=catalogue_radius,
        )
    return session.client.datasets.ingest(
        name,
        sources,
        recipe=_recipe(recipe),
        catalogue=catalogue,
        catalogue_key=catalogue_key,
        catalogue_radius_arcsec=catalogue_radius,
    )


@commands.work("add")
def add(
    session: Session,
    name: Name,
    sources: Sources,
    *,
    catalogue: CatalogueFile = None,
    catalogue_key: CatalogueKey = None,
    catalogue_radius: CatalogueRadius = None,
) -> Any:
    """Add files and folders to a dataset, prepared by its own recipe."""
    return session.client.datasets.add(
        name,
        sources,
        catalogue=catalogue,
        catalogue_key=catalogue_key,
        catalogue_radius_arcsec=catalogue_radius,
    )


@commands.work("subset")
def subset(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the new dataset.")],
    of: Annotated[str, typer.Argument(metavar="DATASET", help="Dataset that has the images.")],
    *,
    rows: Rows = None,
    rows_from: RowsFrom = None,
    selection: Annotated[str | None, typer.Option("--selection", metavar="S", help="Selection of the images.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="IMAGE", help="Image to leave out: name, path or row (repeatable)."),
    ] = None,
) -> Any:
    """Make a dataset of some images of another one, or of all but some, with their labels.

    The other dataset and what was made from it stay as they are.
    """
    given = [rows is not None or rows_from is not None, selection is not None, bool(without)]
    if sum(given) != 1:
        raise InvalidArgumentError(
            "Say which images: one of --rows, --rows-from, --selection and --without.", reason="ROWS_INVALID"
        )
    if without:
        return session.client.datasets.subset(name, of=of, without=without)
    if selection is None:
        return session.client.datasets.subset(name, of=of, rows=parse_rows(rows, rows_from))
    chosen = session.client.selections.get(selection)
    if chosen.dataset.rpartition("/")[2] != of.rpartition("/")[2]:
        raise InvalidArgumentError(
            f"The selection '{selection}' is of another dataset than '{of}': choose one of its own.",
            reason="DATASET_MISMATCH",
        )
    return session.client.datasets.subset(name, of=of, rows=chosen.rows)


@commands.command("preview")
def preview(
    session: Session,
    sources: Sources,
    *,
    recipe: RecipeFile = None,
    catalogue: CatalogueFile = None,
    catalogue_key: CatalogueKey = None,
    catalogue_radius: CatalogueRadius = None,
    count: Annotated[int, typer.Option("--count", min=1, max=64, help="Number of images to try.")] = 8,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write the pictures to (JPEG).")] = None,
) -> None:
    """Show what a recipe makes of a few sources, and how a catalogue would be joined."""
    result = session.client.datasets.preview(
        sources,
        recipe=_recipe(recipe),
        count=count,
        catalogue=catalogue,
        catalogue_key=catalogue_key,
        catalogue_radius_arcsec=catalogue_radius,
    )
    if out is not None:
        from lse.client.streams import write_file

        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FailedPreconditionError(
                f"The folder '{out}' cannot be made ({error.strerror}): choose another.", reason="FOLDER_UNWRITABLE"
            ) from error
        for number, image in enumerate(result.images):
            if image.thumbnail:
                write_file(out / f"{number:02d}-{Path(image.source).stem}.jpg", image.thumbnail)
    if session.as_json:
        session.say(result, "")
        return
    typer.echo(f"{counted(result.source_count, 'input')} found; recipe:\n\n{result.recipe.strip()}\n")
    if (joined := result.catalogue) is not None:
        for sentence in (*joined.notes, *([joined.problem] if joined.problem else [])):
            typer.echo(sentence)
        typer.echo(f"Columns of the catalogue: {', '.join(joined.columns)}\n")
    session.table(
        result.images,
        ("source", "status", "reason"),
        (
            (image.source, "rejected" if image.rejection_reason else "prepared", image.rejection_message)
            for image in result.images
        ),
    )


@commands.command("images")
def images(
    session: Session,
    name: Name,
    *,
    rejected: Annotated[bool, typer.Option("--rejected", help="Only rejected inputs, with their reasons.")] = False,
    filter: Annotated[  # noqa: A002  # the word of the API
        str, typer.Option("--filter", metavar="EXPRESSION", help="Only those that fulfil it, such as 'redshift > 0.5'.")
    ] = "",
    order_by: Annotated[
        str,
        typer.Option(
            "--order-by", metavar="COLUMNS", help="Order, such as 'redshift desc' (default: as they were read)."
        ),
    ] = "",
    limit: Limit = None,
) -> None:
    """List the images of a dataset, prepared and rejected."""
    status: ImageStatus | None = "rejected" if rejected else None
    images = session.client.datasets.images(name, status=status, filter=filter, order_by=order_by, limit=limit)
    found = list(images)
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


@commands.command("duplicates")
def duplicates(
    session: Session,
    name: Name,
    *,
    experiment: Annotated[
        str | None,
        typer.Option(
            "--experiment", metavar="X", help="Also what is nearly the same in the latent space of this experiment."
        ),
    ] = None,
) -> None:
    """List the images of a dataset that have the same pixels, by groups, and those that are nearly the same."""
    images = session.client.datasets.duplicates(name, experiment=experiment).to_pylist()
    columns = ("group", "name", "other_name", "similarity")
    lines = ([*(image[key] for key in columns[:3]), _similarity(image["similarity"])] for image in images)
    session.table(images, columns, lines)


@commands.command("footprint")
def footprint(
    session: Session,
    name: Name,
    out: Annotated[Path, typer.Argument(metavar="FILE.(fits|json|txt)", help="Multi-order coverage map to write.")],
    *,
    order: Annotated[
        int | None,
        typer.Option("--order", min=0, max=29, help="HEALPix order of the cells (default: chosen from the images)."),
    ] = None,
) -> None:
    """Write the footprint of a dataset on the sky, the union of the outlines of its images, as a MOC."""
    from lse.client.footprint import written
    from lse.client.streams import write_file

    found = session.client.datasets.footprint(name, order=order)
    file = write_file(out, written(found, out.suffix.lower()))
    area = found.sky_fraction * _SQUARE_DEGREES
    facts = {"file": file, "order": found.max_order, "area_deg2": area}
    session.say(facts, f"{file} is written: {area:.6g} square degrees, cells of order {found.max_order}.")


def _similarity(value: float | None) -> str:
    return "the same pixels" if value is None else f"{value:.5f}"


@commands.command("trace")
def trace(
    session: Session,
    name: Name,
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Image: its name, its path or its row.")],
    *,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            help="Another recipe to try on it, YAML; - is the standard input (default: that of the dataset).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.png", help="Picture of the channels after each step.")
    ] = None,
) -> None:
    """Show one image through every step of its preparation, with figures, to find where pixels go wrong."""
    found = session.client.datasets.trace(name, image, recipe=_recipe(recipe))
    file = None if out is None else found.save(out)
    if session.as_json:
        session.say({key: getattr(found, key) for key in _TRACED} | {"file": file}, "")
        return
    session.table(
        found.steps,
        ("step", "figure", "value"),
        (
            (step.step if first else "", figure, value)
            for step in found.steps
            for first, figure, value in _figures(step)
        ),
    )
    if found.rejection_message:
        typer.echo(f"Rejected: {found.rejection_message}")
    if file is not None:
        typer.echo(f"{file} is written ({len(found.png):,} bytes).")


def _figures(step: TraceStep) -> Iterator[tuple[bool, str, object]]:
    """Figures of a step, what it does first; whether each is the first of its step."""
    from lse.columns import shown  # which takes long to import

    rows = [*([("", step.summary)] if step.summary else []), *step.facts.items()]
    for number, (figure, value) in enumerate(rows):
        yield number == 0, figure, shown(value) if isinstance(value, float) else value


def _recipe(file: Path | None) -> Path | str | None:
    """Recipe as the client takes it: a file, or the text that comes by the standard input."""
    return read_text(STANDARD) if str(file) == STANDARD else file
