"""The `lse` command: the entry point, which loads of each group no more than its help needs."""

from __future__ import annotations

import atexit
import gc
import os
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

import typer

from lse.cli import backup, doctor, export, groups, login, plan, processes, similar, similar_to_each
from lse.cli.failures import Address, Json, Project, group, keep_shared

__all__ = ["app", "main"]

app = group(
    "Learn, arrange, group and explore the latent space of image collections.",
    epilog="Commands that start no process talk to the services at LSE_ADDRESS (default: localhost:50051).",
    completion=True,
)


# The chain as one goes through it; other groups follow by their names.
_CHAIN = ("dataset", "encoder", "experiment", "projection", "clustering", "prediction")


def _place(name: str) -> tuple[int, str]:
    """Place of a group in the help."""
    return _CHAIN.index(name) if name in _CHAIN else len(_CHAIN), name


def _version(wanted: bool) -> None:  # a callback of typer
    if wanted:
        from importlib.metadata import version

        typer.echo(f"lse {version('latent-space-explorer')}")
        raise typer.Exit


@app.callback()
def lse(
    context: typer.Context,
    *,
    project: Project = None,
    address: Address = None,
    as_json: Json = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Learn, arrange, group and explore the latent space of image collections."""
    del version
    keep_shared(context, project=project, address=address, as_json=as_json)


processes.register(app)
for _name in sorted((module.name for module in iter_modules(groups.__path__)), key=_place):
    app.add_typer(import_module(f"lse.cli.groups.{_name}").app, name=_name)
for _command in (similar, similar_to_each, export, login, backup, plan, doctor):
    _command.register(app)


def main() -> None:
    """Run the command that the arguments name."""
    # grpc writes lines of its own to stderr, where a person expects one sentence.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Looking at all that was imported, for what could be freed as the process ends, takes it most of a second.
    atexit.register(gc.freeze)
    app(prog_name="lse")


if __name__ == "__main__":
    main()
