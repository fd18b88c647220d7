"""Where a client finds its token: given, in a variable, in a file that is kept fresh, or of `lse login`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from lse.errors import FailedPreconditionError, PermissionDeniedError

__all__ = ["TokenSource", "find_token", "forget_token", "keep_token", "logins_file"]

TokenSource: TypeAlias = str | Callable[[], str] | None
"""A token, or what gives the present one for each call."""


def find_token(address: str) -> TokenSource:
    """Token for the services at an address: given by a variable, or that of `lse login`.

    ``LSE_TOKEN`` is the token; the file ``LSE_TOKEN_FILE`` has it, and is read again for each call, so that whoever
    renews the token there keeps long sessions alive; the variable that ``LSE_TOKEN_VARIABLE`` names has it, as
    ``JUPYTERHUB_API_TOKEN`` does in the notebooks of a hub.
    """
    if token := os.environ.get("LSE_TOKEN"):
        return token
    if named := os.environ.get("LSE_TOKEN_FILE"):
        return lambda: _read(Path(named))
    if variable := os.environ.get("LSE_TOKEN_VARIABLE"):
        if token := os.environ.get(variable):
            return token
        raise FailedPreconditionError(
            f"The variable {variable} has no token: correct LSE_TOKEN_VARIABLE, which names it.",
            reason="TOKEN_VARIABLE_EMPTY",
        )
    return _logins().get(address)


def keep_token(address: str, token: str) -> Path:
    """Keep the token of a login for later commands; the file, which its owner alone can read.

    Raises
    ------
    PermissionDeniedError
        If it cannot be written.
    """
    return _write({**_logins(), address: token})


def forget_token(address: str) -> bool:
    """Forget the token of a login; whether there was one."""
    logins = _logins()
    if address not in logins:
        return False
    del logins[address]
    _write(logins)
    return True


def logins_file() -> Path:
    """File of the tokens of logins, by address."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "latent-space-explorer" / "logins.json"


def _logins() -> dict[str, str]:
    try:
        found = json.loads(logins_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(logins: dict[str, str]) -> Path:
    path = logins_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = path.with_suffix(".new")
        written.touch(mode=0o600)
        written.write_text(json.dumps(logins, indent=1))
        written.replace(path)
    except OSError as error:
        raise PermissionDeniedError(
            f"The login cannot be kept in {path} ({error.strerror}): set LSE_TOKEN instead.",
            reason="FOLDER_WRITE_NOT_ALLOWED",
            folder=path.parent,
        ) from error
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise FailedPreconditionError(
            f"The token in {path} cannot be read ({error}): correct LSE_TOKEN_FILE.", reason="TOKEN_FILE_UNREADABLE"
        ) from error
