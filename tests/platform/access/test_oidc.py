"""Tokens of a real issuer on loopback: which are accepted, and whom they name."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lse.errors import FailedPreconditionError, InvalidArgumentError, UnauthenticatedError, UnavailableError
from lse.platform.access import oidc
from lse.platform.access.oidc import IssuerTokens
from lse.platform.auth import ADMIN
from lse.platform.config import load_settings
from oidc_provider import AUDIENCE, OidcProvider, oidc_provider


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with oidc_provider() as provider:
        yield provider


def tokens(provider: OidcProvider, **settings: Any) -> IssuerTokens:
    usual = {"login": "oidc", "login_issuer": provider.issuer, "login_audience": AUDIENCE}
    return IssuerTokens(load_settings(**{**usual, **settings}))


def test_a_token_names_the_user_and_the_groups(provider: OidcProvider) -> None:
    caller = tokens(provider).caller(provider.token("ada", "astronomers", "staff"))
    assert caller.name == "ada"
    assert caller.principals == {"user:ada", "group:astronomers", "group:staff"}
    assert not caller.is_operator


def test_users_and_groups_come_from_the_claims_of_the_settings(provider: OidcProvider) -> None:
    issued = tokens(
        provider,
        login_user_claim="preferred_username",
        login_groups_claim="realm_access.roles",
        login_operators="group:ops",
    )
    token = provider.token("x1", preferred_username="ada", realm_access={"roles": ["ops", "staff"]})
    caller = issued.caller(token)
    assert (caller.name, caller.roles) == ("ada", {ADMIN})
    assert caller.principals == {"user:ada", "group:ops", "group:staff"}
    with pytest.raises(UnauthenticatedError, match="no usable claim 'preferred_username'"):
        issued.caller(provider.token("x1"))


@pytest.mark.parametrize("claims", [{}, {"email_verified": False}, {"email_verified": "true"}])
def test_an_address_of_mail_counts_only_where_the_issuer_verified_it(
    provider: OidcProvider, claims: dict[str, Any]
) -> None:
    issued = tokens(provider, login_user_claim="email")
    with pytest.raises(UnauthenticatedError, match="no usable claim 'email'"):
        issued.caller(provider.token("x1", email="ada@example.org", **claims))
    assert issued.caller(provider.token("x1", email="ada@example.org", email_verified=True)).name == "ada@example.org"


@pytest.mark.parametrize("name", ["service:p/nightly", "user:ada", "group:ops", "", " "])
def test_nobody_is_taken_for_something_else_by_a_name(provider: OidcProvider, name: str) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens(provider).caller(provider.token(name))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"seconds": -60}, "TOKEN_TOO_OLD"),
        ({"aud": "another"}, "TOKEN_INVALID"),
        ({"aud": None}, "TOKEN_INVALID"),
        ({"iss": "https://elsewhere.example.org"}, "TOKEN_INVALID"),
        ({"nbf": 4102444800}, "TOKEN_INVALID"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
        ({"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, "TOKEN_INVALID"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_token_that_is_not_right_is_refused(provider: OidcProvider, claims: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        tokens(provider).caller(provider.token("ada", **claims))
    assert caught.value.reason == reason


def test_a_forged_token_is_refused(provider: OidcProvider) -> None:
    issued = tokens(provider)
    head, body, signature = provider.token("ada").split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    mallory = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "bo"}).encode()).decode().rstrip("=")
    public = jwt.PyJWK(provider.documents()["/keys"]["keys"][0]).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # The public key as the secret of a symmetric signature: PyJWT itself refuses to make that, so it is made by hand.
    confused = jwt.api_jws.PyJWS().encode(
        json.dumps(claims).encode(), base64.b64encode(public), algorithm="HS256", headers={"kid": "first"}
    )
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": "first"})
    for forged in (f"{head}.{mallory}.{signature}", confused, unsigned, f"{head}.{body}.", "nonsense", "a.b.c"):
        with pytest.raises(UnauthenticatedError) as caught:
            issued.caller(forged)
        assert caught.value.reason == "TOKEN_INVALID"


def test_clocks_may_differ_by_the_skew(provider: OidcProvider) -> None:
    expired = provider.token("ada", seconds=-10)
    assert tokens(provider).caller(expired).name == "ada"
    with pytest.raises(UnauthenticatedError, match="log in again"):
        tokens(provider, login_clock_skew_seconds=0).caller(expired)


def test_a_checked_token_is_refused_once_it_expires(provider: OidcProvider) -> None:
    issued = tokens(provider, login_clock_skew_seconds=0)
    token = provider.token("ada", seconds=2)
    assert issued.caller(token).name == "ada"
    time.sleep(2.1)
    with pytest.raises(UnauthenticatedError, match="has expired"):
        issued.caller(token)


def test_only_signatures_of_the_settings_are_accepted(provider: OidcProvider) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens(provider, login_algorithms="ES256").caller(provider.token("ada"))
    with pytest.raises(InvalidArgumentError, match="cannot be 'HS256'"):
        tokens(provider, login_algorithms="HS256")


def test_new_keys_are_found_and_withdrawn_ones_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "_RETRY_SECONDS", 0.0)
    with oidc_provider() as provider:
        issued = tokens(provider)
        assert issued.caller(provider.token("ada")).name == "ada"
        withdrawn = provider.token("bo")
        provider.rotate("second")
        assert issued.caller(provider.token("ada")).name == "ada"
        with pytest.raises(UnauthenticatedError, match="no such key"):
            issued.caller(withdrawn)


def test_who_invents_keys_does_not_make_us_ask_the_issuer_each_time() -> None:
    with oidc_provider() as provider:
        issued = tokens(provider)
        issued.caller(provider.token("ada"))
        invented = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for number in range(20):
            forged = jwt.encode({"sub": "ada"}, invented, algorithm="RS256", headers={"kid": f"k{number}"})
            with pytest.raises(UnauthenticatedError):
                issued.caller(forged)
        assert provider.reads == 1


def test_known_keys_are_used_on_while_the_issuer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with oidc_provider() as provider:
        issued, token = tokens(provider), provider.token("ada")
        issued.caller(provider.token("bo"))
    monkeypatch.setattr(oidc, "_KEYS_SECONDS", 0.0)
    monkeypatch.setattr(oidc, "_RETRY_SECONDS", 0.0)
    assert issued.caller(token).name == "ada"
    with pytest.raises(UnavailableError, match="cannot be read"):
        tokens(provider).caller(token)


def test_an_issuer_must_be_the_one_it_says(provider: OidcProvider) -> None:
    with oidc_provider() as other:
        other.named = "https://elsewhere.example.org"
        with pytest.raises(UnavailableError):
            tokens(other).caller(other.token("ada"))
    with pytest.raises(FailedPreconditionError, match="not asked over TLS"):
        tokens(provider, login_issuer="http://login.example.org")
    with pytest.raises(FailedPreconditionError, match="login_audience is missing"):
        tokens(provider, login_audience="")
