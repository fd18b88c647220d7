"""`lse operation`: long work that the services do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lse.cli.failures import group
from lse.cli.session import Session, service_command

if TYPE_CHECKING:
    from lse.client import Operation

__all__ = ["app"]

app = group("Long work that the services do.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the operation.")]


@service_command(app, "list")
def list_operations(
    session: Session,
    *,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
) -> None:
    """List the operations of the project, newest first."""
    operations = session.client.operations.list(active=active)
    session.table(
        operations,
        ("name", "kind", "target", "state", "progress", "asked for"),
        (
            (
                item.id,
                item.kind,
                item.target.split("/", 2)[-1],
                item.state,
                _far(item),
                item.create_time,
            )
            for item in operations
        ),
    )


@service_command(app, "show")
def show(session: Session, name: Name) -> None:
    """Show where an operation stands."""
    _show(session, session.client.operations.get(name))


@service_command(app, "wait")
def wait(
    session: Session,
    name: Name,
    *,
    timeout: Annotated[float | None, typer.Option("--timeout", min=0, help="Seconds to wait at most.")] = None,
) -> None:
    """Wait for the end of an operation; fails where the operation does."""
    from lse.cli.waiting import wait_for

    operation = session.client.operations.get(name)
    wait_for(operation, timeout=timeout)
    _show(session, operation)


@service_command(app, "cancel")
def cancel(session: Session, name: Name) -> None:
    """End an operation as soon as its present step allows."""
    session.client.operations.cancel(name)
    operation = session.client.operations.get(name)
    session.say(operation, f"Operation {operation.id} is {operation.state}.")


def _far(operation: Operation[Any]) -> str:
    progress = operation.last_progress
    if operation.done or not progress.stage:
        return ""
    count = f" {progress.done:,}/{progress.total:,}" if progress.total else ""
    return f"{progress.stage}{count}"


def _show(session: Session, operation: Operation[Any]) -> None:
    error = operation.error
    session.record(
        operation,
        {
            "operation": operation.name,
            "kind": operation.kind,
            "target": operation.target,
            "state": operation.state,
            "progress": _far(operation),
            "figures": operation.last_progress.metrics,
            "stages": [f"{stage}: {seconds:.1f} s" for stage, seconds in operation.stages],
            "attempts": operation.attempts,
            "error": error.message if error else "",
            "asked for": operation.create_time,
            "ended": operation.end_time,
        },
    )
