"""What every command that talks to the services has: its options, a client, and the way to show results."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lse.cli.failures import INTERRUPTED, Address, Json, Project
from lse.cli.records import as_data, print_json, print_record, print_table
from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lse.client import Client, Operation
    from lse.client.progress import ProgressBar, ProgressLines

__all__ = [
    "ExperimentName",
    "NoWait",
    "Seed",
    "Session",
    "Set",
    "choice",
    "given_parameters",
    "listed",
    "option",
    "progress_display",
    "service_command",
    "wait_for",
]

T = TypeVar("T")
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the name of the operation and do not wait for its end.")]
ExperimentName = Annotated[str, typer.Option("--experiment", metavar="X", help="Experiment.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Parameter of the method (repeatable).")
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of all random numbers (default: 0).")]


def option(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """Parameter of a command that is made here and not read from a signature."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_COMMON = (
    option("as_json", Json, default=False),
    option("project", Project, default=None),
    option("address", Address, default=None),
)


class Session:
    """A command at work.

    Parameters
    ----------
    as_json
        Whether results are printed as JSON.
    project, address
        As given; None where they were not.
    """

    def __init__(self, *, as_json: bool | None, project: str | None, address: str | None) -> None:
        self.as_json = bool(as_json)
        self.project = project or os.environ.get("LSE_PROJECT")
        self.address = address or os.environ.get("LSE_ADDRESS")
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """Client of the services, made when it is first needed."""
        if self._client is None:
            from lse.client import connect

            self._client = connect(self.address, project=self.project)
        return self._client

    def close(self) -> None:
        """Close the client, where there is one."""
        if self._client is not None:
            self._client.close()

    def record(self, value: object, rows: Mapping[str, object]) -> None:
        """Show one thing: all of it as JSON, or some rows of it."""
        if self.as_json:
            print_json(as_data(value))
        else:
            print_record(rows)

    def table(self, values: Iterable[object], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Show several things: all of them as JSON, or some columns of them."""
        if self.as_json:
            print_json([as_data(value) for value in values])
        else:
            print_table(columns, rows)

    def say(self, value: object, sentence: str) -> None:
        """Show what was done: as JSON, or as a sentence."""
        if self.as_json:
            print_json(as_data(value))
        else:
            typer.echo(sentence)


def progress_display(label: str = "") -> ProgressBar | ProgressLines:
    """What shows progress on the standard error: a bar where that is a terminal, and lines elsewhere."""
    from lse.client.progress import ProgressBar, ProgressLines

    return ProgressBar(label, notebook=False) if sys.stderr.isatty() else ProgressLines(label)


def wait_for(operation: Operation[T], *, label: str = "", timeout: float | None = None) -> T:
    """Wait for the end of an operation and return what was made.

    Progress is a bar in a terminal, and lines elsewhere.  Ctrl-C ends the waiting, not the work, and a sentence says
    how to go on.

    Raises
    ------
    LseError
        What the work ended with.
    """
    try:
        with progress_display(label) as display:
            for progress in operation.watch(timeout):
                display.show(progress)
        return operation.result()
    except KeyboardInterrupt:
        sys.stderr.write(
            f"\nThe work goes on: `lse operation wait {operation.name}` waits for it again, "
            f"`lse operation cancel {operation.name}` ends it.\n"
        )
        raise typer.Exit(INTERRUPTED) from None


def service_command(
    app: typer.Typer, name: str, *, options: Sequence[inspect.Parameter] | None = None, text: str | None = None
) -> Callable[[FunctionT], FunctionT]:
    """Make a function a command that has ``--json``, ``--project`` and ``--address``.

    Parameters
    ----------
    app
        Group that the command belongs to.
    name
        Name of the command.
    options
        Parameters of the command (default: those of the function after its first, which is the `Session`).
    text
        What the command does (default: the docstring of the function).

    Returns
    -------
    decorator
        Registers a function and returns it as it is.
    """

    def register(function: FunctionT) -> FunctionT:
        def run(*, context: typer.Context, **values: Any) -> None:
            # What stands after the command wins over what stands before it.
            session = Session(**{each.name: values.pop(each.name) or context.meta.get(each.name) for each in _COMMON})
            try:
                function(session, **values)
            finally:
                session.close()

        own = own_options(function) if options is None else options
        run.__signature__ = inspect.Signature([option("context", typer.Context), *own, *_COMMON])  # type: ignore[attr-defined]
        run.__doc__ = text or function.__doc__
        run.__annotations__ = {}  # typer believes the signature; names in these would be looked up here
        app.command(name)(run)
        return function

    return register


def own_options(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Parameters of a function after its first."""
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]


def given_parameters(given: Sequence[str] | None, **more: object) -> dict[str, object]:
    """Parameters of repeated ``--set key=value``, and of options of their own that were given.

    Raises
    ------
    InvalidArgumentError
        If one has no ``=`` or no key, or a key comes twice.
    """
    parameters = {key: value for key, value in more.items() if value is not None}
    for text in given or ():
        key, sign, value = text.partition("=")
        key = key.strip()
        if not sign or not key:
            raise InvalidArgumentError(
                f"--set takes key=value, not '{text}': write for instance --set epochs=20.", reason="PARAMETER_INVALID"
            )
        if key in parameters:
            raise InvalidArgumentError(
                f"The parameter '{key}' is given twice: keep one of them.", reason="PARAMETER_INVALID"
            )
        parameters[key] = value.strip()
    return parameters


def listed(text: str | None) -> list[str]:
    """Parts of an option that takes several, separated by commas."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def choice(value: str, allowed: Sequence[str], name: str) -> str:
    """Return a value that is one of those allowed.

    Raises
    ------
    InvalidArgumentError
        If it is not.
    """
    if value not in allowed:
        raise InvalidArgumentError(
            f"{name} cannot be '{value}': use {', '.join(allowed)}.", reason="CHOICE_UNKNOWN", option=name
        )
    return value
