"""How a command fails: a status and one sentence (or JSON), never a traceback that nobody asked for."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from lse.errors import CancelledError, InternalError, InvalidArgumentError, LseError

__all__ = [
    "FAILURE",
    "INTERRUPTED",
    "SHARED",
    "USAGE",
    "Address",
    "Json",
    "Project",
    "SentenceGroup",
    "group",
    "keep_shared",
]

FAILURE = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_REPORT = "please report it to the developers of Latent Space Explorer, with what LSE_DEBUG=1 shows"


# Options of every command that talks to the services, which may also stand before its name.
SHARED = {"project": "--project", "address": "--address", "as_json": "--json"}
_PANEL = "Services"
Project = Annotated[
    str | None,
    typer.Option(
        "--project", metavar="P", help="Project that names belong to (default: LSE_PROJECT).", rich_help_panel=_PANEL
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="Address of the services (default: LSE_ADDRESS).", rich_help_panel=_PANEL
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on the standard output.", rich_help_panel=_PANEL)]

# What every kind of resource has comes after what is its own.
_STANDARD = ("list", "show", "update", "delete", "methods")


class SentenceGroup(TyperGroup):
    """A group of commands whose failures are one sentence on stderr; alone it shows its help."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands in the order of the help."""
        return sorted(super().list_commands(ctx), key=lambda name: name in _STANDARD)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help where no command is named."""
        if not args and not ctx.resilient_parsing:  # which a completion asks for
            typer.echo(ctx.get_help())
            ctx.exit(0)
        return super().parse_args(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # signature of the base class
        windows_expand_args: bool = True,  # as above
        **extra: Any,
    ) -> Any:
        """Run a command and end the process with its status."""
        arguments = (args, prog_name, complete_var)
        if not standalone_mode:
            return super().main(*arguments, False, windows_expand_args, **extra)  # as above
        try:
            # In this mode the base class raises what went wrong and returns the status of an early exit.
            status = super().main(*arguments, False, windows_expand_args, **extra)  # as above
            sys.stdout.flush()
        except Exception as error:  # noqa: BLE001  # the last place where an error can become a sentence
            status = _report(error, as_json="--json" in (sys.argv if args is None else args))
        sys.exit(status if isinstance(status, int) else 0)


def keep_shared(
    context: typer.Context, *, project: Project = None, address: Address = None, as_json: Json = False
) -> None:
    """Keep the options that stand before the name of a command where it finds them."""
    given = {"project": project, "address": address, "as_json": as_json}
    context.meta.update({name: value for name, value in given.items() if value})


def group(title: str, *, epilog: str | None = None, completion: bool = False, shared: bool = True) -> typer.Typer:
    """Group of commands with a title; its help is plain text, as rich takes longer to load than all else."""
    return typer.Typer(
        cls=SentenceGroup,
        help=title,
        callback=keep_shared if shared else None,
        epilog=epilog,
        add_completion=completion,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _report(error: Exception, *, as_json: bool) -> int:
    """Tell what went wrong; the status to end with."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    if os.environ.get("LSE_DEBUG") == "1":
        traceback.print_exception(error)
    fault, status = _fault(error)
    line = _sentence(fault.message)
    if as_json:
        told = {"code": fault.code, "reason": fault.reason, "message": line, "metadata": fault.metadata}
        line = json.dumps({"error": told}, ensure_ascii=False)
    sys.stderr.write(line + "\n")
    return status


def _fault(error: Exception) -> tuple[LseError, int]:
    """What went wrong as an error of ours, and the status to end with."""
    if isinstance(error, TyperException):
        return InvalidArgumentError(_usage_sentence(error), reason="COMMAND_INVALID"), error.exit_code
    if isinstance(error, typer.Abort):
        return CancelledError("Stopped."), INTERRUPTED
    if isinstance(error, LseError):
        return error, USAGE if isinstance(error, InvalidArgumentError) else FAILURE
    message = f"Unexpected {type(error).__name__} ({error}): {_REPORT}."
    return InternalError(message, reason="COMMAND_FAILED"), FAILURE


def _sentence(message: str) -> str:
    """One line that ends as a sentence does."""
    line = " ".join(message.split())
    return line if not line or line[-1] in ".!?" else f"{line}."


def _usage_sentence(error: TyperException) -> str:
    message, context = " ".join(error.format_message().split()).rstrip("."), getattr(error, "ctx", None)
    if context is None:
        return message
    more = f"ee `{context.command_path} --help`"
    return f"{message} S{more}" if message.endswith("?") else f"{message}; s{more}"
