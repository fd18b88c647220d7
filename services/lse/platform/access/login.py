"""How the callers of a process prove who they are, from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lse.errors import UnauthenticatedError
from lse.platform.access.access import Access
from lse.platform.access.jupyterhub import HubTokens
from lse.platform.access.oidc import IssuerTokens
from lse.platform.access.openness import check_open
from lse.platform.access.service_tokens import SERVICE_PREFIX
from lse.platform.access.tokens import PREFIX
from lse.platform.auth import ADMIN, Authenticator, Caller, Role, local_user
from lse.platform.config import Settings

__all__ = ["authenticator"]


def authenticator(settings: Settings, access: Access) -> Authenticator:
    """Authenticator of the services.

    Raises
    ------
    FailedPreconditionError
        If a setting of the login is missing or cannot be used, or the services would be open to a network without one.
    """
    if settings.login == "none":
        check_open(settings, what="services")
        return local_user
    return _Bearers(settings, access)


class _Bearers:
    """Recognises bearers of tokens: of the login, of these services, of persons and service accounts."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._tokens = access.tokens
        self._operators = frozenset(settings.login_operators)
        self._login: IssuerTokens | HubTokens | None = None
        if settings.login == "oidc":
            self._login = IssuerTokens(settings)
        elif settings.login == "jupyterhub":
            self._login = HubTokens(settings)
        self._services = access.service_tokens

    def __call__(self, metadata: Mapping[str, str | bytes]) -> Caller:
        """Caller of a request with this metadata."""
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise UnauthenticatedError(
                "The request has no token: log in with `lse login`, or set LSE_TOKEN.", reason="TOKEN_MISSING"
            )
        if token.startswith(PREFIX):
            return self._with_roles(self._tokens.caller(token))
        if token.startswith(SERVICE_PREFIX) and self._services is not None:
            return self._services.caller(token)
        if self._login is None:
            raise UnauthenticatedError(
                "The token is not one of these services: ask an admin of your project for one.", reason="TOKEN_INVALID"
            )
        caller = self._login.caller(token)
        self._tokens.logged_in(caller)
        return caller

    def _with_roles(self, caller: Caller) -> Caller:
        """The bearer of a token without limits administers the installation where its owner does."""
        if not caller.principals & self._operators:
            return caller
        unlimited = caller.scope is not None and caller.scope.role >= max(Role) and caller.scope.projects is None
        return replace(caller, roles=frozenset({ADMIN}), scope=None if unlimited else caller.scope)
