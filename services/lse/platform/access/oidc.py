"""Tokens of an OpenID Connect issuer, which any issuer with a discovery document may be."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import jwt

from lse.errors import LseError, UnauthenticatedError, UnavailableError
from lse.platform.access.discovery import check_url, discovered, read_object
from lse.platform.auth import RESERVED_PREFIXES, Caller, logged_in
from lse.platform.config import Settings

__all__ = ["IssuerTokens"]

_KEYS_SECONDS = 600.0
# A key that is not known may be new; who sends tokens with invented ones must not have us ask without end.
_RETRY_SECONDS = 10.0
# How long a signature that was checked is trusted: as long lives what was signed with a key that is withdrawn.
_CHECKED_SECONDS = 60.0
_MOST_CHECKED = 4096


class IssuerTokens:
    """Recognises the bearers of an issuer's tokens (JWT): by signature, issuer, audience, times and algorithm.

    Parameters
    ----------
    settings
        Settings of the process.

    Raises
    ------
    FailedPreconditionError
        If issuer or audience is missing, or the issuer is not asked over TLS.
    """

    def __init__(self, settings: Settings) -> None:
        settings.require("login_issuer", "login_audience")
        self._settings = settings
        self._issuer = settings.login_issuer
        check_url(self._issuer)
        # By their ids: the key, and the one algorithm that it is for where the issuer says so.
        self._keys: dict[str | None, tuple[Any, str | None]] = {}
        self._fetched = self._tried = float("-inf")
        self._checked: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._lock, self._fetching = threading.Lock(), threading.Lock()

    def caller(self, token: str) -> Caller:
        """Caller whose token it is.

        Raises
        ------
        UnauthenticatedError
            If it is not a token of the issuer for these services, or not at this time.
        UnavailableError
            If the issuer does not answer and its keys are not known.
        """
        digest, now = hashlib.sha256(token.encode()).hexdigest(), time.time()
        kept = self._checked.get(digest)
        if kept is not None and now < kept[0]:
            return kept[1]
        claims = self._claims(token)
        caller = self._caller_of(claims)
        # It may be used for as long as the clocks may differ after it expires, like one that is checked anew.
        until = min(now + _CHECKED_SECONDS, float(claims["exp"]) + self._settings.login_clock_skew_seconds)
        with self._lock:
            self._checked[digest] = (until, caller)
            while len(self._checked) > _MOST_CHECKED:
                self._checked.popitem(last=False)
        return caller

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = self._key(header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[each for each in self._settings.login_algorithms if algorithm in (None, each)],
                audience=self._settings.login_audience,
                issuer=self._issuer,
                leeway=self._settings.login_clock_skew_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise UnauthenticatedError("The login has expired: log in again.", reason="TOKEN_TOO_OLD") from None
        except jwt.PyJWTError as error:
            # The library's sentence says what is wrong with the token, and nothing of its content.
            raise UnauthenticatedError(
                f"The token is not valid here ({_one_line(error)}): log in again.", reason="TOKEN_INVALID"
            ) from None
        return claims

    def _caller_of(self, claims: Mapping[str, Any]) -> Caller:
        settings = self._settings
        name = claims.get(settings.login_user_claim)
        verified = settings.login_user_claim != "email" or claims.get("email_verified") is True
        if not isinstance(name, str) or not name.strip() or not verified or name.startswith(RESERVED_PREFIXES):
            raise UnauthenticatedError(
                f"The token has no usable claim '{settings.login_user_claim}', which names the user here: ask the "
                "operator of the login.",
                reason="TOKEN_INVALID",
            )
        groups: Any = claims.get(settings.login_groups_claim)
        if groups is None:
            groups = claims
            for part in settings.login_groups_claim.split("."):
                groups = groups.get(part) if isinstance(groups, Mapping) else None
        return logged_in(name, groups if isinstance(groups, list) else (), operators=settings.login_operators)

    def _key(self, kid: str | None) -> tuple[Any, str | None]:
        due = time.monotonic() - self._fetched > _KEYS_SECONDS or kid not in self._keys
        # Who has keys goes on with them while another thread asks for newer ones.
        if due and self._fetching.acquire(blocking=not self._keys):
            try:
                if time.monotonic() - self._tried > _RETRY_SECONDS:
                    self._tried = time.monotonic()
                    self._fetch()
            finally:
                self._fetching.release()
        if not self._keys:
            raise self._unavailable()
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise jwt.InvalidKeyError("the issuer has no such key")
        return self._keys[kid]

    def _fetch(self) -> None:
        """Read the keys of the issuer; those that are known stay where it does not answer."""
        try:
            found = dict(_keys_of(read_object(discovered(self._issuer)["jwks_uri"])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, LseError):
            if not self._keys:
                raise self._unavailable() from None
            return
        self._keys, self._fetched = found, time.monotonic()

    def _unavailable(self) -> UnavailableError:
        return UnavailableError(
            f"The keys of the login at {self._issuer} cannot be read: try again in a moment, or have the operator "
            "check login_issuer.",
            reason="LOGIN_UNAVAILABLE",
        )


def _keys_of(document: Mapping[str, Any]) -> Iterator[tuple[str | None, tuple[Any, str | None]]]:
    for key in document["keys"]:
        # One for encryption, or of a kind that is not known here, is of no use.
        if key.get("use", "sig") == "sig" and key.get("kty") in ("RSA", "EC", "OKP"):
            with contextlib.suppress(jwt.PyJWTError):
                yield key.get("kid"), (jwt.PyJWK(key).key, key.get("alg"))


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text[:1].lower() + text[1:]
