"""`lse export`: the catalogue of an experiment as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lse.cli.files import STANDARD, written_file
from lse.cli.session import Session, service_command

__all__ = ["register"]


def export(
    session: Session,
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Experiment.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT.(csv|parquet|vot|fits)", help="File to write; - is the standard output.")
    ],
    *,
    selection: Annotated[
        str | None, typer.Option("--selection", metavar="S", help="Only the images of this selection.")
    ] = None,
    vectors: Annotated[bool, typer.Option("--vectors", help="Include the vectors.")] = False,
    form: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="csv|parquet|vot|fits", help="Output format (default: from the file suffix; csv for -)."
        ),
    ] = None,
) -> None:
    """Write the catalogue of an experiment to a file.

    It holds metadata, clusters, labels, coordinates and, optionally, vectors, and appears once it is complete.
    """
    standard = str(out) == STANDARD
    with written_file(out) as file:
        path = session.client.export(
            experiment, file, format=form or ("csv" if standard else None), selection=selection, vectors=vectors
        )
        size = path.stat().st_size
    if not standard:
        session.say({"file": path, "bytes": size}, f"{path} is written ({size:,} bytes).")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    service_command(app, "export")(export)
