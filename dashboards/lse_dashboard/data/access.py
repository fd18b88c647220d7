"""On whose behalf the explorer asks the services: each visitor's requests carry the visitor's own credentials."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Caller", "Login", "caller_of", "expiry_of"]

# What a gRPC header can carry; anything else is not a bearer token.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Login:
    """The login that the explorer itself offers: OpenID Connect or a JupyterHub's OAuth 2, by the code flow.

    Attributes
    ----------
    client, secret
        Id and secret of the explorer at the issuer.
    cookie_secret
        Signs the cookies of visitors; the same in all replicas.
    endpoints
        Addresses of the issuer, as its discovery document names them.
    url
        Address of the explorer, to which the issuer sends visitors back; that of the request when empty.
    scopes
        What is asked of the issuer; ``offline_access`` renews tokens with most issuers.
    callback
        Path below the explorer to which the issuer sends visitors back; the explorer's own when empty.
    user_key
        Claim that names the visitor, for the cookie that tells visitors apart.
    """

    client: str
    secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    endpoints: Mapping[str, str]
    url: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    callback: str = ""
    user_key: str = "sub"


@dataclass(frozen=True)
class Caller:
    """A visitor, as far as the services can tell visitors apart.

    Attributes
    ----------
    token
        The visitor's bearer token; None for a visitor without credentials, for whom the explorer asks as itself.
    user
        Who logged in with the explorer's own login, which renews the token meanwhile; empty for others.
    """

    token: str | None = field(default=None, repr=False)
    user: str = ""

    @property
    def key(self) -> str:
        """Text that differs between callers and reveals no token."""
        if self.user and self.token:
            return hashlib.sha256(f"user {self.user}".encode()).hexdigest()
        return hashlib.sha256(self.token.encode()).hexdigest() if self.token else ""


def expiry_of(token: str) -> float:
    """When a token expires, in seconds since 1970, as it says itself; 0 where it does not."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return 0.0


def caller_of(
    headers: Mapping[str, str | list[str]], access_token: str | None = None, user: str | None = None
) -> Caller:
    """The caller behind a request.

    Parameters
    ----------
    headers
        Headers of the request.  ``X-Forwarded-Access-Token``, which an authenticating proxy adds, comes before
        ``Authorization: Bearer``.
    access_token
        Token of a login that the explorer's own web server made; it comes before the headers.
    user
        Who logged in there.
    """
    if access_token and user and _TOKEN.fullmatch(access_token):
        return Caller(access_token, user)
    found = {name.lower(): value.strip() for name, value in headers.items() if isinstance(value, str)}
    scheme, _, bearer = found.get("authorization", "").partition(" ")
    candidates = (
        access_token,
        found.get("x-forwarded-access-token"),
        bearer.strip() if scheme.lower() == "bearer" else None,
    )
    return Caller(next((token for token in candidates if token and _TOKEN.fullmatch(token)), None))
