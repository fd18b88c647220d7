"""Each visitor's requests carry the visitor's own credentials, and nobody sees what another may read."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, create_signed_value

from lse.client import Client, connect
from lse.errors import LseError
from lse_dashboard.data.access import Caller, caller_of, expiry_of
from lse_dashboard.data.downloads import Offers
from lse_dashboard.data.library import Libraries
from lse_dashboard.data.uploads import Uploads
from lse_dashboard.server import handlers


@pytest.mark.parametrize(
    ("headers", "login", "token"),
    [
        ({}, None, None),
        ({"Authorization": "Bearer abc"}, None, "abc"),
        ({"authorization": "bearer  abc "}, None, "abc"),
        ({"Authorization": "Basic abc"}, None, None),
        ({"Authorization": "Bearer a b"}, None, None),
        ({"Authorization": "Bearer abc\u00e9"}, None, None),
        ({"X-Forwarded-Access-Token": "xyz", "Authorization": "Bearer abc"}, None, "xyz"),
        ({"X-Forwarded-Access-Token": "xyz"}, "own", "own"),
    ],
)
def test_a_visitor_is_known_by_the_token_of_the_request(
    headers: dict[str, str], login: str | None, token: str | None
) -> None:
    assert caller_of(headers, login) == Caller(token)


def test_no_token_is_shown_or_kept_in_a_key() -> None:
    caller = Caller("secret-token")
    assert "secret-token" not in repr(caller)
    assert "secret-token" not in caller.key
    assert len({Caller().key, Caller("a").key, Caller("b").key}) == 3


class Services(grpc.GenericRpcHandler):
    """Services that answer no call, and note who made it."""

    def __init__(self) -> None:
        self.calls: list[str | None] = []

    def service(self, handler_call_details: Any) -> None:
        metadata = dict(handler_call_details.invocation_metadata)
        self.calls.append(metadata.get("authorization"))


@pytest.fixture
def services() -> Iterator[tuple[Services, str]]:
    heard = Services()
    server = grpc.server(ThreadPoolExecutor(2), handlers=[heard])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield heard, f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_calls_carry_the_token_of_the_visitor(services: tuple[Services, str]) -> None:
    heard, address = services

    def opened(token: str | None) -> Client:
        return connect(address, token=token)

    libraries = Libraries(opened)
    for caller in (Caller("alice"), Caller("bob"), Caller(), Caller("alice")):
        with pytest.raises(LseError):
            libraries.of(caller).projects()
    assert heard.calls == ["Bearer alice", "Bearer bob", None, "Bearer alice"]


def test_files_are_asked_for_with_the_token_of_the_visitor(services: tuple[Services, str]) -> None:
    heard, address = services
    libraries = Libraries(lambda token: connect(address, token=token))

    async def ask(path: str, **headers: str) -> int:
        answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/{path}", headers=headers, raise_error=False)
        return answer.code

    async def visit() -> list[int]:
        server.add_sockets(sockets)
        signed = create_signed_value("secret", "access_token", "carol").decode()
        return [
            await ask("health"),
            await ask("thumbnails/default/survey/3", Authorization="Bearer alice"),
            await ask("cards/default/encoder", **{"X-Forwarded-Access-Token": "bob"}),
            await ask("cards/default/encoder.json", Cookie=f"access_token={signed}"),
            await ask("cards/default/encoder.json", Cookie="access_token=forged"),
        ]

    server = HTTPServer(Application(handlers(libraries, Offers(), Offers(), Uploads()), cookie_secret="secret"))
    sockets = bind_sockets(0, "127.0.0.1")
    port = sockets[0].getsockname()[1]
    assert asyncio.run(visit()) == [200, 503, 503, 503, 503]
    assert heard.calls == ["Bearer alice", "Bearer bob", "Bearer carol", None]


def unsigned(expiry: int) -> str:
    """Something that looks like a token that expires then."""
    body = base64.urlsafe_b64encode(json.dumps({"exp": expiry}).encode()).decode().rstrip("=")
    return f"e30.{body}.x"


def test_a_login_goes_on_with_the_token_that_expires_last(services: tuple[Services, str]) -> None:
    heard, address = services
    libraries = Libraries(lambda token: connect(address, token=token))
    first, second = unsigned(1000), unsigned(2000)
    kept = libraries.of(caller_of({}, first, "vera"))
    # The page renews it; a picture is then asked for with the cookie of before.
    for token in (second, first):
        assert libraries.of(caller_of({}, token, "vera")) is kept
    assert libraries.of(caller_of({}, first, "bo")) is not kept
    with pytest.raises(LseError):
        kept.projects()
    assert heard.calls == [f"Bearer {second}"]
    assert [expiry_of(token) for token in (first, "opaque", "a.b.c")] == [1000, 0, 0]


def test_callers_share_room_but_no_tables() -> None:
    libraries = Libraries(lambda token: connect("127.0.0.1:1", token=token))
    alice, bob = libraries.of(Caller("alice")), libraries.of(Caller("bob"))
    assert alice is libraries.of(Caller("alice"))
    assert alice is not bob
    made = []
    for library in (alice, bob, alice):
        library.kept(("cloud", "uid"), lambda: made.append(1) or b"cloud")  # type: ignore[func-returns-value]
    assert len(made) == 2
    assert alice.client() is not bob.client()
