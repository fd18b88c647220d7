"""The login of visitors: Panel's, mended where it would ask again and again or forget too little."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import panel as pn
from panel.auth import LogoutHandler, OAuthProvider

from lse_dashboard.data.access import Login

__all__ = ["login_options"]


class _Visitors(OAuthProvider):
    """Recognises visitors by their cookies, also those whose issuer gives no token to renew the login with.

    Panel sends these back to the issuer with every request.
    """

    @property
    def get_user_async(self) -> Callable[[Any], Awaitable[Any]]:
        """Finds the name of a visitor; None for one who has to log in."""
        renewing = super().get_user_async

        async def get_user(handler: Any) -> Any:
            if handler.get_secure_cookie("refresh_token", max_age_days=pn.config.oauth_expiry):
                return await renewing(handler)
            expiry = handler.get_secure_cookie("oauth_expiry", max_age_days=pn.config.oauth_expiry)
            if expiry is not None and float(expiry) < time.time():
                return None
            return super(OAuthProvider, self).get_user(handler)

        return get_user

    @property
    def logout_handler(self) -> type[LogoutHandler]:
        """Forgets a login."""
        _Logout._login_endpoint = self._login_endpoint  # noqa: SLF001  # as Panel hands it to its own
        return _Logout


class _Logout(LogoutHandler):
    """Panel's, which clears the cookies of the whole host, and leaves those below the explorer's path."""

    def clear_cookie(self, name: str, **options: Any) -> None:
        """Clear a cookie of the explorer."""
        super().clear_cookie(name, **{**options, "path": pn.config.cookie_path})


def login_options(login: Login, base: str) -> dict[str, Any]:
    """What Panel's server is given for a login.

    Parameters
    ----------
    login
        The login.
    base
        Path of the explorer, with slashes around it.
    """
    pn.config.oauth_provider = "generic"  # type: ignore[misc]
    found, callback = login.endpoints, login.callback
    return {
        "auth_provider": _Visitors(login_endpoint=f"/{callback}" if callback else None),
        "oauth_key": login.client,
        "oauth_secret": login.secret,
        "oauth_redirect_uri": login.url or (base + callback if callback else None),
        "oauth_extra_params": {
            "AUTHORIZE_URL": found["authorization_endpoint"],
            "TOKEN_URL": found["token_endpoint"],
            "USER_URL": found.get("userinfo_endpoint", ""),
            "USER_KEY": login.user_key,
            "scope": list(login.scopes),
        },
        # Tokens may live for minutes, pages for hours.
        "oauth_refresh_tokens": True,
        "cookie_secret": login.cookie_secret,
        # Other programs at the same host, as beside a hub, are sent none of them.
        "cookie_path": base,
    }
