"""`lse operation`: long work that the services do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lse.cli.resource import Column, Filter, Limit, ResourceCommands
from lse.cli.session import Session, wait_for
from lse.names import OPERATION

if TYPE_CHECKING:
    from lse.client import Operation

__all__ = ["app"]


def _progress(operation: Operation[Any]) -> str:
    progress = operation.last_progress
    if operation.done or not progress.stage:
        return ""
    count = f" {progress.done:,}/{progress.total:,}" if progress.total else ""
    return f"{progress.stage}{count}"


commands = ResourceCommands(
    OPERATION,
    "Long work that the services do.",
    columns=(
        Column("project", lambda operation: operation.name.split("/")[1], listed=True),
        Column("kind", listed=True),
        Column("target", lambda operation: operation.target.split("/", 2)[-1], listed=True),
        Column("state", listed=True),
        Column("progress", _progress, listed=True),
        Column("waiting for", "last_progress.waiting_for"),
        Column("figures", "last_progress.metrics"),
        Column("stages", lambda operation: [f"{stage}: {seconds:.1f} s" for stage, seconds in operation.stages]),
        Column("attempts"),
        Column("error", lambda operation: operation.error.message if operation.error else ""),
        Column("creator"),
        Column("created", "create_time", listed=True),
        Column("ended", "end_time"),
    ),
    standard=("show",),
)
app = commands.app

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the operation.")]


@commands.command("list")
def list_operations(
    session: Session,
    *,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
    filter: Filter = "",  # noqa: A002  # the word of the API
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all projects; for operators.")] = False,
    limit: Limit = None,
) -> None:
    """List the operations of the project, newest first."""
    found = session.client.operations.list(active=active, filter=filter, everywhere=everywhere, limit=limit)
    commands.table(session, found)


@commands.command("wait")
def wait(
    session: Session,
    name: Name,
    *,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds to wait at most (default: no limit).")
    ] = None,
) -> None:
    """Wait for the end of an operation; fails where the operation does."""
    operation = session.client.operations.get(name)
    wait_for(operation, timeout=timeout)
    commands.show(session, operation)


@commands.command("retry")
def retry(session: Session, name: Name) -> None:
    """Run an operation again that failed or was cancelled."""
    operation = session.client.operations.retry(name)
    session.say(operation, f"Operation {operation.id} does the work again: `lse operation wait {operation.name}`.")


@commands.command("cancel")
def cancel(session: Session, name: Name) -> None:
    """End an operation as soon as its present step allows."""
    session.client.operations.cancel(name)
    operation = session.client.operations.get(name)
    session.say(operation, f"Operation {operation.id} is {operation.state}.")
