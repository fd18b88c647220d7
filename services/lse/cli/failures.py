"""How a command fails: a status and one sentence, never a traceback that nobody asked for."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from lse.platform.errors import InvalidArgumentError, LseError

__all__ = ["FAILURE", "INTERRUPTED", "USAGE", "SentenceGroup", "group"]

FAILURE = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_REPORT = "please report it to the developers of Latent Space Explorer, with what LSE_DEBUG=1 shows"


class SentenceGroup(TyperGroup):
    """A group of commands whose failures are one sentence on stderr; alone it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help where no command is named."""
        if not args:
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
            status = _report(error)
        sys.exit(status if isinstance(status, int) else 0)


def group(title: str, *, epilog: str | None = None) -> typer.Typer:
    """Group of commands with a title; its help is plain text, as rich takes longer to load than all else."""
    return typer.Typer(
        cls=SentenceGroup,
        help=title,
        epilog=epilog,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def _report(error: Exception) -> int:
    """Tell what went wrong; the status to end with."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has gone; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    if os.environ.get("LSE_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, TyperException):
        _say(_usage_sentence(error))
        return error.exit_code
    if isinstance(error, typer.Abort):
        _say("Stopped.")
        return INTERRUPTED
    if isinstance(error, LseError):
        _say(error.message)
        return USAGE if isinstance(error, InvalidArgumentError) else FAILURE
    _say(f"Unexpected {type(error).__name__} ({error}): {_REPORT}.")
    return FAILURE


def _say(message: str) -> None:
    """One line on stderr that ends as a sentence does."""
    line = " ".join(message.split())
    if line and line[-1] not in ".!?":
        line += "."
    sys.stderr.write(line + "\n")


def _usage_sentence(error: TyperException) -> str:
    message = " ".join(error.format_message().split()).rstrip(".?")
    context = getattr(error, "ctx", None)
    return f"{message}; see `{context.command_path} --help`" if context is not None else message
