"""What every command that talks to the services has: its options, a client, and the way to show results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer

from lse.cli.records import as_data, print_json, print_record, print_table
from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    from lse.client import Client, Operation
    from lse.client.resources import Method

__all__ = ["NoWait", "Session", "Settings", "choice", "parse_settings", "service_command"]

P = ParamSpec("P")
T = TypeVar("T")

NoWait = Annotated[bool, typer.Option("--no-wait", help="Print the name of the operation and do not wait for its end.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Parameter of the method; may be given several times."),
]

_PANEL = "Services"
_COMMON = {
    "as_json": Annotated[
        bool, typer.Option("--json", help="Print JSON on the standard output.", rich_help_panel=_PANEL)
    ],
    "project": Annotated[
        str | None,
        typer.Option("--project", envvar="LSE_PROJECT", help="Project that names belong to.", rich_help_panel=_PANEL),
    ],
    "address": Annotated[
        str | None,
        typer.Option("--address", envvar="LSE_ADDRESS", help="Address of the services.", rich_help_panel=_PANEL),
    ],
}


class Session:
    """A command at work.

    Parameters
    ----------
    as_json
        Whether results are printed as JSON.
    project, address
        As given; None where they were not.
    """

    def __init__(self, *, as_json: bool, project: str | None, address: str | None) -> None:
        self.as_json = as_json
        self.project = project
        self.address = address
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

    def methods(self, methods: Sequence[Method]) -> None:
        """Show methods and their parameters."""
        self.table(
            methods,
            ("method", "parameter", "kind", "default", "allowed", "help"),
            (
                row
                for method in methods
                for row in [
                    (method.id, "", "", "", "", method.help),
                    *(
                        ("", item.key, item.kind, item.default or "auto", _allowed(item), item.help)
                        for item in method.parameters
                    ),
                ]
            ),
        )

    def finish(self, operation: Operation[T], *, wait: bool, show: Callable[[T], None]) -> None:
        """Wait for long work and show its result, or show the operation's name."""
        if not wait:
            self.say({"operation": operation.name}, operation.name)
            return
        from lse.cli.waiting import wait_for

        show(wait_for(operation))


def service_command(
    app: typer.Typer, name: str
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Make a function a command that has ``--json``, ``--project`` and ``--address``.

    Parameters
    ----------
    app
        Group that the command belongs to.
    name
        Name of the command.

    Returns
    -------
    decorator
        For a function whose first parameter is the `Session`; the others become the command's own.
    """

    def register(function: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        def run(**values: Any) -> None:
            session = Session(**{key: values.pop(key) for key in _COMMON})
            try:
                function(session, **values)  # type: ignore[call-arg]  # typer hands over what the signature says
            finally:
                session.close()

        signature = inspect.signature(function, eval_str=True)
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in list(signature.parameters.values())[1:]
        ]
        common = [
            inspect.Parameter(
                key,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=False if key == "as_json" else None,
            )
            for key, annotation in _COMMON.items()
        ]
        run.__signature__ = signature.replace(parameters=[*own, *common])  # type: ignore[attr-defined]
        run.__name__ = function.__name__
        run.__doc__ = function.__doc__
        run.__annotations__ = {}  # typer believes the signature; names in these would be looked up here
        app.command(name)(run)
        return function

    return register


def parse_settings(given: Sequence[str] | None) -> dict[str, str]:
    """Parameters of repeated ``--set key=value``.

    Raises
    ------
    InvalidArgumentError
        If one has no ``=`` or no key, or a key comes twice.
    """
    settings: dict[str, str] = {}
    for text in given or ():
        key, sign, value = text.partition("=")
        key = key.strip()
        if not sign or not key:
            raise InvalidArgumentError(
                f"--set takes key=value, not '{text}': write for instance --set epochs=20.", reason="INVALID_SETTING"
            )
        if key in settings:
            raise InvalidArgumentError(f"--set gives '{key}' twice: keep one of them.", reason="INVALID_SETTING")
        settings[key] = value.strip()
    return settings


def choice(value: str, allowed: Sequence[str], option: str) -> str:
    """Return a value that is one of those allowed.

    Raises
    ------
    InvalidArgumentError
        If it is not.
    """
    if value not in allowed:
        raise InvalidArgumentError(
            f"{option} cannot be '{value}': use {', '.join(allowed)}.", reason="INVALID_CHOICE", option=option
        )
    return value


def _allowed(parameter: Any) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    low, high = parameter.minimum, parameter.maximum
    if low is None and high is None:
        return ""
    if high is None:
        return f"from {low:g}"
    return f"to {high:g}" if low is None else f"{low:g} to {high:g}"
