"""Tokens with which services act for somebody: signed with a secret that they share, and good for a minute."""

from __future__ import annotations

import time
from pathlib import Path

import jwt

from lse.errors import FailedPreconditionError, UnauthenticatedError
from lse.platform.auth import ADMIN, Caller, Role, Scope

__all__ = ["SERVICE_PREFIX", "ServiceTokens"]

SERVICE_PREFIX = "lses_"
"""Beginning of every such token."""

_ISSUER = "latentspace-services"
_SECONDS = 60
# The clocks of the machines of one installation.
_SKEW_SECONDS = 10
_SHORTEST_BYTES = 32


class ServiceTokens:
    """Makes and reads tokens of services.

    Parameters
    ----------
    file
        File of the secret.

    Raises
    ------
    FailedPreconditionError
        If it cannot be read or is too short to be secret.
    """

    def __init__(self, file: Path) -> None:
        try:
            self._secret = file.read_bytes().strip()
        except OSError as error:
            raise FailedPreconditionError(
                f"The file of the services' secret, {file}, cannot be read ({error.strerror}): correct "
                "service_key_file.",
                reason="SERVICE_KEY_UNREADABLE",
            ) from error
        if len(self._secret) < _SHORTEST_BYTES:
            raise FailedPreconditionError(
                f"The services' secret in {file} has fewer than {_SHORTEST_BYTES} characters: make a longer one, such "
                "as with `openssl rand -hex 32`.",
                reason="SERVICE_KEY_UNREADABLE",
            )

    def make(self, caller: Caller) -> str:
        """Token of a caller with the same rights and limits; the caller's own proof may expire meanwhile."""
        now, scope = int(time.time()), caller.scope
        claims = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "iat": now,
            "exp": now + _SECONDS,
            "sub": caller.name,
            "roles": sorted(caller.roles),
            "principals": sorted(caller.principals),
            "grants": {project: int(role) for project, role in caller.grants.items()},
        }
        if scope is not None:
            projects = None if scope.projects is None else sorted(scope.projects)
            claims["scope"] = {"role": int(scope.role), "projects": projects}
        return SERVICE_PREFIX + jwt.encode(claims, self._secret, algorithm="HS256")

    def caller(self, token: str) -> Caller:
        """Caller for whom a service made a token.

        Raises
        ------
        UnauthenticatedError
            If no service of this installation made it, or not just now.
        """
        try:
            claims = jwt.decode(
                token.removeprefix(SERVICE_PREFIX),
                self._secret,
                algorithms=["HS256"],
                audience=_ISSUER,
                issuer=_ISSUER,
                leeway=_SKEW_SECONDS,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.PyJWTError:
            raise UnauthenticatedError(
                "The token is not one of the services of this installation: check that all have the same secret.",
                reason="TOKEN_INVALID",
            ) from None
        limits = claims.get("scope")
        projects = None if limits is None or limits["projects"] is None else frozenset(limits["projects"])
        return Caller(
            claims["sub"],
            roles=frozenset({ADMIN} & set(claims["roles"])),
            principals=frozenset(claims["principals"]),
            grants={project: Role(role) for project, role in claims["grants"].items()},
            scope=None if limits is None else Scope(Role(limits["role"]), projects),
        )
