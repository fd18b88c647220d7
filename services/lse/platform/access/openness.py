"""Whether a process without a login is open to others by mistake."""

from __future__ import annotations

import ipaddress

from lse.errors import FailedPreconditionError
from lse.platform.config import Settings

__all__ = ["check_open", "is_loopback"]


def check_open(settings: Settings, *, what: str) -> None:
    """Check that what needs no login is reached from this machine alone, or is meant to be open.

    Raises
    ------
    FailedPreconditionError
        If it would be open to a network by mistake.
    """
    if not is_loopback(settings.host) and not settings.open_without_login:
        raise FailedPreconditionError(
            f"The {what} would be open to everybody who reaches {settings.host}, with all rights: listen to 127.0.0.1, "
            "set up a login (LSE_LOGIN), or, in a network of trusted people only, set LSE_OPEN_WITHOUT_LOGIN=true.",
            reason="LOGIN_MISSING",
        )


def is_loopback(host: str) -> bool:
    """Whether an interface is reached from its own machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
