"""`lse export`: the catalogue of an experiment as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from lse.cli.session import Session, choice, service_command

if TYPE_CHECKING:
    from lse.client.annotation import ExportFormat

__all__ = ["register"]


def export(
    session: Session,
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Experiment.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.(csv|parquet|vot|fits)", help="File to write.")],
    *,
    selection: Annotated[
        str | None, typer.Option("--selection", metavar="S", help="Only the images of this selection.")
    ] = None,
    vectors: Annotated[bool, typer.Option("--vectors", help="Write the vectors too.")] = False,
    form: Annotated[
        str | None, typer.Option("--format", metavar="csv|parquet|vot|fits", help="Format, instead of the suffix's.")
    ] = None,
) -> None:
    """Write the catalogue of an experiment to a file.

    It holds metadata, clusters, labels, coordinates and, on wish, vectors; it appears once it is complete.
    """
    if form is not None:
        choice(form, ("csv", "parquet", "vot", "fits"), "--format")
    path = session.client.export(
        experiment, out, format=cast("ExportFormat | None", form), selection=selection, vectors=vectors
    )
    size = path.stat().st_size
    session.say({"file": path, "bytes": size}, f"{path} is written ({size:,} bytes).")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "export")(export)
