"""The discovery document of an OpenID Connect issuer: all that logging visitors in needs of it.

The explorer needs no more, and has neither a catalogue nor what checks tokens.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from lse.errors import FailedPreconditionError, UnavailableError

__all__ = ["check_url", "discovered", "read_object"]

_DISCOVERY = "/.well-known/openid-configuration"
_TIMEOUT_SECONDS = 5.0


def discovered(issuer: str) -> dict[str, str]:
    """Addresses in the discovery document of an issuer, by their names there.

    Raises
    ------
    UnavailableError
        If it cannot be read, or is of another issuer.
    FailedPreconditionError
        If the issuer, or one of the addresses, is not asked over TLS.
    """
    check_url(issuer)
    try:
        document = read_object(issuer.rstrip("/") + _DISCOVERY)
    except (OSError, ValueError):
        document = {}
    if document.get("issuer") != issuer:
        raise UnavailableError(
            f"The discovery document of {issuer} cannot be read, or is of another issuer: check login_issuer.",
            reason="LOGIN_UNAVAILABLE",
        )
    found = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    for url in found.values():
        check_url(url)
    return found


def check_url(url: str) -> None:
    """Check that an address of a login is asked over TLS, or on this machine.

    Raises
    ------
    FailedPreconditionError
        If it is not.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise FailedPreconditionError(
            f"The login at '{url}' is not asked over TLS, so anybody on the way could log in as anybody: give an "
            "https:// address as login_issuer.",
            reason="LOGIN_REFUSED",
        )


def read_object(url: str) -> dict[str, Any]:
    """JSON object at an address that was checked.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no JSON object.
    """
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # the scheme was checked
        document = json.loads(answer.read(1 << 20))
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004  # as what is not JSON at all
    return document
