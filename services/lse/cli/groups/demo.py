"""`lse demo`: a simulated survey for a machine that has no images yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lse.cli.failures import group
from lse.cli.records import as_data, print_json
from lse.cli.session import progress_display
from lse.errors import FailedPreconditionError

__all__ = ["app"]

app = group("A simulated survey for a machine that has no images yet.")


@app.callback()
def demo() -> None:
    """A simulated survey for a machine that has no images yet."""


@app.command("simulate")
def simulate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the images and the catalogue go.")],
    *,
    count: Annotated[int, typer.Option("--count", min=1, help="Number of images.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on the standard output.")] = False,
) -> None:
    """Simulate FITS cutouts of galaxies, stars and artefacts, with a catalogue of the truth."""
    try:
        from lse.demo.survey import simulate_survey
    except ModuleNotFoundError as error:
        raise FailedPreconditionError(
            f"The simulator needs the package {error.name}, which is not installed: "
            "install latent-space-explorer with its extra `services`.",
            reason="PACKAGE_MISSING",
        ) from error
    with progress_display() as display:
        summary = simulate_survey(folder.expanduser(), count=count, seed=seed, progress=display.show)
    if as_json:
        print_json(as_data(summary))
    else:
        typer.echo(f"{count:,} simulated images lie in {folder}.")
