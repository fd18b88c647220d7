"""`lse login` and `lse logout`: a token that later commands use."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from lse.cli.session import Session, service_command

if TYPE_CHECKING:
    from lse.client import Client

__all__ = ["register"]


def login(session: Session) -> None:
    """Keep a token for later commands and notebooks of yours on this machine.

    The token is read from the standard input, where it is not shown: make one with `lse admin token create`, or take it
    from the page of your login.  LSE_TOKEN and LSE_TOKEN_FILE come before it.
    """
    from lse.client import connect
    from lse.client.tokens import keep_token
    from lse.errors import InvalidArgumentError

    token = typer.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidArgumentError("That is not a token: paste one without spaces.", reason="TOKEN_UNREADABLE")
    with connect(session.address, token=token, project=session.project) as client:
        caller = client.access.caller()
        keep_token(client.address, token)
        session.say(caller, f"You are {caller.name} at {client.address}.{_hint(client)}")


def _hint(client: Client) -> str:
    found = client.projects()
    return f" Your projects: {', '.join(found)}." if found else " You are not a member of a project yet."


def logout(session: Session) -> None:
    """Forget the token of `lse login`; it stays good until it expires or is revoked."""
    from lse.client.tokens import forget_token

    address = session.client.address
    known = forget_token(address)
    session.say({"forgotten": known}, f"The token for {address} is forgotten." if known else f"No token for {address}.")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    service_command(app, "login")(login)
    service_command(app, "logout")(logout)
