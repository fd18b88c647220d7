"""The `lse` command: the entry point, which loads of each group no more than its help needs."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from lse.cli import (
    clustering,
    dataset,
    demo,
    doctor,
    encoder,
    experiment,
    explain,
    export,
    label,
    operation,
    pipeline,
    prediction,
    projection,
    selection,
    similar,
    up,
)
from lse.cli.failures import group

__all__ = ["app", "main"]

app = group(
    "Learn, arrange, group and explore the latent space of image collections.",
    epilog="All commands but `up` and `demo` talk to the services at LSE_ADDRESS, by default localhost:50051.",
)


def _version(wanted: bool) -> None:  # a callback of typer
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lse {version('latent-space-explorer')}")
        raise typer.Exit


@app.callback()
def lse(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Learn, arrange, group and explore the latent space of image collections."""
    del version


up.register(app)
app.add_typer(dataset.app, name="dataset")
app.add_typer(encoder.app, name="encoder")
app.add_typer(experiment.app, name="experiment")
app.add_typer(projection.app, name="projection")
app.add_typer(clustering.app, name="clustering")
app.add_typer(prediction.app, name="prediction")
similar.register(app)
app.add_typer(explain.app, name="explain")
app.add_typer(label.app, name="label")
app.add_typer(selection.app, name="selection")
export.register(app)
app.add_typer(operation.app, name="operation")
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(demo.app, name="demo")
doctor.register(app)


def main() -> None:
    """Run the command that the arguments name."""
    # grpc writes lines of its own to stderr, where a person expects one sentence.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    app(prog_name="lse")


if __name__ == "__main__":
    main()
