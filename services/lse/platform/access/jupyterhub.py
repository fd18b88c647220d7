"""Tokens of a JupyterHub: of the visitors that it logs in, and of the notebooks that it starts."""

from __future__ import annotations

import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from lse.errors import FailedPreconditionError, UnauthenticatedError, UnavailableError
from lse.platform.access.remembered import Remembered
from lse.platform.auth import RESERVED_PREFIXES, Caller, logged_in
from lse.platform.config import Settings

__all__ = ["HubTokens", "hub_endpoints", "started_by_hub"]

_TIMEOUT_SECONDS = 5.0
# How long an answer of the hub is trusted: as long lives a token that is revoked there.
_KNOWN_SECONDS = 60.0


class HubTokens:
    """Recognises the bearers of a hub's tokens, by asking the hub.

    Parameters
    ----------
    settings
        Settings of the process.

    Raises
    ------
    FailedPreconditionError
        If the address of the hub's API is missing, or is not one.
    """

    def __init__(self, settings: Settings) -> None:
        settings.require("login_hub_api")
        self._settings = settings
        self._user_url = f"{_checked(settings.login_hub_api)}/user"
        self._known: Remembered[str, Caller] = Remembered(self._ask, seconds=_KNOWN_SECONDS)

    def caller(self, token: str) -> Caller:
        """Caller whose token it is.

        Raises
        ------
        UnauthenticatedError
            If the hub does not know it, or it is of no user, or not meant for these services.
        UnavailableError
            If the hub does not answer.
        """
        return self._known.of(token)

    def _ask(self, token: str) -> Caller:
        user = self._user(token)
        wanted, name = self._settings.login_hub_scope, user.get("name")
        if user.get("kind") != "user" or not isinstance(name, str) or name.startswith(RESERVED_PREFIXES):
            raise UnauthenticatedError(
                "The token is of a service of the hub and not of a user: take a token of lse for it "
                "(`lse issue-token`).",
                reason="TOKEN_INVALID",
            )
        # A token may be limited to other purposes, and must then be good for nothing here.
        if not {wanted, wanted.partition("!")[0]} & set(user.get("scopes") or ()):
            raise UnauthenticatedError(
                f"The hub's token lacks the scope {wanted}: have the operator of the hub give it to this role.",
                reason="TOKEN_INVALID",
            )
        groups = user.get("groups")
        return logged_in(name, groups if isinstance(groups, list) else (), operators=self._settings.login_operators)

    def _user(self, token: str) -> dict[str, Any]:
        request = urllib.request.Request(self._user_url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  # it was checked
                user = json.loads(answer.read(1 << 20))
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (401, 403):
                raise UnauthenticatedError(
                    "The hub does not know the token, or it has expired: log in again.", reason="TOKEN_INVALID"
                ) from None
            raise self._unavailable() from None
        except (OSError, ValueError):
            raise self._unavailable() from None
        if not isinstance(user, dict):
            raise self._unavailable()
        return user

    def _unavailable(self) -> UnavailableError:
        return UnavailableError(
            f"The hub at {self._settings.login_hub_api} does not answer: try again in a moment, or have the operator "
            "check login_hub_api.",
            reason="LOGIN_UNAVAILABLE",
        )


def hub_endpoints(api: str) -> dict[str, str]:
    """Addresses at which a hub logs visitors in, by their names in OpenID Connect.

    Browsers reach the hub where they reach the explorer, at a path; the explorer reaches it at the address of its API.

    Parameters
    ----------
    api
        Address of the hub's API.
    """
    inside = _checked(api)
    return {
        "authorization_endpoint": f"{urlsplit(inside).path}/oauth2/authorize",
        "token_endpoint": f"{inside}/oauth2/token",
        "userinfo_endpoint": f"{inside}/user",
    }


def started_by_hub(settings: Settings, variables: Mapping[str, str]) -> Settings:
    """Settings of an explorer, with what a hub that starts it as one of its services says of itself.

    What is set otherwise stays.

    Parameters
    ----------
    settings
        Settings of the process.
    variables
        Its environment.
    """
    if not variables.get("JUPYTERHUB_SERVICE_NAME") or not variables.get("JUPYTERHUB_SERVICE_URL"):
        return settings
    own, token = urlsplit(variables["JUPYTERHUB_SERVICE_URL"]), variables["JUPYTERHUB_API_TOKEN"]
    public = urlsplit(variables.get("JUPYTERHUB_PUBLIC_URL", "")).netloc
    found = {
        "login": "jupyterhub",
        "login_hub_api": variables["JUPYTERHUB_API_URL"],
        "host": own.hostname,
        "dashboard_port": own.port,
        "dashboard_prefix": variables["JUPYTERHUB_SERVICE_PREFIX"],
        # Only a hub with a public_url knows the name under which browsers reach it.
        "dashboard_origins": (public or "same",),
        "dashboard_client_id": variables["JUPYTERHUB_CLIENT_ID"],
        "dashboard_client_secret": SecretStr(token),
        "dashboard_cookie_secret": SecretStr(hmac.digest(token.encode(), b"cookies of the explorer", "sha256").hex()),
    }
    return settings.model_copy(update={k: v for k, v in found.items() if k not in settings.model_fields_set})


def _checked(api: str) -> str:
    """Address of an API without a slash at its end.

    Unlike that of an issuer it may be asked without TLS: a hub's own services reach it inside its network only.
    """
    parts = urlsplit(api)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.rstrip("/").endswith("/api"):
        raise FailedPreconditionError(
            f"'{api}' is not the address of a hub's API: give http://HOST:PORT/hub/api as login_hub_api.",
            reason="LOGIN_REFUSED",
        )
    return api.rstrip("/")
