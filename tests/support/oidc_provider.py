"""A real OpenID Connect provider on loopback: discovery, keys, signed tokens; and what a forger would send."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = ["AUDIENCE", "CLIENT_ID", "CLIENT_SECRET", "OidcProvider", "oidc_provider"]

AUDIENCE = "latent-space-explorer"
CLIENT_ID, CLIENT_SECRET = "explorer", "of the explorer"


class OidcProvider:
    """An issuer of tokens.

    Attributes
    ----------
    issuer
        Its address.
    reads
        How often its keys were read.
    visitor
        Who is logged in at the issuer, and so sent back at once.
    seconds
        Until the access tokens of visitors expire.
    logins, renewals
        How often visitors logged in, and tokens were renewed.
    renewable
        Whether visitors get a token to renew their login with.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.reads = 0
        self.named = issuer
        self.visitor, self.seconds = "vera", 300.0
        self.logins, self.renewals, self.renewable = 0, 0, True
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate("first")

    def rotate(self, kid: str, *, keep: bool = False) -> None:
        """Sign with a new key from now on, and forget the others unless they are kept."""
        self._kid = kid
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._keys = {**(self._keys if keep else {}), kid: key}

    def token(self, user: str, *groups: str, seconds: float = 300, key: Any = None, **claims: Any) -> str:
        """Token of a user.

        Parameters
        ----------
        user, groups
            The user and their groups.
        seconds
            Until it expires.
        key
            Key to sign with, in place of its own.
        claims
            More claims, or others; None leaves one out.
        """
        now = time.time()
        usual = {"iss": self.issuer, "aud": AUDIENCE, "sub": user, "groups": list(groups), "iat": now - 1}
        body = {**usual, "exp": now + seconds, **claims}
        body = {name: int(value) if isinstance(value, float) else value for name, value in body.items()}
        body = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(body, key or self._keys[self._kid], algorithm="RS256", headers={"kid": self._kid})

    def documents(self) -> dict[str, Any]:
        """What it publishes, by path."""
        keys = []
        for kid, key in self._keys.items():
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            keys.append({**public, "kid": kid, "use": "sig", "alg": "RS256"})
        discovery = {
            "issuer": self.named,
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
        }
        return {"/.well-known/openid-configuration": discovery, "/keys": {"keys": keys}}

    def granted(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Answer of the token endpoint; None for who shows no code or refresh token of ours, or not the secret."""
        shown = form.get("code") or form.get("refresh_token") or ""
        kind, _, user = shown.partition(".")
        grants = {"code": "authorization_code", "refresh": "refresh_token"}
        if form.get("client_secret") != CLIENT_SECRET or grants.get(kind) != form.get("grant_type"):
            return None
        self.logins += kind == "code"
        self.renewals += kind == "refresh"
        return {
            "access_token": self.token(user, seconds=self.seconds),
            "id_token": self.token(user, aud=CLIENT_ID),
            **({"refresh_token": f"refresh.{user}"} if self.renewable else {}),
            "expires_in": int(self.seconds),
            "token_type": "Bearer",
        }


@contextmanager
def oidc_provider() -> Iterator[OidcProvider]:
    """A provider while it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.reads += self.path == "/keys"
            asked = urlsplit(self.path)
            if asked.path == "/authorize":
                query = dict(parse_qsl(asked.query))
                answer = urlencode({"code": f"code.{provider.visitor}", "state": query["state"]})
                self.send_response(302)
                self.send_header("Location", f"{query['redirect_uri']}?{answer}")
                self.end_headers()
                return
            self._answer(provider.documents().get(self.path), otherwise=404)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self._answer(provider.granted(form) if self.path == "/token" else None, otherwise=401)

        def _answer(self, document: Any, *, otherwise: int) -> None:
            content = json.dumps(document).encode()
            self.send_response(otherwise if document is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OidcProvider(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
