"""`lse up`: everything on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from lse.cli.session import choice
from lse.platform.errors import FailedPreconditionError

__all__ = ["DEFAULT_HOME", "Home", "register"]

DEFAULT_HOME = Path("~/.lse")
_INFERENCE = ("auto", "triton", "onnxruntime")

Home = Annotated[Path, typer.Option("--home", help="Folder of everything that is kept.")]


def up(
    *,
    home: Home = DEFAULT_HOME,
    host: Annotated[str, typer.Option("--host", help="Interface to listen on.")] = "127.0.0.1",
    grpc_port: Annotated[int, typer.Option("--grpc-port", min=0, max=65535, help="Port of the services.")] = 50051,
    dashboard_port: Annotated[
        int, typer.Option("--dashboard-port", min=0, max=65535, help="Port of the explorer.")
    ] = 5006,
    inference: Annotated[
        str,
        typer.Option(
            "--inference",
            metavar="|".join(_INFERENCE),
            help="Engine that runs encoders; auto takes Triton where it is installed.",
        ),
    ] = "auto",
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Worker processes; by the number of cores when not given.")
    ] = None,
    no_dashboard: Annotated[
        bool, typer.Option("--no-dashboard", help="Start the services without the explorer.")
    ] = False,
) -> None:
    """Start everything on this machine.

    The services, their stores, the workers, and the explorer: until Ctrl-C.
    """
    choice(inference, _INFERENCE, "--inference")
    try:
        from lse.embedded.up import UpSettings, run
    except ModuleNotFoundError as error:
        raise FailedPreconditionError(
            f"`lse up` needs the package {error.name}, which is not installed: "
            "install latent-space-explorer with its extra `all`.",
            reason="PACKAGE_MISSING",
        ) from error
    settings = UpSettings(
        home=home.expanduser().absolute(),
        host=host,
        grpc_port=grpc_port,
        dashboard_port=dashboard_port,
        inference=cast("Literal['auto', 'triton', 'onnxruntime']", inference),
        workers=workers,
        dashboard=not no_dashboard,
    )

    def tell() -> None:
        shown = "localhost" if host in {"0.0.0.0", "127.0.0.1", "::"} else host  # noqa: S104  # compared, not bound
        if settings.dashboard:
            typer.echo(f"The explorer is at http://{shown}:{dashboard_port}")
        typer.echo(f"The services are at {shown}:{grpc_port}, their home is {settings.home}; Ctrl-C stops them.")

    run(settings, on_ready=tell)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("up")(up)
